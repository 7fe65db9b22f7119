"""Data sets whose images are in shards give what those with loose files give."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys

import fsspec
import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.structures import BaseDataElement
from torch.utils.data import DataLoader

from aurora_mm.converters.shards import make_shards
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.samplers import SeededSampler, TaskAwareBatchSampler
from aurora_mm.errors import ConfigError, DataError, OutputError
from aurora_mm.images.shards.shard_source import ShardSource, write_source
from aurora_mm.registry import DATASETS

TRAIN = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=64),
    dict(type='RandomGeometry'),
    dict(type='ApplyGeometry'),
    dict(type='RandomGaussianNoise'),
    dict(type='PackMultiTaskInputs'),
]
PLAIN = [step for step in TRAIN if 'Random' not in step['type']]


@pytest.fixture
def packed(fmc_root, tmp_path):
    """A data root in shards of about two images; the loose files are in ``tmp_path / 'root'``."""
    make_shards(fmc_root.fill(6).path, tmp_path / 'out', 0.008)
    return tmp_path / 'out'


@pytest.fixture
def url(packed, tmp_path):
    """The same in memory, as a bucket is."""
    files = fsspec.filesystem('memory')
    files.put(str(packed), f'/{tmp_path.name}', recursive=True)
    yield f'memory://{tmp_path.name}'
    files.rm(f'/{tmp_path.name}', recursive=True)


def cache(tmp_path, max_gb=16_000e-9):
    return dict(folder=str(tmp_path / 'cache'), max_gb=max_gb)


def batches(dataset, **options):
    sampler = SeededSampler(dataset, seed=3)
    return list(DataLoader(dataset, 3, sampler=sampler, collate_fn=pseudo_collate, **options))


def plain(value, without=('img_path', 'csv_file')):
    """A value of batches as numbers, texts, lists and dicts, without the paths of files."""
    if isinstance(value, BaseDataElement):
        return plain(dict(value.metainfo_items())), plain(dict(value.items()))
    if isinstance(value, torch.Tensor | np.ndarray):
        return str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if key not in without}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else repr(value)


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('where', ['folder', 'url'])
def test_batches_are_those_of_loose_files(packed, url, tmp_path, where, workers):
    common = dict(split='train', pipeline=TRAIN)
    loose = FMCUIADataset(str(tmp_path / 'root'), **common)
    if where == 'folder':
        sharded = FMCUIADataset(str(packed), **common)
    else:
        sharded = FMCUIADataset(url, shard_cache=cache(tmp_path), **common)
    options = dict(num_workers=workers, multiprocessing_context='fork') if workers else {}
    found = plain(batches(sharded, **options))
    assert len(found) == 7  # of the 19 rows of a side
    assert found == plain(batches(loose, **options))
    assert sharded.metainfo['image_fingerprints'] == loose.metainfo['image_fingerprints']
    assert sum(file.stat().st_size for file in tmp_path.glob('cache/shards/*.tar')) <= 16_000


@pytest.mark.long
def test_a_process_that_is_started_anew_reads_them_too(packed, tmp_path):
    """It gets the data set by pickling and has no memory of the first process."""
    common = dict(split='train', pipeline=PLAIN)
    sharded = FMCUIADataset(f'file://{packed}', shard_cache=cache(tmp_path), **common)
    (tmp_path / 'dataset.pkl').write_bytes(pickle.dumps(sharded))
    code = 'import pickle, sys, torch; torch.save(pickle.load(open(sys.argv[1], "rb"))[0]["inputs"], sys.argv[2])'
    subprocess.run([sys.executable, '-c', code, tmp_path / 'dataset.pkl', tmp_path / 'inputs.pt'], check=True)
    loose = FMCUIADataset(str(tmp_path / 'root'), **common)
    assert torch.equal(torch.load(tmp_path / 'inputs.pt'), loose[0]['inputs'])


def test_folders_of_splits_at_a_url(packed, tmp_path):
    (tmp_path / 'data').mkdir()
    for side in ('train', 'val'):
        (tmp_path / 'data' / side).symlink_to(packed)
    for side in ('train', 'val'):
        dataset = FMCUIADataset(f'file://{tmp_path}/data', split=side, shard_cache=cache(tmp_path), pipeline=PLAIN)
        assert len(batches(dataset)) == 8
    with pytest.raises(DataError, match="no split 'test': the data is divided into train, val"):
        FMCUIADataset(f'file://{tmp_path}/data', split='test', shard_cache=cache(tmp_path))


def test_csv_files_that_changed_are_copied_again(packed, tmp_path):
    def rows():
        return len(FMCUIADataset(f'file://{packed}', split='all', shard_cache=cache(tmp_path)))

    assert rows() == 24
    text = (packed / 'csv_files/b.csv').read_text().splitlines()
    (packed / 'csv_files/b.csv').write_text('\n'.join(text[:-1]) + '\n')
    (packed / 'csv_files/d.csv').unlink()
    assert rows() == 17


def test_the_index_of_rows_is_kept_and_made_anew_for_other_shards(packed, fmc_root, tmp_path):
    expected = FMCUIADataset(str(packed), 'all')
    assert len(expected) == 24
    for folder in (packed / 'shards', packed / 'csv_files', *(packed / 'csv_files').iterdir()):
        os.utime(folder, (1e9, 1e9))
    for _ in range(2):
        dataset = FMCUIADataset(str(packed), 'all', index_cache=str(tmp_path / 'index'))
        assert [dataset.get_data_info(i)['img_path'] for i in range(24)] == [
            expected.get_data_info(i)['img_path'] for i in range(24)
        ]
    (kept,) = (tmp_path / 'index').glob('*.arrow')
    os.utime(packed / 'shards', (2e9, 2e9))  # as when another index is put in its place
    FMCUIADataset(str(packed), 'all', index_cache=str(tmp_path / 'index'))
    assert not kept.exists() or kept.stat().st_mtime > 1.5e9


def test_errors_name_the_row_the_shard_and_the_member(packed, url, tmp_path):
    files = fsspec.filesystem('memory')
    for path in files.glob(f'/{tmp_path.name}/shards/*.tar'):
        files.pipe_file(path, bytes(files.info(path)['size']))
    dataset = FMCUIADataset(url, split='all', shard_cache=cache(tmp_path), pipeline=PLAIN)
    text = rf'a.csv, row 2: image .*0.png is damaged: member Seg.*/0.png of shard {url}/shards/shard-00000.tar is not'
    with pytest.raises(DataError, match=text):
        dataset[0]


def test_a_copy_that_was_damaged_on_this_machine_is_replaced(packed, url, tmp_path):
    dataset = FMCUIADataset(url, split='all', shard_cache=cache(tmp_path), pipeline=PLAIN)
    first = dataset[0]['inputs']
    for copy in tmp_path.glob('cache/shards/*.tar'):
        copy.write_bytes(bytes(copy.stat().st_size))
    assert torch.equal(dataset[0]['inputs'], first)


def test_a_file_that_is_not_in_the_shards_is_named_with_its_row(packed):
    with (packed / 'csv_files/b.csv').open('a') as stream:
        stream.write('breast,classification,2,../Classification/breast/77.png,1\n')
    with pytest.raises(DataError, match=r"b.csv, row 8: image_path '.*77.png': there is no file"):
        FMCUIADataset(str(packed), 'all')


def test_refusals(packed, tmp_path):
    with pytest.raises(ConfigError, match=r'is a URL: its data set needs shard_cache=dict\(folder='):
        FMCUIADataset(f'file://{packed}')
    for size in (0, float('nan'), float('inf'), '1', True, None):
        with pytest.raises(ConfigError, match='shard_cache needs folder and a positive max_gb'):
            FMCUIADataset(f'file://{packed}', shard_cache=dict(folder='a', max_gb=size))
    for wrong in (dict(folder='a'), dict(folder=1, max_gb=1), dict(folder='', max_gb=1), 5, 'x', []):
        with pytest.raises(ConfigError, match='shard_cache needs folder and a positive max_gb'):
            FMCUIADataset(f'file://{packed}', shard_cache=wrong)
    (tmp_path / 'file').touch()
    with pytest.raises(OutputError, match=r'cannot write .*file/roots/.*Not a directory'):
        FMCUIADataset(f'file://{packed}', shard_cache=dict(folder=str(tmp_path / 'file'), max_gb=1))
    with pytest.raises(DataError, match='no data: there is neither csv_files'):
        FMCUIADataset(f'file://{tmp_path}/nowhere', shard_cache=cache(tmp_path))
    with pytest.raises(DataError, match=r'no shards: .* is made by `aurora-mm make-shards`'):
        FMCUIADataset(f'file://{tmp_path}/root', shard_cache=cache(tmp_path))


@pytest.mark.parametrize('text', ['[]', '5', '{', 'null', '{"csv_files/a.csv": 5}'])
def test_a_damaged_list_of_versions_is_made_again(packed, tmp_path, text):
    read = dict(split='all', shard_cache=cache(tmp_path))
    FMCUIADataset(f'file://{packed}', **read)
    (versions,) = tmp_path.glob('cache/roots/*/versions.json')
    good = versions.read_text()
    versions.write_text(text)
    assert len(FMCUIADataset(f'file://{packed}', **read)) == 24
    assert versions.read_text() == good


@pytest.mark.parametrize('text', ['[]', '{', '{"url": 1, "folder": 2, "max_bytes": 3}'])
def test_a_damaged_place_of_shards(packed, text):
    (packed / 'shards/source.json').write_text(text)
    with pytest.raises(DataError, match=r'source\.json: (cannot be read|says no place of shards)'):
        FMCUIADataset(str(packed), 'all', pipeline=PLAIN)[0]


def test_data_of_somebody_else_does_not_choose_what_is_downloaded(packed):
    write_source(packed, ShardSource('https://elsewhere/shards', '/tmp/cache/shards', 10**9))
    dataset = FMCUIADataset(str(packed), 'all', pipeline=PLAIN)
    with pytest.raises(DataError, match='is not in the cache that it names'):
        dataset[0]


def task_batches(dataset, skip=0, keep=None):
    """The second epoch of a run, drawn from a shard of each task at a time; on this process's rank."""
    drawn = TaskAwareBatchSampler(DefaultSampler(dataset, seed=5), 4, batches_of='all', shard_window=1)
    if keep is not None:
        drawn.keep_batches(*keep)
    drawn.set_progress({}, {})
    list(drawn)
    drawn.sampler.set_epoch(1)
    drawn.skip = skip
    return plain(list(DataLoader(dataset, batch_sampler=drawn, collate_fn=pseudo_collate)))


