"""Every order of the steps of a pipeline is refused in a sentence, or gives the right coordinates."""

import itertools

import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile

from aurora_mm.datasets.geometry import warp_points
from aurora_mm.datasets.pipeline_order import order_fault
from aurora_mm.datasets.transforms import (
    ApplyGeometry,
    CropToUltrasound,
    FitToSize,
    LandmarkJitter,
    LoadTaskAnnotations,
    LoadUltrasoundImage,
    PackMaskedInputs,
    PackMultiTaskInputs,
    RandomGaussianBlur,
    RandomGeometry,
    RandomPatchMask,
)

LOAD, LABELS, CROP, FIT = LoadUltrasoundImage, LoadTaskAnnotations, CropToUltrasound, FitToSize
MOVE, WARP, PACK = RandomGeometry, ApplyGeometry, PackMultiTaskInputs
TRAIN = [LOAD, LABELS, CROP, FIT, MOVE, WARP, PACK]
TEST = [LOAD, CROP, FIT, WARP, LABELS, PACK]
POINT = (70.5, 40.5)  # x, y, the centre of a pixel and of the white square around it


class MyLoader(LoadUltrasoundImage):
    """A loader of a user's own package."""

    __module__ = 'mine.loading'


def built(step):
    arguments = {FIT: dict(size=64), MOVE: dict(flip_prob=1.0, degrees=8.0, scale=(0.9, 1.1), shift=0.02)}
    return step(**arguments.get(step, {}))


def run(steps):
    """The results of the steps for an image whose white square is the annotated point."""
    image = np.zeros((96, 120), np.uint8)
    image[20:80, 30:110] = 60  # what shows ultrasound
    image[36:45, 66:75] = 255
    results = dict(img=image, img_path='a.png', task='t', task_type='landmark', num_outputs=1, points=[list(POINT)])
    results |= dict(may_flip=True, may_zoom=True, max_rotation=None, flip_indices=[0], point_order=[], other_rows=[])
    for step in steps:
        results = built(step).transform(results)
    return results


@pytest.mark.parametrize('coordinates', ['network', 'original'])
def test_each_order_is_refused_or_right(coordinates):
    np.random.seed(0)
    right = 0
    for order in itertools.permutations(TRAIN):
        if order_fault(order, coordinates) is not None:
            continue
        right += 1
        packed = run(order)
        sample = packed['data_samples']['t']
        assert (sample.gt_coordinates, packed['inputs'].shape) == (coordinates, (3, 64, 64))
        in_network = warp_points(np.array([POINT], float), sample.homography_matrix)
        expected = in_network if coordinates == 'network' else [POINT]
        np.testing.assert_allclose(sample.gt_landmarks, expected, atol=1e-4)
        rows, columns = np.nonzero(packed['inputs'][0].numpy() > 200)
        np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], in_network[0], atol=0.3)
    assert right == 2  # FitToSize and RandomGeometry in either order


@pytest.mark.parametrize(
    ('steps', 'fault'),
    [
        ([], 'it has no step; the first is LoadUltrasoundImage, the last PackMultiTaskInputs'),
        ([LOAD, FIT, WARP], 'it has no PackMultiTaskInputs, which must be its last step'),
        ([FIT, WARP, LABELS, PACK], 'it has no LoadUltrasoundImage, which must be its first step'),
        ([LABELS, LOAD, FIT, WARP, PACK], 'LoadUltrasoundImage must come before LoadTaskAnnotations'),
        ([LOAD, FIT, WARP, PACK, LABELS], 'PackMultiTaskInputs must be its last step'),
        ([LOAD, FIT, LABELS, PACK], 'FitToSize needs ApplyGeometry, which it has not'),
        ([LOAD, LABELS, WARP, FIT, PACK], 'FitToSize must come before ApplyGeometry'),
        ([LOAD, FIT, MOVE, LABELS, WARP, PACK], 'LoadTaskAnnotations must come before RandomGeometry'),
        ([LOAD, CROP, LABELS, WARP, PACK], 'LoadTaskAnnotations must come before CropToUltrasound'),
        ([LOAD, LABELS, FIT, WARP, LABELS, PACK], 'LoadTaskAnnotations stands in it 2 times'),
        ([LOAD, FIT, WARP, LOAD, LABELS, PACK], 'LoadUltrasoundImage stands in it 2 times'),
        ([LOAD, LandmarkJitter, LABELS, WARP, PACK], 'LoadTaskAnnotations must come before LandmarkJitter'),
        ([LOAD, LABELS, LandmarkJitter, WARP, PACK], 'ApplyGeometry must come before LandmarkJitter'),
        ([LOAD, RandomPatchMask, FIT, WARP, PackMaskedInputs], 'ApplyGeometry must come before RandomPatchMask'),
        ([LOAD, FIT, WARP, PackMaskedInputs], 'PackMaskedInputs needs RandomPatchMask'),
        ([RandomGaussianBlur, LOAD, WARP, PACK], 'LoadUltrasoundImage must come before RandomGaussianBlur'),
    ],
)
def test_faults(steps, fault):
    assert order_fault(steps).startswith(fault)


def test_what_losses_and_scores_need():
    assert order_fault(TRAIN, 'network') is None
    assert order_fault(TEST, 'original') is None
    assert 'must come before ApplyGeometry in training' in order_fault(TEST, 'network')
    assert 'must come after ApplyGeometry here' in order_fault([LOAD, LABELS, FIT, WARP, PACK], 'original')
    bare = [LOAD, FIT, WARP, PACK]
    assert order_fault(bare) is None
    assert 'no LoadTaskAnnotations' in order_fault(bare, 'network')
    assert order_fault([LOAD, FIT, WARP, RandomPatchMask, PackMaskedInputs], 'network') is None


def test_steps_of_other_packages_may_load_and_pack():
    assert order_fault([MyLoader, LABELS, FIT, WARP, PACK], 'network') is None
    assert order_fault([LoadImageFromFile, FIT, WARP, PACK]) is None
    assert order_fault([LOAD, FIT, WARP, LoadImageFromFile]) is None
