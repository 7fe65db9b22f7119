"""Plain PNG files against OpenCV and Pillow, whole and damaged."""

from __future__ import annotations

import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from aurora_mm.datasets.masks import read_mask_values
from aurora_mm.images import image_header, plain_png
from aurora_mm.images.image_files import read_bgr
from aurora_mm.images.image_header import BadImage, ImageHeader, read_header
from aurora_mm.images.plain_png import decode_plain_png


def image(shape: tuple[int, ...]) -> np.ndarray:
    """A smooth image with some noise, for which the encoder takes all filters."""
    steps = np.add.outer(np.arange(shape[0]) * 3, np.arange(shape[1]) * 2)
    pixels = steps.reshape(*steps.shape, *(1 for _ in shape[2:])) + np.random.default_rng(0).integers(0, 9, shape)
    return (pixels % 256).astype(np.uint8)


def encoded(pixels: np.ndarray, rows: int = cv2.IMWRITE_PNG_ALL_FILTERS) -> bytes:
    return cv2.imencode('.png', pixels, [cv2.IMWRITE_PNG_FILTER, rows])[1].tobytes()


def with_chunk(data: bytes, name: bytes, content: bytes, position: int = 33) -> bytes:
    """A file with a further chunk, by default after IHDR."""
    chunk = len(content).to_bytes(4, 'big') + name + content + zlib.crc32(name + content).to_bytes(4, 'big')
    return data[:position] + chunk + data[position:]


@pytest.fixture
def by_pillow(monkeypatch):
    """Reads a header as if no file were plain."""

    def read(data: bytes) -> ImageHeader:
        with monkeypatch.context() as patch:
            patch.setattr(image_header, 'plain_png', lambda data: None)
            return read_header(data)

    return read


@pytest.mark.parametrize('shape', [(20, 30), (1, 1), (7, 5, 3), (300, 400, 3), (300, 401)])
def test_headers_and_pixels_are_those_of_pillow_and_opencv(shape, by_pillow):
    pytest.importorskip('kornia_rs')
    pixels = image(shape)
    kinds = ('NONE', 'SUB', 'UP', 'AVG', 'PAETH')
    for data in (encoded(pixels), *(encoded(pixels, getattr(cv2, f'IMWRITE_PNG_FILTER_{kind}')) for kind in kinds)):
        header = read_header(data)
        assert header == by_pillow(data)._replace(plain=True)
        found = decode_plain_png(data, header)
        np.testing.assert_array_equal(found, pixels)
        assert found.flags.writeable


def test_files_are_read_by_it(tmp_path, monkeypatch):
    """Images and masks; without the package, OpenCV reads them to the same values."""
    pytest.importorskip('kornia_rs')
    pixels = image((40, 50))
    path = tmp_path / 'image.png'
    path.write_bytes(encoded(pixels))
    with monkeypatch.context() as patch:
        patch.setattr(cv2, 'imdecode', None)
        found = [read_bgr(path)[0][..., 2], read_mask_values(path)[0]]
    monkeypatch.setattr(plain_png, '_decoder', lambda: None)
    for values in (*found, read_bgr(path)[0][..., 2], read_mask_values(path)[0]):
        np.testing.assert_array_equal(values, pixels)


def test_unusual_files_are_left_to_pillow_and_opencv(by_pillow, tmp_path):
    grey = encoded(image((20, 30)))
    at_end = len(grey) - 12
    files = [
        encoded(image((20, 30)).astype(np.uint16)),  # 16 bits
        encoded(image((20, 30, 4))),  # transparency
        with_chunk(grey, b'tRNS', b'\0\5'),
        with_chunk(grey, b'sBIT', b'\6'),
        with_chunk(grey, b'eXIf', b'II*\0\0\0\0\0', at_end),
        with_chunk(grey, b'acTL', (2).to_bytes(4, 'big') + bytes(4)),
        grey + b'more',
        grey[:at_end],
    ]
    text = PngImagePlugin.PngInfo()
    text.add_text('Raw profile type exif', 'anything')
    Image.fromarray(image((20, 30))).save(tmp_path / 'text.png', pnginfo=text)
    files.append((tmp_path / 'text.png').read_bytes())
    for data in files:
        header = read_header(data)
        assert not header.plain
        assert header == by_pillow(data)
    assert read_header(with_chunk(grey, b'gAMA', bytes(4))).plain


def test_damaged_files_are_refused_as_opencv_does(tmp_path):
    """Each byte of the pixels' chunk, changed in turn."""
    data = encoded(image((6, 7)))
    path = tmp_path / 'image.png'
    for position in range(33 + 8, len(data) - 12):
        path.write_bytes(data[:position] + bytes([data[position] ^ 16]) + data[position + 1 :])
        with pytest.raises(BadImage, match='cannot be read'):
            read_bgr(path)
