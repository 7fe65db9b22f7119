from __future__ import annotations

import cv2
import numpy as np
import pytest

from aurora_mm.datasets.geometry import (
    fit_matrix,
    flip_matrix,
    map_boxes,
    rotate_scale_translate_matrix,
    translation,
    warp_boxes,
    warp_points,
)
from aurora_mm.datasets.pixel_warping import warp_image, warp_mask
from aurora_mm.errors import ConfigError

RNG = np.random.default_rng(0)
SHAPE = (60, 80)
IMAGE = RNG.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)


def box_of(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float64)


def rectangle(box, shape=SHAPE) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    x1, y1, x2, y2 = box
    mask[y1:y2, x1:x2] = 1
    return mask


class TestMatrices:
    def test_squash_takes_corners_to_corners(self):
        corners = np.array([[0, 0], [80, 60], [80, 0]], float)
        np.testing.assert_allclose(
            warp_points(corners, fit_matrix(SHAPE, (32, 64))), [[0, 0], [64, 32], [64, 0]], atol=1e-12
        )

    def test_letterbox_keeps_the_aspect_and_centres(self):
        matrix = fit_matrix(SHAPE, (64, 64), 'letterbox')
        np.testing.assert_allclose(warp_points(np.array([[0.0, 0], [80, 60]]), matrix), [[0, 8], [64, 56]])

    def test_unknown_mode(self):
        with pytest.raises(ConfigError, match="'crop'"):
            fit_matrix(SHAPE, (32, 32), 'crop')

    def test_rotation_is_clockwise_about_the_centre(self):
        matrix = rotate_scale_translate_matrix((100, 100), 90, 2.0, (3, 0))
        # Right of the centre goes below it, twice as far, then 3 pixels to the right.
        np.testing.assert_allclose(warp_points(np.array([[60.0, 50.0]]), matrix), [[53, 70]], atol=1e-9)

    def test_flip_twice_is_the_identity(self):
        np.testing.assert_array_equal(flip_matrix(SHAPE) @ flip_matrix(SHAPE), np.eye(3))

    def test_points_return_through_the_inverse(self):
        matrix = rotate_scale_translate_matrix((64, 64), 13, 1.1, (2, -3)) @ flip_matrix((64, 64))
        matrix = matrix @ fit_matrix(SHAPE, (64, 64), 'letterbox')
        points = RNG.uniform(0, 60, (20, 2))
        np.testing.assert_allclose(warp_points(warp_points(points, matrix), np.linalg.inv(matrix)), points, atol=1e-9)


