"""Reading files of a data root whose images are in shards."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from aurora_mm.converters.shards import make_shards
from aurora_mm.errors import DataError
from aurora_mm.images.fingerprints import fingerprint
from aurora_mm.images.image_files import read_data
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.pixel_cache import PixelCache
from aurora_mm.images.reading import frame_sources, read_image
from aurora_mm.images.shards.local_shards import LocalShards
from aurora_mm.images.shards.shard_index import Member, Shard, ShardIndex, write_shard_index
from aurora_mm.images.shards.sharded_root import sharded_root_of


@pytest.fixture
def root(fmc_root, tmp_path):
    """A data root in shards; the loose files are in ``tmp_path / 'root'``."""
    make_shards(fmc_root.fill(4).path, tmp_path / 'out', 0.012)
    return tmp_path / 'out'


def test_bytes_and_fingerprints_are_those_of_the_loose_files(root, tmp_path):
    files = sorted((tmp_path / 'root').rglob('*.png'))
    assert len(files) == 20
    for file in files:
        packed = root / file.relative_to(tmp_path / 'root')
        assert read_data(packed) == file.read_bytes()
        assert fingerprint(str(packed)) == fingerprint(str(file)) != 0


def test_a_picture_is_read_from_its_shard_once(root, tmp_path, monkeypatch):
    """Beside its first bytes, by which the reader is chosen."""
    file = 'Detection/nodule/1.png'
    length = len((tmp_path / 'root' / file).read_bytes())
    read, sizes = LocalShards.read, []

    def noted(self, shard, offset, size):
        sizes.append(size)
        return read(self, shard, offset, size)

    monkeypatch.setattr(LocalShards, 'read', noted)
    read_image(root / file)
    assert sizes == [1024, length] and length > 1024


def test_a_relative_path(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = (tmp_path / 'root/Detection/nodule/1.png').read_bytes()
    assert read_data('out/Detection/nodule/1.png') == expected
    monkeypatch.chdir(root)
    assert read_data('./Detection/nodule/1.png') == read_data('Detection/nodule/1.png') == expected


def test_a_loose_file_is_in_no_shard(tmp_path, fmc_root):
    fmc_root.image('a.png')
    assert sharded_root_of(tmp_path / 'root/a.png') is None
    assert sharded_root_of('a.png') is None


def test_the_pages_of_a_file_and_the_frames_of_a_clip(fmc_root, tmp_path):
    pages = [np.full((16, 16), 40 * page, np.uint8) for page in range(3)]
    folder = fmc_root.path / 'Classification'
    folder.mkdir()
    cv2.imwritemulti(str(folder / 'a.tif'), pages)
    clip = cv2.VideoWriter(str(folder / 'b.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 5, (32, 32))
    for page in range(3):
        clip.write(np.full((32, 32, 3), 40 * page, np.uint8))
    clip.release()
    names = ['a.tif', 'b.avi']
    rows = [fmc_root.cls_row(0, image_path=f'../Classification/{name}#frame=2') for name in names]
    fmc_root.csv('a', rows)
    make_shards(fmc_root.path, tmp_path / 'out')
    for name in names:
        loose, packed = folder / name, tmp_path / 'out/Classification' / name
        assert len(frame_sources(packed)) == 3
        found = read_image(f'{packed}#frame=2')
        np.testing.assert_array_equal(found.pixels, read_image(f'{loose}#frame=2').pixels)
        assert found.source == f'{packed}#frame=2'


def test_volumes_and_dicom_files(fmc_root, tmp_path):
    sitk = pytest.importorskip('SimpleITK')
    pytest.importorskip('pydicom')
    from tests.fixtures import dicom_files

    folder = fmc_root.path / 'Classification'
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    volume = sitk.GetImageFromArray(pixels)
    volume.SetSpacing((0.2, 0.3))
    sitk.WriteImage(volume, str(folder / 'a.nii.gz'))
    sitk.WriteImage(volume, str(folder / 'b.mha'))
    dicom_files.write(folder / 'c.dcm', pixels)
    names = ['a.nii.gz', 'b.mha', 'c.dcm']
    fmc_root.csv('a', [fmc_root.cls_row(0, image_path=f'../Classification/{name}') for name in names])
    make_shards(fmc_root.path, tmp_path / 'out')
    for name in names:
        found, expected = read_image(tmp_path / 'out/Classification' / name), read_image(folder / name)
        np.testing.assert_array_equal(found.pixels, expected.pixels)
        assert found.pixel_spacing == expected.pixel_spacing


def test_the_cache_of_pixels_keeps_members_too(root, tmp_path):
    cache = PixelCache(tmp_path / 'pixels', 1.0)
    source = str(root / 'Detection/nodule/1.png')
    decoded = []

    def decode():
        decoded.append(source)
        return read_image(source)

    one, other = cache.read(source, (), decode), cache.read(source, (), decode)
    assert decoded == [source]
    np.testing.assert_array_equal(one.pixels, other.pixels)


def test_a_file_that_was_not_packed(root):
    path = root / 'Detection/nodule/99.png'
    with pytest.raises(BadImage, match=rf'it is not in the shards of {root}'):
        read_image(path)
    assert fingerprint(str(path)) == 0


@pytest.mark.parametrize('damage', ['changed', 'cut off'])
def test_a_damaged_member_is_named_with_its_shard(root, damage):
    found = sharded_root_of(root / 'Detection/nodule/1.png')
    member = found.find(root / 'Detection/nodule/1.png')
    shard = root / 'shards' / found.index.shards[member.shard].name
    with shard.open('r+b') as stream:
        if damage == 'changed':
            stream.seek(member.offset + member.size // 2)
            stream.write(b'\xff\x00\xff')
        else:
            stream.truncate(member.offset + 5)
    with pytest.raises(BadImage, match=rf'is damaged: member Detection/nodule/1.png of shard {shard} is not what'):
        read_image(root / 'Detection/nodule/1.png')


def test_a_missing_shard_is_named_and_looked_for_again(root):
    for shard in (root / 'shards').glob('*.tar'):
        shard.rename(shard.with_suffix('.away'))
    with pytest.raises(BadImage, match=r'its shard .*shard-0000\d.tar: No such file or directory') as caught:
        read_image(root / 'Detection/nodule/1.png')
    assert isinstance(caught.value.__cause__, OSError)  # by which read_with_retries decides
    for shard in (root / 'shards').glob('*.away'):
        shard.rename(shard.with_suffix('.tar'))
    read_image(root / 'Detection/nodule/1.png')


def test_threads_share_open_files(root, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    files = sorted((tmp_path / 'root').rglob('*.png')) * 20
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda file: read_data(root / file.relative_to(tmp_path / 'root')), files)
        assert all(data == file.read_bytes() for data, file in zip(found, files, strict=True))


class TestIndex:
    SHARD = Shard('shard-00000.tar', 10, 'a' * 32)

    def write(self, folder, paths, shard=SHARD):
        members = [Member(path, 0, place, 1, 0, 0) for place, path in enumerate(paths)]
        write_shard_index(folder / 'index.arrow', members, [shard])
        return folder / 'index.arrow'

    def test_paths_are_found_in_any_order_and_script(self, tmp_path):
        paths = ['b/2.png', 'b-c.png', 'a.png', 'ä/é.png', 'b/1.png', 'b/c/3.png', 'b0.png', '図/1.png']
        index = ShardIndex(self.write(tmp_path, paths))
        assert [index.find(path).offset for path in paths] == list(range(len(paths)))
        assert index.find('b') is index.find('b/3.png') is index.find('') is index.find('zz') is None
        assert index.names_in('b') == {'1.png', '2.png'}
        assert index.names_in('図') == {'1.png'}
        assert index.names_in('nowhere') == frozenset()
        assert index.shards_of(['b/1.png', 'b/9.png']).tolist() == [0, -1]

    @pytest.mark.parametrize('name', ['../shard-00000.tar', '/etc/passwd', 'shard-00000.tar/..', 'a.tar'])
    def test_the_name_of_a_shard_leads_nowhere_else(self, tmp_path, name):
        file = self.write(tmp_path, ['a.png'], Shard(name, 10, 'a' * 32))
        with pytest.raises(DataError, match=r'index.arrow: names .* as a shard'):
            ShardIndex(file)

    @pytest.mark.parametrize('content', [b'', b'ARROW1', bytes(range(256))])
    def test_a_damaged_index_is_named(self, root, content):
        (root / 'shards/index.arrow').write_bytes(content)
        with pytest.raises(DataError, match=r'index.arrow: cannot be read as an index of shards'):
            read_image(root / 'Detection/nodule/1.png')
