from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.datasets.transforms import LoadUltrasoundImage
from aurora_mm.errors import ConfigError, DataError, OutputError
from aurora_mm.images import pixel_cache
from aurora_mm.images.pixel_cache import PixelCache
from aurora_mm.images.reading import read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.fixture(params=['grey', 'colour'])
def image(tmp_path, request):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), PIXELS[..., 0] if request.param == 'grey' else PIXELS)
    return str(path)


def cached(folder, source, max_gb=1.0):
    """The image, and whether it was decoded."""
    decoded = []

    def decode():
        decoded.append(source)
        return read_image(source)

    return PixelCache(folder, max_gb).read(source, (None,), decode), bool(decoded)


def same(one, other):
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert one._replace(pixels=None) == other._replace(pixels=None)
    assert (one.pixels.strides[2] == 0) is (other.pixels.strides[2] == 0)


def test_an_image_is_decoded_once(tmp_path, image):
    first, decoded = cached(tmp_path / 'cache', image)
    assert decoded
    second, decoded = cached(tmp_path / 'cache', image)
    assert not decoded
    same(first, read_image(image))
    same(second, first)


def test_what_a_file_says_about_its_image_is_kept(tmp_path):
    sitk = pytest.importorskip('SimpleITK')
    volume = sitk.GetImageFromArray(PIXELS[..., 0])
    volume.SetSpacing((0.2, 0.3))
    sitk.WriteImage(volume, str(tmp_path / 'a.mha'))
    cached(tmp_path / 'cache', str(tmp_path / 'a.mha'))
    found, decoded = cached(tmp_path / 'cache', str(tmp_path / 'a.mha'))
    assert not decoded
    same(found, read_image(tmp_path / 'a.mha'))
    assert found.pixel_spacing == pytest.approx((0.3, 0.2))


def test_a_changed_file_is_decoded_again(tmp_path, image):
    cached(tmp_path / 'cache', image)
    cv2.imwrite(image, 255 - PIXELS)
    os.utime(image, ns=(1, 1))
    found, decoded = cached(tmp_path / 'cache', image)
    assert decoded
    np.testing.assert_array_equal(found.pixels, 255 - PIXELS)


def test_a_file_that_was_replaced_by_one_of_the_same_size_and_time_is_decoded_again(tmp_path):
    image, other = tmp_path / 'a.bmp', tmp_path / 'b.bmp'
    for path, pixels in ((image, PIXELS), (other, 255 - PIXELS)):
        cv2.imwrite(str(path), pixels)
        os.utime(path, ns=(10**18, 10**18))
    cached(tmp_path / 'cache', str(image))
    other.replace(image)
    found, decoded = cached(tmp_path / 'cache', str(image))
    assert decoded
    np.testing.assert_array_equal(found.pixels, 255 - PIXELS)


@pytest.mark.parametrize('suffix', ['.mhd', '.mha'])
def test_pixels_in_another_file_than_their_header_are_not_kept(tmp_path, suffix):
    sitk = pytest.importorskip('SimpleITK')
    sitk.WriteImage(sitk.GetImageFromArray(PIXELS[..., 0]), str(tmp_path / 'a.mhd'))
    image = (tmp_path / 'a.mhd').rename(tmp_path / f'a{suffix}')
    cached(tmp_path / 'cache', str(image))
    raw = tmp_path / 'a.raw'
    raw.write_bytes((255 - PIXELS[..., 0]).tobytes())
    found, _ = cached(tmp_path / 'cache', str(image))
    np.testing.assert_array_equal(found.pixels[..., 0], 255 - PIXELS[..., 0])


def test_pixels_behind_their_header_are_kept(tmp_path):
    sitk = pytest.importorskip('SimpleITK')
    image = tmp_path / 'a.mha'
    sitk.WriteImage(sitk.GetImageFromArray(PIXELS[..., 0]), str(image))
    assert [cached(tmp_path / 'cache', str(image))[1] for _ in range(2)] == [True, False]


@pytest.mark.parametrize('kept', [0, 10, -1])
def test_an_incomplete_file_of_the_cache_is_replaced(tmp_path, image, kept):
    cached(tmp_path / 'cache', image)
    (file,) = (tmp_path / 'cache').glob('*.pixels')
    file.write_bytes(file.read_bytes()[:kept])
    found, decoded = cached(tmp_path / 'cache', image)
    assert decoded
    same(found, read_image(image))
    assert not cached(tmp_path / 'cache', image)[1]


def test_the_limit_holds_for_all_who_write(tmp_path):
    images = []
    for number in range(20):
        images.append(str(tmp_path / f'{number}.png'))
        cv2.imwrite(images[-1], PIXELS[..., 0])
    limit = 10 * (PIXELS[..., 0].size + 200) / 1e9
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda source: cached(tmp_path / 'cache', source, limit), images))
    files = list((tmp_path / 'cache').glob('*.pixels'))
    used = sum(file.stat().st_size for file in files)
    assert 9 <= len(files) <= 11
    assert used <= limit * 1e9
    assert used == int((tmp_path / 'cache' / pixel_cache._COUNTER).read_text())
    assert sum(cached(tmp_path / 'cache', source, limit)[1] for source in images) == 20 - len(files)


def test_a_file_that_is_gone_is_an_error_as_without_a_cache(tmp_path, image, monkeypatch):
    monkeypatch.setattr('aurora_mm.images.retries.WAITS', ())
    load = LoadUltrasoundImage(cache=dict(folder=str(tmp_path / 'cache'), max_gb=1))
    load.transform(dict(img_path=image))
    Path(image).unlink()
    with pytest.raises(DataError, match='cannot be read'):
        load.transform(dict(img_path=image))


@pytest.mark.parametrize('cache', [dict(folder='x'), dict(folder='x', max_gb=0), dict(folder='x', max_gb=1, size=2)])
def test_arguments_that_make_no_cache(cache):
    with pytest.raises(ConfigError, match='max_gb'):
        LoadUltrasoundImage(cache=cache)


def test_a_folder_that_cannot_be_written(tmp_path, image):
    (tmp_path / 'file').touch()
    with pytest.raises(OutputError, match=r'cannot write the cache of pixels .*cache: Not a directory'):
        cached(tmp_path / 'file' / 'cache', image)
