"""Image and mask files changed at random, and arrays of any kind: pixels by the rules, or a refusal."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from aurora_mm.datasets.masks import read_class_indices
from aurora_mm.images.image_files import as_bgr, read_bgr, read_shape
from aurora_mm.images.image_header import BadImage
from tests.faults.conftest import many
from tests.fixtures.image_bytes import png, tiff

SHAPE = (20, 30)
MASK = (np.arange(600).reshape(SHAPE) // 7 % 3).astype(np.uint8)


def pillow(kind: str, mode: str = 'L', **options) -> bytes:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(MASK * 90).convert(mode).save(stream, kind, exif=exif, **options)
    return stream.getvalue()


FILES = (
    png(MASK, 8),
    png(MASK, 2),
    png(MASK.astype(np.uint16) * 1000, 16, 12),
    tiff(MASK, 8, pages=2),
    tiff(MASK, 12),
    tiff(MASK, 16, tags=[(281, 4095), (274, 3)]),
    tiff(MASK.astype(np.float32), 32, sample_format=3),
    tiff(MASK, 8, big=True),
    pillow('JPEG'),
    pillow('PNG', 'P'),
    pillow('PNG', 'RGBA'),
    pillow('TIFF', compression='tiff_deflate'),
    pillow('WEBP'),
    pillow('GIF', save_all=True),
    *(cv2.imencode(f'.{kind}', MASK)[1].tobytes() for kind in ('bmp', 'pgm', 'jpg')),
)
# (file, places and new bytes, where it is cut)
change = st.tuples(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=4),
    st.none() | st.none() | st.integers(0, 3000),
)


@many(300, 6000)
@pytest.mark.parametrize('kind', ['image', 'mask'])
def test_files(tmp_path, try_cases, kind, cases):
    path = tmp_path / 'file'

    def one(case) -> str:
        data, changes, cut = case
        data = bytearray(data)
        for place, value in changes:
            data[place % min(len(data), 400)] = value  # headers stand in front
        path.write_bytes(data if cut is None else data[: cut % len(data)])
        try:
            if kind == 'mask':
                mask, _ = read_class_indices(path, 3, 't')
                assert mask.dtype == np.uint8
                assert mask.ndim == 2
                assert mask.max() < 3
                return 'right'
            img, orientation = read_bgr(path)
        except BadImage as bad:
            assert str(bad)
            return 'refused'
        assert img.dtype == np.uint8
        assert img.shape[2] == 3
        assert read_shape(path) == (img.shape[:2], orientation)
        return 'right'

    try_cases(f'{kind} files', cases, change, one)


others = st.sampled_from(['u4', 'i1', 'i2', 'i8', 'f2', 'f4', 'f8', 'bool', 'c8', 'O', 'U3', 'M8[s]'])
dtypes = st.sampled_from(['u1', 'u2']) | st.sampled_from(['u1', 'u2']) | others
sides = st.integers(1, 6)
shapes = (
    st.tuples(sides, sides)
    | st.tuples(sides, sides, st.sampled_from([1, 3]))
    | arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)
)


@many(200, 2000)
def test_arrays(try_cases, cases):
    def one(case) -> str:
        dtype, shape, seed = case
        rng = np.random.default_rng(seed)
        array = rng.integers(0, 2 ** rng.integers(1, 17), shape).astype(dtype)
        try:
            img = as_bgr(array)
        except BadImage:
            return 'refused'
        assert dtype in ('u1', 'u2')
        grey = array.reshape(*array.shape[:2], -1)
        shift = 0 if dtype == 'u1' else max(0, next(b for b in (8, 10, 12, 14, 16) if grey.max() < 2**b) - 8)
        np.testing.assert_array_equal(img, np.broadcast_to(grey >> shift, img.shape))
        return 'right'

    try_cases('arrays given to the inferencer', cases, st.tuples(dtypes, shapes, st.integers(0, 10**6)), one)
