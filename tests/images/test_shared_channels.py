from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from aurora_mm.datasets.pipeline import build_pipeline
from aurora_mm.datasets.transforms import (
    ApplyGeometry,
    FitToSize,
    LoadUltrasoundImage,
    PackMultiTaskInputs,
    RandomBrightnessContrast,
    RandomGamma,
    RandomGaussianBlur,
    RandomGaussianNoise,
    RandomGeometry,
    RandomMotionBlur,
)
from aurora_mm.images import image_files
from aurora_mm.images.reading import read_image
from aurora_mm.images.shared_channels import own_channels, share_channels, shared_plane
from aurora_mm.tasks import Task

RAMP = np.arange(600, dtype=np.uint16).reshape(20, 30)
STEPS = [
    FitToSize(32),
    RandomGeometry(),
    ApplyGeometry(fill=3),
    RandomBrightnessContrast(prob=1),
    RandomGamma(prob=1),
    RandomGaussianNoise(prob=1),
    RandomGaussianBlur(prob=1),
    RandomMotionBlur(prob=1),
]


def image():
    return cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (50, 70), dtype=np.uint8), (0, 0), 1)


@pytest.mark.parametrize('seed', range(3))
def test_every_transform_treats_shared_and_separate_channels_alike(seed):
    """The sizes of single channels and triples take different paths in OpenCV, which may round differently."""
    outs = []
    for pixels in (share_channels(image()), np.repeat(image()[..., None], 3, axis=2)):
        row = Task('t', 'classification', classes=('a', 'b')).item_fields() | dict(img=pixels)
        results = LoadUltrasoundImage().transform(row)
        results['img'] = pixels
        np.random.seed(seed)
        for step in STEPS:
            results = step.transform(results)
        outs.append(results['img'])
        packed = PackMultiTaskInputs().transform(results)['inputs']
        np.testing.assert_array_equal(packed.permute(1, 2, 0).numpy(), results['img'])
        packed[0] += 1  # in memory of its own
    assert shared_plane(outs[0]) is not None
    assert shared_plane(outs[1]) is None
    assert np.abs(outs[0].astype(int) - outs[1]).max() <= 1


@pytest.mark.parametrize('kind', ['png', 'jpg', 'bmp', 'pgm', '16.png', 'tRNS.png', '4.png'])
def test_grey_files_have_one_plane_with_the_values_of_the_colour_reader(tmp_path, kind):
    path = tmp_path / f'a.{kind}'
    grey = (RAMP >> 2).astype(np.uint8)
    if kind == '16.png':
        cv2.imwrite(str(path), RAMP << 6)
    elif kind == 'tRNS.png':
        Image.fromarray(grey).save(path, transparency=5)
    elif kind == '4.png':
        Image.fromarray(grey).convert('P').quantize(16).convert('L').save(path, bits=4)
    else:
        cv2.imwrite(str(path), grey)
    pixels = read_image(path).pixels
    assert shared_plane(pixels) is not None
    assert not pixels.flags.writeable
    read = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), image_files._COLOUR)
    np.testing.assert_array_equal(pixels, read if read.dtype == np.uint8 else read >> 8)


def test_colour_files_keep_their_channels(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), colours)
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png').pixels, colours)


class Painter:
    """A transform from elsewhere, which writes to the image."""

    def __call__(self, results):
        results['img'][:5, :5, 1] = 255
        return results


def test_transforms_from_elsewhere_may_write_to_the_image():
    results = dict(img=share_channels(image()))
    for step in build_pipeline([RandomGaussianBlur(prob=0), Painter()]):
        results = step(results)
    assert (results['img'][:5, :5, 1] == 255).all()
    np.testing.assert_array_equal(results['img'][..., 0], image())
    owned = results['img']
    assert own_channels(owned) is owned
