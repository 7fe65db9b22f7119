"""JPEG images that are reduced while they are decoded lie where the whole images lie."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from aurora_mm.datasets.geometry import fit_matrix, rotate_scale_translate_matrix, warp_points
from aurora_mm.datasets.transforms import ApplyGeometry, FitToSize, LoadUltrasoundImage, PackMultiTaskInputs
from aurora_mm.errors import ConfigError
from aurora_mm.images.image_files import jpeg_reduction
from aurora_mm.images.image_header import ImageHeader, read_header

SHAPE = (301, 403)  # not divisible by 2


def blobs(shape=SHAPE):
    """Smooth bright spots, and where they are, (N, 2) x and y."""
    ys, xs = np.mgrid[: shape[0], : shape[1]] + 0.5
    places = np.array([[100.5, 90.0], [200.0, 150.5], [330.0, 240.0], [395.0, 295.0]])
    spots = [np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * 12**2)) for x, y in places]
    return np.rint(20 + 200 * sum(spots)).clip(0, 255).astype(np.uint8), places


def saved(tmp_path, pixels, name='a.jpg', **kwargs):
    path = tmp_path / name
    Image.fromarray(pixels).save(path, quality=95, **kwargs)
    return str(path)


@pytest.mark.parametrize(
    ('shape', 'least', 'factor'),
    [((300, 400), 150, 2), ((300, 400), 151, 1), ((301, 400), 150, 2), ((800, 1600), 200, 4), ((4000, 4000), 64, 8)],
)
def test_the_smallest_image_that_is_large_enough(shape, least, factor):
    header = ImageHeader('JPEG', 'L', shape)
    assert jpeg_reduction(header, least) == factor
    assert jpeg_reduction(header, None) == 1
    assert jpeg_reduction(header._replace(format='PNG'), least) == 1
    assert jpeg_reduction(header._replace(orientation=3), least) == 1


@pytest.mark.parametrize('least', [140, 70])
@pytest.mark.parametrize('colour', [False, True])
def test_the_geometry_is_that_of_the_original(tmp_path, least, colour):
    pixels, places = blobs()
    path = saved(tmp_path, np.repeat(pixels[..., None], 3, axis=2) if colour else pixels)
    results = LoadUltrasoundImage(least_side=least).transform(dict(img_path=path))
    factor = results['reduction']
    assert factor == {140: 2, 70: 4}[least]
    assert results['img'].shape == (-(-SHAPE[0] // factor), -(-SHAPE[1] // factor), 3)
    assert results['ori_shape'] == results['img_shape'] == SHAPE
    whole = LoadUltrasoundImage().transform(dict(img_path=path))
    size = (64, 64)
    for turn in (np.eye(3), rotate_scale_translate_matrix(size, 12, 0.9, (2, -3))):
        warped = []
        for one in (results, whole):
            one = FitToSize(size).transform(dict(one))
            one['homography_matrix'] = turn @ one['homography_matrix']
            warped.append(ApplyGeometry().transform(one)['img'][..., 0].astype(float))
        assert np.abs(warped[0] - warped[1]).max() < 12  # of 200: the peaks of the reduced image are a little lower
        assert np.abs(np.mean(warped[0] - warped[1])) < 0.2
        # Half a pixel of displacement would move the centres of the spots.
        ys, xs = np.mgrid[: size[0], : size[1]] + 0.5
        for x, y in warp_points(places[:3], turn @ fit_matrix(SHAPE, size)):
            near = np.hypot(xs - x, ys - y) < 7
            weight = (warped[0] - 20).clip(0) * near
            centre = (weight * xs).sum() / weight.sum(), (weight * ys).sum() / weight.sum()
            np.testing.assert_allclose(centre, (x, y), atol=0.12)


def test_turned_pictures_and_other_formats_are_read_whole(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    pixels, _ = blobs()
    for path in (saved(tmp_path, pixels, exif=exif), saved(tmp_path, pixels, 'a.png')):
        results = LoadUltrasoundImage(least_side=50).transform(dict(img_path=path))
        assert results['reduction'] == 1
        assert results['img'].shape[:2] == SHAPE


def test_a_pipeline_without_geometry_is_refused(tmp_path):
    row = dict(img_path=saved(tmp_path, blobs()[0]), task='t', task_type='classification')
    with pytest.raises(ConfigError, match='least_side of LoadUltrasoundImage needs ApplyGeometry'):
        PackMultiTaskInputs().transform(LoadUltrasoundImage(least_side=50).transform(row))
    for wrong in (0, -5, 1.5, '448'):
        with pytest.raises(ConfigError, match='least_side must be a number of pixels'):
            LoadUltrasoundImage(least_side=wrong)


def test_a_jpeg_that_was_cut_off_is_refused_when_reduced(tmp_path):
    path = saved(tmp_path, blobs()[0])
    data = open(path, 'rb').read()  # noqa: PTH123, SIM115
    assert read_header(data).shape == SHAPE
    open(path, 'wb').write(data[: len(data) // 2])  # noqa: PTH123, SIM115
    with pytest.raises(Exception, match='ends early'):
        LoadUltrasoundImage(least_side=50).transform(dict(img_path=path))


def test_opencv_reduces_by_blocks():
    """A reduced pixel covers a whole block: what is symmetric stays symmetric."""
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:, 32:] = 200
    _, data = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])
    small = cv2.imdecode(data, cv2.IMREAD_REDUCED_GRAYSCALE_2).astype(int)
    assert np.abs(small[:, :16] - 0).max() <= 2
    assert np.abs(small[:, 16:] - 200).max() <= 2
