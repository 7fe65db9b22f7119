"""Each option of the random transforms has its effect."""

import cv2
import numpy as np

from aurora_mm.datasets.transforms import (
    RandomBrightnessContrast,
    RandomGaussianBlur,
    RandomGeometry,
    RandomMotionBlur,
    blur,
)

SIZE = (64, 96)


def matrices(**options):
    """The matrices of 50 draws."""
    np.random.seed(0)
    transform = RandomGeometry(**dict(flip_prob=0, degrees=0, scale=(1, 1), shift=0) | options)
    row = dict(img_coordinates='original', img_shape=SIZE, flip=False, may_flip=True, may_zoom=True)
    return np.array(
        [transform.transform(row | dict(homography_matrix=np.eye(3)))['homography_matrix'] for _ in range(50)]
    )


def test_degrees_bound_the_rotation():
    drawn = matrices(degrees=40)
    angles = np.rad2deg(np.arctan2(drawn[:, 1, 0], drawn[:, 0, 0]))
    assert 30 < np.abs(angles).max() <= 40
    assert angles.min() < 0 < angles.max()


def test_scale_is_drawn_between_its_ends():
    np.testing.assert_allclose(matrices(scale=(2, 2))[:, :2, :2], np.broadcast_to(2 * np.eye(2), (50, 2, 2)))
    scales = matrices(scale=(0.5, 3.0))[:, 0, 0]
    assert 0.5 <= scales.min() < 1 < 2 < scales.max() <= 3


def test_shift_is_a_share_of_each_side():
    moved = matrices(shift=0.3)[:, :2, 2]
    assert (np.abs(moved) <= 0.3 * np.array([96, 64])).all()
    assert (np.abs(moved).max(axis=0) > 0.2 * np.array([96, 64])).all()


def changed(transform, *values):
    """What 50 draws make of grey values."""
    np.random.seed(0)
    img = np.array(values, np.uint8)[None, :, None].repeat(3, axis=2)
    return np.array([transform.transform(dict(img=img))['img'][0, :, 0] for _ in range(50)], int)


def test_contrast_multiplies_and_brightness_adds():
    out = changed(RandomBrightnessContrast(prob=1, brightness=0, contrast=0.5), 0, 100)
    assert (out[:, 0] == 0).all()
    assert 50 <= out[:, 1].min() < 70 < 130 < out[:, 1].max() <= 150
    out = changed(RandomBrightnessContrast(prob=1, brightness=0.2, contrast=0), 100, 140)
    assert (np.abs(np.diff(out) - 40) <= 1).all()
    assert 49 <= out[:, 0].min() < 70 < 130 < out[:, 0].max() <= 151


def test_blur_is_as_wide_as_sigma():
    img = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    out = RandomGaussianBlur(prob=1, sigma=(5, 5)).transform(dict(img=img))['img']
    np.testing.assert_array_equal(out, cv2.GaussianBlur(img, (0, 0), 5))


def test_motion_has_the_lengths_asked_for_and_any_direction(monkeypatch):
    seen = []
    real = blur.line_kernel
    monkeypatch.setattr(
        blur, 'line_kernel', lambda length, degrees: seen.append((length, degrees)) or real(length, degrees)
    )
    np.random.seed(0)
    for _ in range(50):
        RandomMotionBlur(prob=1, lengths=(5, 9)).transform(dict(img=np.zeros((*SIZE, 3), np.uint8)))
    lengths, degrees = zip(*seen, strict=True)
    assert set(lengths) == {5, 9}
    assert min(degrees) < 20 < 160 < max(degrees) < 180
