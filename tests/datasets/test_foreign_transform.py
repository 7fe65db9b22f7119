"""What a transform of another package may do to the results of a pipeline, and what is refused with its name."""

import numpy as np
import pytest

from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.geometry import fit_matrix
from aurora_mm.datasets.pipeline import build_pipeline
from aurora_mm.datasets.transforms import FitToSize
from aurora_mm.datasets.transforms.geometry_state import compose
from aurora_mm.errors import ConfigError

LOAD, LABELS, FIT = dict(type='LoadUltrasoundImage'), dict(type='LoadTaskAnnotations'), dict(type='FitToSize', size=32)
WARP, PACK = dict(type='ApplyGeometry'), dict(type='PackMultiTaskInputs')
PLACES = {
    'before the labels': lambda step: [LOAD, step, LABELS, FIT, WARP, PACK],
    'before the warp': lambda step: [LOAD, LABELS, FIT, step, WARP, PACK],
    'after the warp': lambda step: [LOAD, LABELS, FIT, WARP, step, PACK],
    'in a test': lambda step: [LOAD, FIT, WARP, LABELS, step, PACK],
}


class Mine:
    """A transform of a user's own."""

    def __init__(self, function):
        self.function = function

    def __call__(self, results):
        return self.function(results)


def changed(**functions):
    """A transform that changes values of the results, each by a function of the value."""
    return Mine(lambda results: results | {key: function(results[key]) for key, function in functions.items()})


def without(key):
    return Mine(lambda results: {name: value for name, value in results.items() if name != key})


def raised(error):
    def function(results):
        raise error

    return Mine(function)


def first(fmc_root, row, place, step):
    fmc_root.csv('c', [getattr(fmc_root, row)(index) for index in range(10)])
    return FMCUIADataset(str(fmc_root.path), pipeline=PLACES[place](step))[0]


@pytest.mark.parametrize('place', PLACES)
@pytest.mark.parametrize(
    ('step', 'fault'),
    [
        (Mine(lambda results: None), 'returned None, and must return the dict'),
        (Mine(lambda results: [results]), 'returned a list'),
        (raised(KeyError('gt')), "cannot be used here: it ends with KeyError: 'gt'"),
        *[(without(key), f'removes {key} from') for key in ('img', 'homography_matrix', 'flip', 'img_shape', 'task')],
        (
            changed(homography_matrix=lambda matrix: 2 * matrix),
            r'moved the pixels \(homography_matrix\); use FitToSize',
        ),
        (changed(homography_matrix=lambda matrix: np.add(matrix, 1, out=matrix)), r'moved the pixels \(homography'),
        (changed(img_shape=lambda shape: (7, 7)), r'moved the pixels \(img_shape\)'),
        (changed(flip=lambda flip: True), r'moved the pixels \(flip\)'),
        (changed(img=lambda img: img[::2, ::2]), r'moved the pixels \(its image has the size'),
        (Mine(lambda results: results | dict(scale_factor=(1.0, 1.0))), r'moved the pixels \(scale_factor\)'),
        (changed(img=lambda img: img.tolist()), 'makes the image a list'),
        (changed(img=lambda img: img[..., 0]), 'makes the image an array of the shape'),
        (changed(img=lambda img: img > 9), 'makes the image bool'),
        (changed(img=lambda img: img.astype(np.uint16)), 'makes the image uint16'),
        (changed(img=lambda img: img / 255), 'leaves pixels from .* they go from 0 to 255'),
        (changed(img=lambda img: 257.0 * (img + 1.0)), 'leaves pixels from .* they go from 0 to 255'),
        (changed(img=lambda img: img * np.nan), 'leaves pixels that are not finite'),
    ],
)
def test_what_is_refused(fmc_root, step, fault, place):
    with pytest.raises(ConfigError, match=rf'^transform Mine {fault}.* \(image .*png; .*c.csv, row \d+\)$'):
        first(fmc_root, 'det_row', place, step)


@pytest.mark.parametrize('place', ['before the warp', 'after the warp', 'in a test'])
@pytest.mark.parametrize(
    ('row', 'step', 'fault'),
    [
        ('det_row', without('gt_bboxes'), 'removes gt_bboxes'),
        ('det_row', without('gt_coordinates'), 'removes gt_coordinates'),
        ('det_row', changed(gt_bboxes=lambda boxes: boxes * np.nan), 'leaves an annotation of .*: gt_bboxes holds'),
        ('det_row', changed(gt_bboxes=lambda boxes: boxes + 999), 'leaves .* outside of'),
        ('det_row', changed(gt_bboxes=lambda boxes: boxes[:0]), 'leaves .*: gt_bboxes holds 0 boxes, and'),
        ('det_row', changed(gt_bboxes_labels=lambda labels: labels + 1), 'leaves .* holds 1; the classes are 0..0'),
        ('seg_row', changed(gt_seg_map=lambda mask: mask[::2]), 'leaves .*: gt_seg_map has the size'),
        ('seg_row', changed(gt_seg_map=lambda mask: mask + np.uint8(7)), 'leaves .* the classes are'),
        ('seg_row', changed(gt_seg_map=lambda mask: mask.astype(float)), 'leaves .* not whole numbers'),
        ('cls_row', changed(gt_label=lambda label: 9), 'leaves .*: gt_label holds 9'),
        ('cls_row', changed(gt_label=lambda label: 'benign'), 'leaves .* not whole numbers'),
        ('point_row', changed(gt_landmarks=lambda points: points[:1]), 'leaves .*: gt_landmarks has the shape'),
        ('point_row', changed(gt_landmarks=lambda points: points - 999), 'leaves .* outside of'),
        ('point_row', changed(gt_landmarks=lambda points: points * np.nan), 'leaves .*: gt_landmarks has no point'),
    ],
)
def test_annotations_that_are_refused(fmc_root, row, step, fault, place):
    with pytest.raises(ConfigError, match=rf'^transform Mine {fault}'):
        first(fmc_root, row, place, step)


@pytest.mark.parametrize('place', PLACES)
@pytest.mark.parametrize(
    'step',
    [
        changed(img=lambda img: img.astype(np.float32)),
        changed(img=lambda img: 1.6 * img),
        Mine(lambda results: results | dict(note='mine')),
    ],
)
def test_what_is_let_through(fmc_root, step, place):
    item = first(fmc_root, 'det_row', place, step)
    assert item['inputs'].shape == (3, 32, 32)


@pytest.mark.parametrize('place', ['after the warp', 'in a test'])
def test_a_shape_with_channels_becomes_one_without(fmc_root, place):
    step = Mine(lambda results: results | dict(img_shape=results['img'].shape))
    assert next(iter(first(fmc_root, 'det_row', place, step)['data_samples'])).img_shape == (32, 32)


class MyFit(FitToSize):
    """A transform that is derived from one of ours, in a user's own module."""

    def transform(self, results):
        compose(results, fit_matrix(results['img_shape'], (64, 64)))
        results['img_shape'] = (64, 64)
        return results


def test_geometry_that_is_composed_is_let_through(fmc_root):
    fmc_root.csv('c', [fmc_root.det_row(index) for index in range(10)])
    data = FMCUIADataset(str(fmc_root.path), pipeline=[LOAD, LABELS, MyFit(32), WARP, PACK])
    assert data[0]['inputs'].shape == (3, 64, 64)


def test_our_transforms_are_not_wrapped():
    fit = FitToSize(32)
    assert build_pipeline([fit])[0] is fit
