"""Image files and arrays of every depth and orientation against Pillow, tifffile-like hand-made files and NumPy."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from aurora_mm.images import image_files, scaling
from aurora_mm.images.image_files import as_bgr, read_bgr, read_shape, turned_upright
from aurora_mm.images.image_header import MOST_PIXELS, BadImage
from tests.fixtures.image_bytes import png, tiff

BEGINNINGS = (b'', b'\x89PNG\r\n\x1a\n', b'\xff\xd8\xff', b'II*\0', b'MM\0+', b'GIF89a', b'BM', b'P5\n', b'RIFF')
SHAPE = (20, 30)
RAMP = (np.arange(600).reshape(SHAPE) * 255 // 599).astype(np.uint8)


@pytest.fixture
def logged(monkeypatch) -> list[str]:
    """What is logged; every depth is told anew."""
    messages: list[str] = []
    monkeypatch.setattr(scaling, '_TOLD_DEPTHS', set())
    monkeypatch.setattr(scaling, 'print_log', lambda message, logger, level: messages.append(message))
    return messages


def stored(tmp_path, data: bytes, name: str = 'image'):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def grey(path, **kwargs) -> np.ndarray:
    img, orientation = read_bgr(path, **kwargs)
    assert img.dtype == np.uint8
    assert (img == img[..., :1]).all()
    assert orientation == 1
    return img[..., 0]


class TestDepth:
    @pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
    @pytest.mark.parametrize('make', [png, tiff])
    def test_the_content_of_a_16_bit_file_says_how_many_bits_it_has(self, tmp_path, logged, bits, make):
        """Nearly black without scaling: 4095 of 65535 is 16 of 255."""
        values = RAMP.astype(np.uint16) << (bits - 8) | (2**bits >> 9)
        np.testing.assert_array_equal(grey(stored(tmp_path, make(values, 16))), RAMP)
        assert len(logged) == (bits < 16)
        if bits < 16:
            assert (
                f'whose largest value is below {2**bits} are read as {bits}-bit ones: value >> {bits - 8}' in logged[0]
            )

    def test_a_depth_is_told_once(self, tmp_path, logged):
        path = stored(tmp_path, png(RAMP.astype(np.uint16) * 16, 16))
        for _ in range(3):
            grey(path)
        assert len(logged) == 1

    @pytest.mark.parametrize(('bits', 'scaled'), [(10, False), (12, False), (12, True)])
    def test_png_declares_its_depth(self, tmp_path, logged, bits, scaled):
        """A dark image is not brightened; values scaled to 16 bits, as the format wants them, are recognised."""
        dark = RAMP.astype(np.uint16) // 8 << (bits - 8)
        values = dark << (16 - bits) if scaled else dark
        assert (values.max() < 2**bits) is not scaled
        np.testing.assert_array_equal(grey(stored(tmp_path, png(values, 16, bits))), RAMP // 8)
        assert logged == []

    def test_tiff_declares_its_largest_value(self, tmp_path, logged):
        dark = RAMP.astype(np.uint16) // 8 << 4
        path = stored(tmp_path, tiff(dark, 16, tags=[(281, 4095)]))
        np.testing.assert_array_equal(grey(path), RAMP // 8)
        assert logged == []

    @pytest.mark.parametrize('bits', [10, 12, 14])
    @pytest.mark.parametrize('divisor', [1, 8])
    def test_tiff_of_few_bits(self, tmp_path, logged, bits, divisor):
        values = RAMP.astype(np.uint16) // divisor << (bits - 8)
        np.testing.assert_array_equal(grey(stored(tmp_path, tiff(values, bits))), RAMP // divisor)
        assert logged == []

    def test_the_user_declares_it(self, tmp_path, logged):
        path = stored(tmp_path, png(RAMP.astype(np.uint16) // 8 << 4, 16))
        np.testing.assert_array_equal(grey(path, depth=12), RAMP // 8)
        assert logged == []
        with pytest.raises(BadImage, match='has values up to 496, more than 8 bits hold'):
            read_bgr(path, depth=8)

    def test_what_the_file_declares_goes_first(self, tmp_path, logged):
        """One depth for files that declare none must not darken the others."""
        dark = RAMP.astype(np.uint16) // 8 << 4
        np.testing.assert_array_equal(grey(stored(tmp_path, png(dark, 16, 12)), depth=16), RAMP // 8)
        assert logged == []

    def test_colours_of_16_bits_are_scaled_alike(self, tmp_path, logged):
        colours = np.stack([RAMP, RAMP // 2, RAMP // 3], axis=-1)
        cv2.imwrite(str(tmp_path / 'c.png'), colours.astype(np.uint16) << 4)
        np.testing.assert_array_equal(read_bgr(tmp_path / 'c.png')[0], colours)

    @pytest.mark.parametrize('dtype', [np.int16, np.int32, np.float32])
    def test_signed_and_decimal_values_are_read_by_their_rules(self, tmp_path, logged, dtype):
        kind = 3 if np.dtype(dtype).kind == 'f' else 2
        bits = np.dtype(dtype).itemsize * 8
        np.testing.assert_array_equal(grey(stored(tmp_path, tiff(RAMP.astype(dtype), bits, sample_format=kind))), RAMP)
        data = tiff(RAMP.astype(dtype) - np.dtype(dtype).type(1), bits, sample_format=kind)
        with pytest.raises(BadImage, match='holds negative values'):
            read_bgr(stored(tmp_path, data))

    @pytest.mark.parametrize(
        ('values', 'message'), [(RAMP * 2.0, r'decimal point up to 510'), (RAMP * np.nan, 'not finite')]
    )
    def test_decimal_values_without_a_rule_are_refused(self, tmp_path, values, message):
        with pytest.raises(BadImage, match=message):
            read_bgr(stored(tmp_path, tiff(values.astype(np.float32), 32, sample_format=3)))

    def test_shares_of_white_are_scaled(self, tmp_path):
        data = tiff((RAMP / 255).astype(np.float32), 32, sample_format=3)
        np.testing.assert_array_equal(grey(stored(tmp_path, data)), RAMP)

    @pytest.mark.parametrize('bits', [1, 2, 4])
    def test_few_bits_are_spread_over_the_greys(self, tmp_path, bits):
        values = RAMP >> (8 - bits)
        expected = values * (255 // (2**bits - 1))
        np.testing.assert_array_equal(grey(stored(tmp_path, png(values, bits))), expected)

    def test_white_as_0(self, tmp_path):
        """Readers invert 8 bits, but not 16."""
        path = stored(tmp_path, tiff(255 - RAMP, 8, photometric=0))
        np.testing.assert_array_equal(grey(path), RAMP)
        with pytest.raises(BadImage, match='stores white as 0 in 16 bits'):
            read_bgr(stored(tmp_path, tiff(RAMP.astype(np.uint16) * 200, 16, photometric=0)))

    def test_transparency_is_left_out(self, tmp_path):
        pixels = np.dstack([RAMP, RAMP, RAMP, 255 - RAMP])
        cv2.imwrite(str(tmp_path / 'a.png'), pixels)
        np.testing.assert_array_equal(grey(tmp_path / 'a.png'), RAMP)


class TestOrientation:
    @pytest.mark.parametrize('orientation', range(1, 9))
    @pytest.mark.parametrize('kind', ['png', 'jpg', 'webp'])
    def test_it_is_turned_as_pillow_turns_it(self, tmp_path, orientation, kind):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / f'turned.{kind}'
        options = dict(lossless=True) if kind == 'webp' else dict(quality=95)
        Image.fromarray(np.stack([RAMP] * 3, axis=-1)).save(path, exif=exif, **options)
        with Image.open(path) as image:
            expected = np.array(ImageOps.exif_transpose(image).convert('L'))
        img, found = read_bgr(path)
        assert found == orientation
        assert np.abs(img[..., 0].astype(int) - expected).max() <= 3  # JPEG's decoders differ a little
        assert read_shape(path) == (expected.shape, orientation)

    @pytest.mark.parametrize('orientation', [3, 6])
    def test_a_turned_tiff_file_is_refused(self, tmp_path, orientation):
        path = stored(tmp_path, tiff(RAMP, 8, tags=[(274, orientation)]))
        for read in (read_bgr, read_shape):
            with pytest.raises(BadImage, match=f'is stored in orientation {orientation}, which TIFF readers take'):
                read(path)

    def test_turning_is_undone_by_its_inverse(self):
        inverse = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
        for orientation, back in inverse.items():
            again = turned_upright(turned_upright(RAMP, orientation), back)
            np.testing.assert_array_equal(again, RAMP)


class TestFiles:
    @pytest.mark.parametrize('big', [False, True])
    def test_a_tiff_file_of_several_pages_is_refused(self, tmp_path, big):
        path = stored(tmp_path, tiff(RAMP, 8, pages=5, big=big))
        for read in (read_bgr, read_shape):
            with pytest.raises(BadImage, match='has 5 pages or frames'):
                read(path)
        np.testing.assert_array_equal(grey(stored(tmp_path, tiff(RAMP, 8, big=big))), RAMP)

    @pytest.mark.parametrize('kind', ['gif', 'webp', 'png'])
    def test_an_animation_is_refused(self, tmp_path, kind):
        frames = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]
        frames[0].save(tmp_path / f'a.{kind}', save_all=True, append_images=frames[1:])
        with pytest.raises(BadImage, match='has 2 pages or frames'):
            read_bgr(tmp_path / f'a.{kind}')

    def test_a_picture_with_previews_behind_it_is_one_picture(self, tmp_path):
        frames = [Image.fromarray(RAMP), Image.fromarray(RAMP[::2, ::2])]
        frames[0].save(tmp_path / 'a.jpg', 'MPO', save_all=True, append_images=frames[1:])
        assert read_bgr(tmp_path / 'a.jpg')[0].shape == (*SHAPE, 3)

    def test_more_pixels_than_are_read(self, tmp_path, huge_png, monkeypatch):
        with pytest.raises(BadImage, match='has more than 178,956,970 pixels'):
            read_bgr(stored(tmp_path, huge_png))
        with pytest.raises(BadImage, match='has more than 178,956,970 pixels'):
            read_bgr(stored(tmp_path, tiff(RAMP, 8).replace(b'\0\4\0\0\0\1\0\0\0\x1e', b'\0\4\0\0\0\1\x7f\0\0\x1e')))
        assert MOST_PIXELS == 178_956_970

    def test_a_jpeg_file_that_is_too_large_and_does_not_end_as_it_should(self, tmp_path):
        """Its header alone is opened to see whether it was cut off."""
        Image.new('L', (16, 16)).save(tmp_path / 'a.jpg')
        data = (tmp_path / 'a.jpg').read_bytes()
        marker = data.index(b'\xff\xc0')
        data = data[: marker + 5] + b'\xff\xff\xff\xff' + data[marker + 9 :]  # 65535 x 65535
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with pytest.raises(BadImage, match='has more than 178,956,970 pixels'):
                read_bgr(stored(tmp_path, data + b'x'))

    @pytest.mark.parametrize('name', ['absent.png', 'folder', 'x' * 300, 'a\0b'])
    def test_no_file(self, tmp_path, name):
        (tmp_path / 'folder').mkdir()
        with pytest.raises(BadImage, match='cannot be read'):
            read_bgr(f'{tmp_path}/{name}')

    @given(
        st.binary(max_size=200),
        st.sampled_from([b'', b'\x89PNG\r\n\x1a\n', b'\xff\xd8\xff', b'II*\0', b'MM\0+', b'GIF89a']),
    )
    def test_bytes_of_any_kind_are_an_image_or_refused(self, tmp_path_factory, data, start):
        path = stored(tmp_path_factory.getbasetemp(), start + data, 'any')
        for read in (read_bgr, read_shape):
            try:
                read(path)
            except BadImage:
                continue


class TestArrays:
    @pytest.mark.parametrize('shape', [SHAPE, (*SHAPE, 1)])
    @pytest.mark.parametrize('shift', [None, 0, 4, 8])
    def test_grey_and_16_bits(self, logged, shape, shift):
        array = RAMP if shift is None else RAMP.astype(np.uint16) << shift
        img = as_bgr(array.reshape(shape))
        np.testing.assert_array_equal(img, np.stack([RAMP] * 3, axis=-1))
        assert (len(logged) == 1) is (shift in (0, 4))

    def test_colours_keep_their_order(self):
        colours = np.stack([RAMP, RAMP // 2, RAMP // 3], axis=-1)
        np.testing.assert_array_equal(as_bgr(colours), colours)
        np.testing.assert_array_equal(as_bgr(colours[::-1, ::-2]), colours[::-1, ::-2])

    @pytest.mark.parametrize(
        ('array', 'said'),
        [
            *((RAMP.astype(dtype), f'holds {np.dtype(dtype)}') for dtype in (float, 'f4', 'f2', bool, int, 'i2', 'u4')),
            (np.full(SHAPE, np.nan, np.float32), 'holds float32'),
            (np.zeros((*SHAPE, 4), np.uint8), r'has shape \(20, 30, 4\)'),
            (np.zeros((*SHAPE, 2), np.uint8), r'has shape \(20, 30, 2\)'),
            (np.zeros((3, *SHAPE), np.uint8), r'has shape \(3, 20, 30\); give \(H, W, 3\)'),
            (np.zeros((2, *SHAPE, 3), np.uint8), r'has shape \(2, 20, 30, 3\)'),
            (np.zeros((0, 0, 3), np.uint8), r'has shape \(0, 0, 3\): no pixel'),
            (np.zeros((0, 5), np.uint8), 'no pixel'),
            (np.zeros(5, np.uint8), r'has shape \(5,\)'),
            (np.uint8(5), 'not a NumPy array'),
            (np.array(5, np.uint8), r'has shape \(\)'),
            (np.array([[None]]), 'holds object'),
            ([[1, 2], [3, 4]], 'is list'),
        ],
    )
    def test_anything_else_is_refused(self, array, said):
        with pytest.raises(BadImage, match=said):
            as_bgr(array)


def test_a_file_that_declares_another_size_than_it_holds_is_refused(tmp_path, monkeypatch):
    """A damaged TIFF file was decoded to 20 x 30 pixels while its tags said 20 x 6."""
    path = stored(tmp_path, tiff(RAMP, 8))
    assert read_shape(path)[0] == SHAPE
    monkeypatch.setattr(image_files, 'decode', lambda data, flags, header: np.zeros((20, 6, 3), np.uint8))
    with pytest.raises(BadImage, match=r'declares \(height, width\) \(20, 30\), but holds \(20, 6\)'):
        read_bgr(path)