def test_an_epoch_that_was_interrupted_goes_on_as_an_unbroken_one(url, tmp_path):
    unbroken = task_batches(FMCUIADataset(url, pipeline=TRAIN, shard_cache=cache(tmp_path)))
    shutil.rmtree(tmp_path / 'cache')  # as on another machine
    resumed = FMCUIADataset(url, pipeline=TRAIN, shard_cache=cache(tmp_path))
    assert task_batches(resumed, skip=2) == unbroken[2:]
    assert len(unbroken) == 5


def _rank(rank, folder, address, queue):
    torch.distributed.init_process_group('gloo', init_method=address, rank=rank, world_size=2)
    dataset = FMCUIADataset(f'file://{folder}/out', pipeline=TRAIN, shard_cache=cache(folder))
    queue.put((rank, task_batches(dataset, keep=(1, 4))))
    torch.distributed.barrier()  # the group ends with both
    torch.distributed.destroy_process_group()


def test_two_processes_share_the_batches_of_one_and_one_cache(packed, tmp_path, two_ranks):
    alone = task_batches(FMCUIADataset(str(tmp_path / 'out'), pipeline=TRAIN))
    shares = dict(two_ranks(_rank, tmp_path, f'file://{tmp_path}/rendezvous'))
    for whole, first, second in zip(alone, shares[0], shares[1], strict=True):
        assert whole['inputs'] == first['inputs'] + second['inputs']
        assert whole['data_samples'] == first['data_samples'] + second['data_samples']
    assert sum(file.stat().st_size for file in tmp_path.glob('cache/shards/*.tar')) <= 16_000


def test_the_shards_of_items_also_of_several_data_sets(packed, tmp_path):
    whole = dict(type='FMCUIADataset', data_root=str(packed), split='all')
    one = DATASETS.build(whole)
    counts = np.bincount(one.shards())
    assert counts.sum() == 24
    assert len(counts) == len(list((packed / 'shards').glob('*.tar')))
    repeated = DATASETS.build(dict(type='RepeatTaskDataset', dataset=whole, times=2))
    assert np.bincount(repeated.shards()).tolist() == (2 * counts).tolist()
    both = DATASETS.build(dict(type='ConcatTaskDataset', datasets=[whole, whole]))
    assert np.bincount(both.shards()).tolist() == [*counts, *counts]
    loose = dict(whole, data_root=str(tmp_path / 'root'))
    assert set(DATASETS.build(loose).shards()) == {-1}
    with pytest.raises(ConfigError, match='needs images in shards'):
        DATASETS.build(dict(type='ConcatTaskDataset', datasets=[whole, loose])).shards()
