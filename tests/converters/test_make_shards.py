"""Packing a data root in shards."""

from __future__ import annotations

import os
import subprocess
import tarfile

import cv2
import numpy as np
import pytest

from aurora_mm.cli.main import main
from aurora_mm.converters.shards import make_shards
from aurora_mm.errors import ConfigError, DataError, OutputError
from aurora_mm.images.shards.shard_index import ShardIndex
from aurora_mm.images.shards.sharded_root import ShardedRoot

MB = 1e-6  # a byte


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()}


def test_any_tar_program_gets_the_files_back(fmc_root, tmp_path):
    root = fmc_root.fill(3).path
    out = tmp_path / 'out'
    assert make_shards(root, out, 12_000 * MB) == {'': 15}
    shards = sorted((out / 'shards').glob('*.tar'))
    assert len(shards) > 2
    assert all(shard.stat().st_size <= 12_000 for shard in shards)
    (tmp_path / 'back').mkdir()
    for shard in shards:
        subprocess.run(['tar', '-xf', shard, '-C', tmp_path / 'back'], check=True)
    named = {name for name in files_in(root) if name.endswith('.png')}
    assert files_in(tmp_path / 'back') == named
    assert all((tmp_path / 'back' / name).read_bytes() == (root / name).read_bytes() for name in named)
    for file in (root / 'csv_files').iterdir():
        assert (out / 'csv_files' / file.name).read_bytes() == file.read_bytes()
    index = ShardIndex(out / 'shards' / 'index.arrow')
    assert [shard.size for shard in index.shards] == [shard.stat().st_size for shard in shards]


def test_files_lie_in_the_order_of_the_rows_and_masks_beside_their_images(fmc_root, tmp_path):
    make_shards(fmc_root.fill(2).path, tmp_path / 'out')
    with tarfile.open(tmp_path / 'out/shards/shard-00000.tar') as tar:
        names = tar.getnames()
    assert names[:5] == [
        'Segmentation/Three/organs/img/0.png',
        'Segmentation/Three/organs/mask/0.png',
        'Segmentation/Three/organs/img/1.png',
        'Segmentation/Three/organs/mask/1.png',
        'Classification/breast/0.png',
    ]


def test_a_file_that_several_rows_name_and_a_frame_are_packed_once(fmc_root, tmp_path):
    row = fmc_root.cls_row(0)
    cv2.imwritemulti(str(fmc_root.path / 'Classification/breast/clip.tif'), [np.zeros((9, 9), np.uint8)] * 2)
    clip = dict(row, image_path='../Classification/breast/clip.tif#frame=1')
    fmc_root.csv('a', [row, row | dict(task_id='other'), clip])
    assert make_shards(fmc_root.path, tmp_path / 'out') == {'': 2}


def test_masks_of_overlapping_classes_are_packed(fmc_root, tmp_path):
    seg = fmc_root.seg_row(0)
    text = f'["{seg.pop("mask_path")}", null, null]'
    fmc_root.csv('a', [seg | dict(task_name='multi_label_segmentation', mask_paths=text)])
    make_shards(fmc_root.path, tmp_path / 'out')
    assert ShardedRoot(tmp_path / 'out').find(tmp_path / 'out/Segmentation/Three/organs/mask/0.png') is not None


def test_data_without_labels(fmc_root, tmp_path):
    """The paths of masks are then those that predictions are written to."""
    row = fmc_root.seg_row(0)
    (fmc_root.path / 'Segmentation/Three/organs/mask/0.png').unlink()
    fmc_root.csv('a', [row])
    assert make_shards(fmc_root.path, tmp_path / 'out') == {'': 1}


def test_splits_and_other_sizes_of_shards(fmc_root, tmp_path, capsys):
    for side in ('train', 'val'):
        (tmp_path / 'data').mkdir(exist_ok=True)
        (tmp_path / 'data' / side).symlink_to(fmc_root.path)
    fmc_root.fill(2)
    main(['make-shards', str(tmp_path / 'data'), str(tmp_path / 'out'), '--shard-mb', '0.008'])
    assert 'out/val: 10 files in shards' in capsys.readouterr().out
    # What is in shards is read as all other data is.
    make_shards(tmp_path / 'out/train', tmp_path / 'again')
    assert [path.name for path in (tmp_path / 'again/shards').glob('*.tar')] == ['shard-00000.tar']


