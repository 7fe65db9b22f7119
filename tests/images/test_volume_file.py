"""NIfTI and MetaImage files, written by SimpleITK."""

from __future__ import annotations

import gzip
import math
import struct

import numpy as np
import pytest

from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import frame_sources, read_image, read_shape

sitk = pytest.importorskip('SimpleITK')
SUFFIXES = ['.nii', '.nii.gz', '.mha', '.mhd']
RAMP = np.arange(12 * 20, dtype=np.uint8).reshape(12, 20)


def write(path, array, spacing=None, is_vector=False):
    image = sitk.GetImageFromArray(array, isVector=is_vector)
    if spacing is not None:
        image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_a_picture_with_its_spacing(tmp_path, suffix):
    """SimpleITK has (x, y), the package (height, width)."""
    path = write(tmp_path / f'a{suffix}', RAMP, (0.3, 0.2))
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, np.repeat(RAMP[..., None], 3, axis=2))
    assert image.pixel_spacing == pytest.approx((0.2, 0.3))
    assert read_shape(path) == (12, 20)


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_slices_are_frames_of_one_scale(tmp_path, suffix):
    """A dark slice stays dark: the depth is that of the whole volume."""
    volume = np.stack([RAMP.astype(np.uint16) // 16, RAMP.astype(np.uint16) * 16])
    path = write(tmp_path / f'a{suffix}', volume)
    assert frame_sources(path) == [f'{path}#frame=0', f'{path}#frame=1']
    np.testing.assert_array_equal(read_image(f'{path}#frame=1').pixels[..., 0], RAMP)
    assert read_image(f'{path}#frame=0').pixels.max() == 0


def test_a_spacing_that_nobody_set_is_unknown(tmp_path):
    assert read_image(write(tmp_path / 'a.mha', RAMP)).pixel_spacing is None


@pytest.mark.parametrize('side', [0, math.nan, math.inf, -0.2, 1e9])
@pytest.mark.parametrize('suffix', ['.nii', '.nii.gz'])
def test_an_impossible_spacing_is_not_taken(tmp_path, suffix, side):
    """SimpleITK reads 0 and what is no number as 1, so that a pixel of 0 x .3 mm would be one of 1 x .3 mm."""
    path = write(tmp_path / f'a{suffix}', RAMP, (0.2, 0.3))
    packed = gzip.open if suffix == '.nii.gz' else open
    with packed(path, 'rb') as file:
        data = bytearray(file.read())
    struct.pack_into('<f', data, 80, side)  # pixdim[1], the width
    with packed(path, 'wb') as file:
        file.write(data)
    image = read_image(path)
    assert 'pixel_spacing' not in image.facts()
    assert 'cannot have a pixel spacing of [0.3000' in image.spacing_fault
    assert str(float(side)) in image.spacing_fault
    assert image.facts((0.5, 0.5))['pixel_spacing'] == (0.5, 0.5)


def test_a_side_of_1_mm_is_taken(tmp_path):
    image = read_image(write(tmp_path / 'a.nii', RAMP, (1, 0.3)))
    assert image.facts()['pixel_spacing'] == pytest.approx((0.3, 1))
    assert image.spacing_fault is None


def test_a_metaimage_with_a_spacing_of_0_says_so(tmp_path):
    path = write(tmp_path / 'a.mha', RAMP)
    path.write_bytes(path.read_bytes().replace(b'ElementSpacing = 1 1', b'ElementSpacing = 0 1'))
    with pytest.raises(BadImage, match='says a spacing of 0'):
        read_image(path)


def test_colours_become_bgr(tmp_path):
    colours = np.stack([RAMP, RAMP // 2, RAMP // 3], axis=-1)
    np.testing.assert_array_equal(
        read_image(write(tmp_path / 'a.mha', colours, is_vector=True)).pixels, colours[..., ::-1]
    )


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (RAMP.astype(np.int16) - 1, r'negative values \(down to -1\)'),
        (RAMP.astype(np.float32) * 2, 'decimal point up to 478'),
        (np.full((4, 5), np.inf, np.float32), 'not finite'),
        (RAMP.astype(np.uint32) * 1000, 'values up to 239000'),
        (np.zeros((2, 2, 2, 2), np.uint8), '4 dimensions'),
    ],
)
def test_values_without_a_rule_are_refused(tmp_path, values, message):
    with pytest.raises(BadImage, match=message):
        path = write(tmp_path / 'a.mha', values)
        read_image(path)


def test_a_cut_off_file_is_refused(tmp_path):
    path = write(tmp_path / 'a.mha', np.random.default_rng(0).integers(0, 255, (50, 50), np.uint8))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(BadImage, match='cannot be read to its end'):
        read_image(path)


@pytest.mark.parametrize('suffix', ['.mhd', '.mha'])
@pytest.mark.parametrize('name', ['../secret.raw', '/etc/hostname', 'none.raw', 'LIST'])
def test_a_header_cannot_open_files_elsewhere(tmp_path, name, suffix):
    """Also not under the suffix of files that hold their pixels: the format looks at the header alone."""
    (tmp_path / 'secret.raw').write_bytes(bytes(240))
    (tmp_path / 'data').mkdir()
    path = write(tmp_path / 'data' / 'a.mhd', RAMP)
    path = path.rename(path.with_suffix(suffix))
    path.write_text(path.read_text().replace('a.raw', name))
    with pytest.raises(BadImage, match='it must be a file of the same folder'):
        read_image(path)


@pytest.mark.parametrize(
    'text',
    [
        *('', 'ElementDataFile = LOCAL\nElementDataFile = ../secret.raw\n', 'ElementDataFile\n'),
        *('Comment = ElementDataFile = a.raw\n', 'Comment = \x85ElementDataFile = a.raw\n'),
        'ElementDataFile = a.raw\n' + 'Comment = x\n' * 10_000 + 'ElementDataFile = ../secret.raw\n',
    ],
)
def test_a_header_must_say_once_where_its_pixels_are(tmp_path, text):
    path = write(tmp_path / 'a.mhd', RAMP)
    path.write_text(path.read_text().replace('ElementDataFile = a.raw\n', text), encoding='latin-1')
    with pytest.raises(BadImage, match='must say ElementDataFile once'):
        read_image(path)


def test_a_file_is_read_as_the_format_of_its_name(tmp_path):
    """Other readers of SimpleITK follow names in a file to other files."""
    write(tmp_path / 'a.nrrd', RAMP).rename(tmp_path / 'a.nii')
    with pytest.raises(BadImage, match='cannot be read as NIfTI'):
        read_image(tmp_path / 'a.nii')


@pytest.mark.parametrize('name', ['LIST', 'LIST 2', '%d.raw'])
def test_a_header_cannot_name_several_files(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(240))
    path = write(tmp_path / 'a.mhd', RAMP)
    path.write_text(path.read_text().replace('a.raw', name))
    with pytest.raises(BadImage, match='it must be a file of the same folder'):
        read_image(path)
