"""Every way to store a mask: class indices, or a refusal that says what to do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from aurora_mm.datasets.masks import is_plain_png, read_class_indices, read_mask_values
from aurora_mm.images.image_header import BadImage
from tests.fixtures.image_bytes import png, tiff

SHAPE = (20, 30)
MASK = (np.arange(600).reshape(SHAPE) // 7 % 3).astype(np.uint8)
COLOURS = [0, 0, 0, 230, 159, 0, 86, 180, 233]


def stored(tmp_path, data: bytes, name: str = 'mask.png'):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def saved(tmp_path, pixels: np.ndarray, name: str = 'mask.png'):
    assert cv2.imwrite(str(tmp_path / name), pixels)
    return tmp_path / name


def indices(path, classes: int = 3) -> np.ndarray:
    mask, orientation = read_class_indices(path, classes, 't')
    assert orientation == 1
    assert mask.dtype == np.uint8
    return mask


def refused(path, said: str, classes: int = 3) -> None:
    with pytest.raises(BadImage, match=said):
        read_class_indices(path, classes, 't')


class TestTaken:
    @pytest.mark.parametrize(
        ('kind', 'dtype'),
        [('bmp', np.uint8), *((kind, dtype) for kind in ('png', 'tif', 'pgm') for dtype in (np.uint8, np.uint16))],
    )
    def test_values_of_8_and_16_bits(self, tmp_path, kind, dtype):
        np.testing.assert_array_equal(indices(saved(tmp_path, MASK.astype(dtype), f'mask.{kind}')), MASK)

    @pytest.mark.parametrize('kind', ['png', 'gif', 'bmp', 'tif'])
    def test_a_palette(self, tmp_path, kind):
        """Its indices count, not their colours."""
        image = Image.fromarray(MASK, mode='P')
        image.putpalette(COLOURS)
        image.save(tmp_path / f'mask.{kind}')
        np.testing.assert_array_equal(indices(tmp_path / f'mask.{kind}'), MASK)

    @pytest.mark.parametrize('bits', [1, 2, 4])
    def test_few_bits(self, tmp_path, bits):
        """OpenCV spreads them over 0..255."""
        mask = MASK % 2**bits
        np.testing.assert_array_equal(indices(stored(tmp_path, png(mask, bits))), mask)

    def test_one_bit_of_other_formats(self, tmp_path):
        mask = MASK % 2
        np.testing.assert_array_equal(indices(stored(tmp_path, tiff(mask, 1), 'mask.tif'), 2), mask)
        Image.fromarray(mask.astype(bool)).save(tmp_path / 'mask.bmp')
        np.testing.assert_array_equal(indices(tmp_path / 'mask.bmp', 2), mask)

    @pytest.mark.parametrize('channels', [3, 4])
    def test_equal_channels_and_no_transparency(self, tmp_path, channels):
        pixels = np.dstack([MASK] * 3 + [np.full(SHAPE, 255, np.uint8)])[..., :channels]
        np.testing.assert_array_equal(indices(saved(tmp_path, pixels)), MASK)
        np.testing.assert_array_equal(
            indices(saved(tmp_path, pixels.astype(np.uint16) * [1, 1, 1, 257][:channels])), MASK
        )

    def test_whole_numbers_as_floats(self, tmp_path):
        data = tiff(MASK.astype(np.float32), 32, sample_format=3)
        np.testing.assert_array_equal(indices(stored(tmp_path, data, 'mask.tif')), MASK)

    def test_a_mask_of_many_classes(self, tmp_path):
        mask = np.arange(600).reshape(SHAPE).astype(np.uint16) % 256
        np.testing.assert_array_equal(indices(saved(tmp_path, mask), 256), mask)


class TestRefused:
    def test_a_label_in_the_alpha_channel(self, tmp_path):
        """It was read as an empty mask."""
        pixels = np.dstack([np.zeros((*SHAPE, 3), np.uint8), MASK])
        refused(saved(tmp_path, pixels), 'its label may be in the alpha channel')
        grey = Image.merge('LA', [Image.new('L', SHAPE[::-1]), Image.fromarray(MASK)])
        grey.save(tmp_path / 'la.png')
        refused(tmp_path / 'la.png', 'its label may be in the alpha channel')

    def test_colours(self, tmp_path):
        refused(saved(tmp_path, np.dstack([MASK, MASK, MASK * 0])), 'is a colour image')
        high = np.dstack([MASK, MASK, MASK * 0]).astype(np.uint16)
        refused(saved(tmp_path, high), 'is a colour image')

    @pytest.mark.parametrize('kind', ['jpg', 'webp', 'jp2'])
    def test_formats_that_change_values(self, tmp_path, kind):
        refused(saved(tmp_path, np.tile(MASK, (5, 5)), f'mask.{kind}'), r'need not keep values; save it as PNG')
        # Whatever its name says.
        (tmp_path / f'mask.{kind}').rename(tmp_path / 'mask.png')
        refused(tmp_path / 'mask.png', 'need not keep values')

    @pytest.mark.parametrize('dtype', [np.int8, np.int16, np.int32, np.float32, np.float64])
    def test_negative_values(self, tmp_path, dtype):
        """-1 became class 255."""
        pixels = MASK.astype(dtype) - 1
        kind = 3 if np.dtype(dtype).kind == 'f' else 2
        path = stored(tmp_path, tiff(pixels, np.dtype(dtype).itemsize * 8, sample_format=kind), 'mask.tif')
        refused(path, r"has values \[-1(\.0)?\], but task 't' has classes 0\.\.2|cannot be read")

    @pytest.mark.parametrize('value', [0.9, np.nan, np.inf, -0.5])
    def test_values_that_are_no_integers(self, tmp_path, value):
        """.9 became 0."""
        pixels = MASK.astype(np.float32)
        pixels[3, 4] = value
        path = stored(tmp_path, tiff(pixels, 32, sample_format=3), 'mask.tif')
        refused(path, 'which are no integers|has values .inf')

    @pytest.mark.parametrize('values', [(0, 255), (0, 1, 255), (0, 128, 255)])
    def test_values_that_are_no_classes(self, tmp_path, values):
        mask = np.take(np.array(values, np.uint8), MASK % len(values))
        refused(saved(tmp_path, mask), r"has values \[.*255\], but task 't' has classes 0\.\.2; if \[0, .*indexmasks")

    def test_many_values_that_are_no_classes(self, tmp_path):
        mask = np.arange(600).reshape(SHAPE).astype(np.uint8)
        refused(saved(tmp_path, mask), r'has values \[3, 4, 5, 6, 7, 8, 9, 10, 11, 12, \.\.\.\], .* classes 0\.\.2$')

    def test_white_as_0(self, tmp_path):
        refused(stored(tmp_path, tiff(MASK, 8, photometric=0), 'mask.tif'), 'stores white as 0')
        Image.fromarray(MASK.astype(bool)).save(tmp_path / 'mask.pbm')
        refused(tmp_path / 'mask.pbm', 'stores white as 0')

    def test_pages(self, tmp_path):
        refused(stored(tmp_path, tiff(MASK, 8, pages=2), 'mask.tif'), 'has 2 pages')

    @pytest.mark.parametrize('data', [b'', b'no image'])
    def test_no_image(self, tmp_path, data):
        refused(stored(tmp_path, data), 'cannot be read')
        refused(tmp_path / 'absent.png', 'cannot be read')


def test_a_mask_that_is_stored_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(MASK).save(tmp_path / 'mask.png', exif=exif)
    mask, orientation = read_class_indices(tmp_path / 'mask.png', 3, 't')
    assert orientation == 6
    np.testing.assert_array_equal(mask, np.rot90(MASK, -1))


def test_values_whatever_they_mean(tmp_path):
    values, orientation = read_mask_values(saved(tmp_path, MASK * 127))
    np.testing.assert_array_equal(values, MASK * 127)
    assert orientation == 1


def test_what_every_reader_takes_alike(tmp_path):
    assert is_plain_png(saved(tmp_path, MASK))
    assert not is_plain_png(saved(tmp_path, np.dstack([MASK] * 3)))
    assert not is_plain_png(saved(tmp_path, MASK.astype(np.uint16)))
    assert not is_plain_png(stored(tmp_path, png(MASK % 2, 1)))
    assert not is_plain_png(saved(tmp_path, MASK, 'mask.bmp'))