def test_a_missing_file_is_named_with_its_row_and_nothing_is_written(fmc_root, tmp_path):
    fmc_root.fill(2)
    (fmc_root.path / 'Segmentation/Three/organs/mask/1.png').unlink()
    with pytest.raises(DataError, match=r'a.csv, row 3: .*there is no file .*mask/1.png'):
        make_shards(fmc_root.path, tmp_path / 'out')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['root']


def test_a_file_that_cannot_be_read_is_named_with_its_row_and_nothing_is_written(fmc_root, tmp_path, monkeypatch):
    fmc_root.fill(2)
    bad = fmc_root.path / 'Detection/nodule/1.png'
    read = os.fspath
    monkeypatch.setattr('aurora_mm.images.image_files.Path', PathThatFails(read(bad)))
    with pytest.raises(DataError, match=r'c.csv, row 3: .*nodule/1.png cannot be read \(Input/output error\)'):
        make_shards(fmc_root.path, tmp_path / 'out')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['root']


class PathThatFails:
    """In place of ``Path``: one file has a bad sector."""

    def __init__(self, bad: str) -> None:
        self._bad = bad

    def __call__(self, path):
        if str(path) == self._bad:
            raise OSError(5, 'Input/output error', str(path))
        return path


@pytest.mark.parametrize('suffix', ['mhd', 'mha'])
def test_the_pixels_of_a_bare_header_would_be_left_behind(fmc_root, tmp_path, suffix):
    (fmc_root.path / 'Classification').mkdir()
    (fmc_root.path / 'Classification/a.raw').write_bytes(bytes(4))
    (fmc_root.path / f'Classification/a.{suffix}').write_text('ElementDataFile = a.raw')
    fmc_root.csv('a', [fmc_root.cls_row(0, image_path=f'../Classification/a.{suffix}')])
    with pytest.raises(DataError, match=rf'a.csv, row 2: .*a.{suffix} is a header whose pixels are in another file'):
        make_shards(fmc_root.path, tmp_path / 'out')


def test_refusals(fmc_root, tmp_path):
    root = fmc_root.fill(1).path
    for size in (0, -1, float('inf'), float('nan')):
        with pytest.raises(ConfigError, match=f'must be positive and finite, not {size} MB'):
            make_shards(root, tmp_path / 'out', size)
    with pytest.raises(DataError, match='no data: there is neither csv_files'):
        make_shards(tmp_path, tmp_path / 'out')
    with pytest.raises(DataError, match='stands in the way'):
        make_shards(root, root)


@pytest.mark.parametrize('url', ['s3://', 'file://', 'memory:///'])
def test_a_url_that_names_no_folder(url, fmc_root, tmp_path, monkeypatch):
    """Nothing is written to a folder of this machine that is called s3: instead."""
    root = fmc_root.fill(1).path
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    with pytest.raises(ConfigError, match=f'{url} names no folder'):
        make_shards(root, url)
    assert not list((tmp_path / 'here').iterdir())


@pytest.mark.parametrize(('url', 'kind'), [('data://x', OutputError), ('reference://x', ConfigError)])
def test_a_url_that_cannot_be_written(url, kind, fmc_root):
    with pytest.raises(kind, match=f'{url}.*(Read only|required)'):
        make_shards(fmc_root.fill(1).path, url)


def test_a_url_gets_its_index_last(fmc_root, tmp_path, monkeypatch):
    """So data that was not written to its end has none, and is written again."""
    fsspec = pytest.importorskip('fsspec')
    files = fsspec.filesystem('memory')
    url = f'memory://{tmp_path.name}'
    root = fmc_root.fill(2).path
    put, done = type(files).put_file, []

    def interrupted(self, path, target, **kwargs):
        if len(done) == 7:
            raise OSError('the line is dead')
        done.append(target)
        put(self, path, target, **kwargs)

    monkeypatch.setattr(type(files), 'put_file', interrupted)
    with pytest.raises(OutputError, match=rf'cannot write {url}/shards/shard-00003.tar: the line is dead'):
        make_shards(root, url, 8_000 * MB)
    assert not files.exists(f'/{tmp_path.name}/shards/index.arrow')
    done.clear()
    monkeypatch.undo()
    try:
        make_shards(root, url, 8_000 * MB)
        assert files.exists(f'/{tmp_path.name}/shards/index.arrow')
        with pytest.raises(DataError, match='stands in the way'):
            make_shards(root, url)
    finally:
        files.rm(f'/{tmp_path.name}', recursive=True)