class TestImages:
    def test_flip_is_exact(self):
        np.testing.assert_array_equal(warp_image(IMAGE, flip_matrix(SHAPE), SHAPE), IMAGE[:, ::-1])
        np.testing.assert_array_equal(warp_mask(IMAGE[..., 0], flip_matrix(SHAPE), SHAPE), IMAGE[:, ::-1, 0])

    def test_identity_is_exact(self):
        np.testing.assert_array_equal(warp_image(IMAGE, np.eye(3), SHAPE), IMAGE)

    @pytest.mark.parametrize('factor', [2, 5])
    def test_squash_by_a_whole_factor_is_the_mean_of_blocks(self, factor):
        size = (SHAPE[0] // factor, SHAPE[1] // factor)
        blocks = IMAGE.reshape(size[0], factor, size[1], factor, 3).mean(axis=(1, 3))
        out = warp_image(IMAGE, fit_matrix(SHAPE, size), size)
        assert np.abs(out - blocks).max() <= 0.5 + 1e-6

    def test_one_axis_may_shrink_while_the_other_grows(self):
        column_means = IMAGE.reshape(60, 20, 4, 3).mean(axis=2)
        out = warp_image(IMAGE, fit_matrix(SHAPE, (120, 20)), (120, 20))
        # Growth by 2 puts each new pixel a quarter of a pixel from an old one.
        expected = 0.75 * column_means[1:] + 0.25 * column_means[:-1]
        assert np.abs(out[2::2].astype(float) - expected).max() <= 1.5

    def test_mirrored_squash_is_the_squash_mirrored(self):
        size = (32, 32)
        matrix = fit_matrix(SHAPE, size)
        np.testing.assert_array_equal(
            warp_image(IMAGE, flip_matrix(size) @ matrix, size), warp_image(IMAGE, matrix, size)[:, ::-1]
        )

    def test_shrinking_in_any_direction_does_not_alias(self):
        stripes = np.zeros((256, 256), np.uint8)
        stripes[:, ::2] = 255
        size = (64, 64)
        matrix = rotate_scale_translate_matrix(size, 10, 0.9, (0, 0)) @ fit_matrix((256, 256), size)
        centre = warp_image(stripes, matrix, size)[16:48, 16:48]
        assert np.abs(centre.astype(float) - 127.5).max() < 20

    def test_outside_is_filled_and_the_edge_is_not_blended(self):
        white = np.full((20, 20), 255, np.uint8)
        out = warp_image(white, fit_matrix((20, 20), (40, 80), 'letterbox'), (40, 80), fill=7)
        assert (out[:, 20:60] == 255).all()
        assert (out[:, :20] == 7).all()
        assert (out[:, 60:] == 7).all()

    def test_shift_by_whole_pixels(self):
        out = warp_image(IMAGE, translation(5, -3), SHAPE)
        np.testing.assert_array_equal(out[:-3, 5:], IMAGE[3:, :-5])
        assert not out[:, :5].any()


class TestAnnotationsFollowTheImage:
    @pytest.mark.parametrize(
        'matrix',
        [
            np.eye(3),
            flip_matrix(SHAPE),
            fit_matrix(SHAPE, SHAPE, 'letterbox'),
            rotate_scale_translate_matrix(SHAPE, 0, 1.2, (4, -2)),
            rotate_scale_translate_matrix(SHAPE, 0, 0.85, (-3.3, 2.7)),
            rotate_scale_translate_matrix(SHAPE, 0, 2.0, (10, 10)) @ flip_matrix(SHAPE),
        ],
    )
    def test_the_box_of_a_warped_mask_is_the_warped_box(self, matrix):
        box = (12, 20, 47, 44)
        warped = box_of(warp_mask(rectangle(box), matrix, SHAPE))
        assert np.abs(warped - warp_boxes(np.array([box], float), matrix, SHAPE)).max() <= 1

    @pytest.mark.parametrize('degrees', [-90, -15, 7, 40])
    def test_points_follow_blobs_under_rotation(self, degrees):
        size = (128, 128)
        matrix = rotate_scale_translate_matrix(size, degrees, 1.1, (3, 2)) @ fit_matrix(SHAPE, size)
        for x, y in [(30, 25), (50, 40)]:
            blob = np.zeros(SHAPE, np.uint8)
            cv2.circle(blob, (x, y), 4, 1, -1)  # centred on pixel (x, y), that is on (x + .5, y + .5)
            rows, columns = np.nonzero(warp_mask(blob, matrix, size))
            centre = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
            point = warp_points(np.array([[x + 0.5, y + 0.5]]), matrix)[0]
            assert np.abs(centre - point).max() < 0.5
            bright = warp_image(blob * 255, matrix, size).astype(float)
            ys, xs = np.mgrid[:128, :128] + 0.5
            mean = np.array([(bright * xs).sum(), (bright * ys).sum()]) / bright.sum()
            assert np.abs(mean - point).max() < 0.3

    def test_boxes_are_clipped_to_the_frame_and_only_there(self):
        boxes = np.array([[60.0, 10, 80, 30]], np.float32)
        matrix = translation(10, 0)
        np.testing.assert_array_equal(warp_boxes(boxes, matrix, SHAPE), [[70, 10, 80, 30]])
        np.testing.assert_array_equal(map_boxes(boxes, matrix), [[70, 10, 90, 30]])
        assert warp_boxes(boxes, matrix, SHAPE).dtype == np.float32

    @pytest.mark.parametrize('degrees', [-90, -30, 10, 45])
    def test_the_box_of_a_rotated_ellipse_is_the_rotated_box(self, degrees):
        size = (256, 256)
        matrix = rotate_scale_translate_matrix(size, degrees, 1.1, (3, 2))
        ellipse = np.zeros(size, np.uint8)
        cv2.ellipse(ellipse, (120, 130), (80, 40), 0, 0, 360, 1, -1)
        before, after = box_of(ellipse), box_of(warp_mask(ellipse, matrix, size))
        assert np.abs(after - map_boxes(before, matrix)).max() <= 1.5

    def test_a_rotated_square_keeps_the_size_of_its_circle(self):
        matrix = rotate_scale_translate_matrix((100, 100), 45, 1, (0, 0))
        np.testing.assert_allclose(map_boxes(np.array([[40.0, 40, 60, 60]]), matrix), [[40, 40, 60, 60]])

    def test_mask_is_background_outside(self):
        mask = warp_mask(np.full(SHAPE, 2, np.uint8), translation(-30, 0), SHAPE)
        assert (mask[:, :50] == 2).all()
        assert not mask[:, 50:].any()


def random_blob(rng: np.random.Generator, side: int) -> np.ndarray:
    """A blob with a wavy outline, of class 2, somewhere in the middle of a (side, side) mask."""
    ys, xs = np.mgrid[:side, :side] + 0.5
    (x, y), radius = rng.uniform(0.35, 0.65, 2) * side, rng.uniform(0.05, 0.25) * side
    angles = np.arctan2(ys - y, xs - x)
    outline = radius * (1 + 0.25 * np.sin(3 * angles + rng.uniform(0, 6)) + 0.2 * np.sin(2 * angles))
    return 2 * (np.hypot(xs - x, ys - y) < outline).astype(np.uint8)


class TestMasksAtEvenReductions:
    """The centres of the small pixels fall midway between pixels of the mask."""

    @pytest.mark.parametrize('factor', [2, 4])
    @pytest.mark.parametrize('side', [64, 75])
    @pytest.mark.parametrize('flip', [False, True])
    def test_masks_stay_where_they_are_and_keep_their_area(self, factor, side, flip):
        rng, size = np.random.default_rng(0), (side, side)
        matrix = fit_matrix((factor * side, factor * side), size)
        if flip:
            matrix = flip_matrix(size) @ matrix
        shifts, growths = [], []
        for _ in range(100):
            mask = random_blob(rng, factor * side)
            small = warp_mask(mask, matrix, size)
            assert set(np.unique(small)) == {0, 2}
            centre, wanted = (np.argwhere(m)[:, ::-1].mean(0) + 0.5 for m in (small, mask))
            shifts.append(centre - warp_points(wanted[None], matrix)[0])
            growths.append((small > 0).sum() * factor**2 / (mask > 0).sum() - 1)
        assert np.abs(np.mean(shifts, axis=0)).max() < 0.02
        assert np.abs(shifts).max() < 0.4
        assert abs(np.mean(growths)) < 0.01

    def test_every_column_by_hand(self):
        mask = np.tile(np.arange(12, dtype=np.uint8), (1, 1))
        matrix = fit_matrix((1, 12), (1, 6))
        # The pairs (0, 1), (2, 3), ...: the later, the earlier, the later, ...
        np.testing.assert_array_equal(warp_mask(mask, matrix, (1, 6)), [[1, 2, 5, 6, 9, 10]])
        flipped = warp_mask(mask, flip_matrix((1, 6)) @ matrix, (1, 6))
        np.testing.assert_array_equal(flipped, [[10, 9, 6, 5, 2, 1]])

    @pytest.mark.parametrize('mode', ['squash', 'letterbox'])
    def test_a_flipped_mask_is_the_mirror_image(self, mode):
        mask = RNG.integers(0, 3, (96, 128), dtype=np.uint8)
        size = (48, 64)
        matrix = fit_matrix(mask.shape, size, mode)
        flipped = warp_mask(mask, flip_matrix(size) @ matrix, size)
        np.testing.assert_array_equal(flipped, warp_mask(mask, matrix, size)[:, ::-1])

    def test_without_ties_it_is_the_pixel_below_the_centre(self):
        mask = np.arange(15, dtype=np.uint8)[None]
        np.testing.assert_array_equal(warp_mask(mask, fit_matrix((1, 15), (1, 5)), (1, 5)), [[1, 4, 7, 10, 13]])
        np.testing.assert_array_equal(warp_mask(mask, fit_matrix((1, 15), (1, 6)), (1, 6)), [[1, 3, 6, 8, 11, 13]])
