from __future__ import annotations

import numpy as np
import pytest

from aurora_mm.datasets.geometry import warp_points
from aurora_mm.datasets.transforms import ApplyGeometry, FitToSize, RandomGeometry
from aurora_mm.errors import ConfigError

SHAPE = (48, 96)


TYPES = dict(gt_seg_map='segmentation', gt_label='classification', gt_bboxes='detection', gt_landmarks='landmark')


def make_results(**annotations) -> dict:
    """The row of one task; further annotations become rows of other tasks on the image."""
    img = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    results = dict(
        img=img, img_coordinates='original', ori_shape=SHAPE, img_shape=SHAPE, homography_matrix=np.eye(3), flip=False
    )
    results |= dict(may_flip=True, may_zoom=True, num_outputs=2, flip_indices=[0, 1])
    rows = [
        results | dict(gt_coordinates='original', task_type=TYPES[key]) | {key: annotations[key]} for key in annotations
    ]
    first, *others = rows or [results]
    return first | dict(other_rows=others)


class TestFitToSize:
    @pytest.mark.parametrize('size', [100, 0, -32, (64, 65)])
    def test_sizes_the_encoder_cannot_take(self, size):
        with pytest.raises(ConfigError, match='multiples of 32'):
            FitToSize(size)

    def test_unknown_mode(self):
        with pytest.raises(ConfigError, match="'stretch'"):
            FitToSize(64, 'stretch')

    def test_height_comes_first(self):
        results = FitToSize([64, 128]).transform(make_results())
        assert results['img_shape'] == (64, 128)
        np.testing.assert_allclose(np.diag(results['homography_matrix']), [128 / 96, 64 / 48, 1])

    def test_not_after_the_warp(self):
        results = ApplyGeometry().transform(make_results())
        for late in (FitToSize(64), RandomGeometry(), ApplyGeometry()):
            with pytest.raises(ConfigError, match=f'{type(late).__name__} must come before ApplyGeometry'):
                late.transform(results)


class TestRandomGeometry:
    def test_the_same_seed_draws_the_same(self):
        matrices = []
        for _ in range(2):
            np.random.seed(3)
            matrices.append(RandomGeometry().transform(make_results())['homography_matrix'])
        np.testing.assert_array_equal(*matrices)
        assert not np.array_equal(matrices[0], np.eye(3))

    def test_flip_only_where_the_task_allows(self):
        flip = RandomGeometry(flip_prob=1, prob=0)
        assert flip.transform(make_results())['flip']
        kept = flip.transform(make_results() | dict(may_flip=False))
        assert not kept['flip']
        np.testing.assert_array_equal(kept['homography_matrix'], np.eye(3))

    def test_flip_twice(self):
        flip = RandomGeometry(flip_prob=1, prob=0)
        results = flip.transform(flip.transform(make_results()))
        assert not results['flip']
        np.testing.assert_array_equal(results['homography_matrix'], np.eye(3))

    def test_draws_stay_within_bounds(self):
        np.random.seed(0)
        transform = RandomGeometry(flip_prob=0)
        for _ in range(200):
            matrix = transform.transform(make_results())['homography_matrix']
            scale = np.sqrt(np.linalg.det(matrix[:2, :2]))
            angle = np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0]))
            moved = warp_points(np.array([[48.0, 24.0]]), matrix)[0] - (48, 24)
            assert 0.85 <= scale <= 1.2
            assert abs(angle) <= 15
            assert (np.abs(moved) <= 0.06 * np.array([96, 48])).all()

    def test_warped_annotations_are_of_single_precision(self):
        labels = dict(gt_landmarks=np.array([[4.1, 4], [90, 44]]), gt_bboxes=np.array([[70.1, 30, 96, 48]]))
        results = ApplyGeometry().transform(RandomGeometry().transform(make_results(**labels)))
        (other,) = results['other_rows']
        assert results['gt_landmarks'].dtype == other['gt_bboxes'].dtype == np.float32

    def test_annotations_stay_in_view(self):
        np.random.seed(0)
        transform = RandomGeometry(flip_prob=0.5, degrees=40, scale=(0.8, 2.0), shift=0.3)
        points = np.array([[4, 4], [90, 44]], np.float32)
        box = np.array([[70, 30, 96, 48]], np.float32)
        angles = np.linspace(0, 2 * np.pi, 1000)
        ellipse = np.stack([83 + 13 * np.cos(angles), 39 + 9 * np.sin(angles)], axis=1)  # what the box surrounds
        kept = 0
        for _ in range(100):
            results = ApplyGeometry().transform(transform.transform(make_results(gt_landmarks=points)))
            assert (results['gt_landmarks'] >= 0).all()
            assert (results['gt_landmarks'] <= (96, 48)).all()
            kept += np.allclose(np.abs(results['homography_matrix'][:2, :2]), np.eye(2))
            boxed = transform.transform(make_results(gt_bboxes=box))
            outline = warp_points(ellipse, boxed['homography_matrix'])
            whole = np.prod(np.ptp(outline, axis=0))
            visible = np.prod(np.ptp(np.clip(outline, 0, (96, 48)), axis=0))
            assert visible >= 0.499 * whole
        assert kept < 100  # some draws are good

    def test_an_impossible_draw_leaves_the_image_alone(self):
        points = np.array([[0, 0], [96, 48]], np.float32)
        results = RandomGeometry(flip_prob=0, degrees=0, scale=(2, 2), shift=0).transform(
            make_results(gt_landmarks=points)
        )
        np.testing.assert_array_equal(results['homography_matrix'], np.eye(3))


class TestApplyGeometry:
    def test_mirrored_points_and_classes_trade_places(self):
        flip = RandomGeometry(flip_prob=1, prob=0)
        points = np.array([[10, 5], [80, 40]], np.float32)
        swapped = make_results(gt_landmarks=points) | dict(flip_indices=[1, 0])
        results = ApplyGeometry().transform(flip.transform(swapped))
        np.testing.assert_array_equal(results['gt_landmarks'], [[16, 40], [86, 5]])
        assert results['gt_coordinates'] == 'network'
        unswapped = ApplyGeometry().transform(flip.transform(make_results(gt_landmarks=points)))
        np.testing.assert_array_equal(unswapped['gt_landmarks'], [[86, 5], [16, 40]])

        mask = np.zeros(SHAPE, np.uint8)
        mask[:, :30], mask[:, 60:] = 1, 2
        sides = make_results(gt_seg_map=mask) | dict(num_outputs=3, flip_indices=[0, 2, 1])
        results = ApplyGeometry().transform(flip.transform(sides))
        np.testing.assert_array_equal(results['gt_seg_map'], np.array([0, 2, 1], np.uint8)[mask[:, ::-1]])
        np.testing.assert_array_equal(results['img'], make_results()['img'][:, ::-1])

        label = make_results(gt_label=0) | dict(flip_indices=[1, 0])
        assert ApplyGeometry().transform(flip.transform(label))['gt_label'] == 1
        assert (
            ApplyGeometry().transform(
                label | dict(homography_matrix=np.eye(3), flip=False, img_coordinates='original')
            )['gt_label']
            == 1
        )

    def test_chained_swaps_move_a_label_to_where_its_name_went(self):
        # new[i] = old[order[i]]: what was class 2 stands in place 0.
        results = make_results(gt_label=2) | dict(num_outputs=3, flip_indices=[2, 0, 1], flip=True)
        assert ApplyGeometry().transform(results)['gt_label'] == 0

    def test_box_point_and_mask_agree_after_everything(self):
        np.random.seed(1)
        rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
        mask = (((columns - 35) / 15) ** 2 + ((rows - 20) / 10) ** 2 <= 1).astype(np.uint8)
        box = np.array([[20, 10, 50, 30]], np.float32)
        centre = np.array([[35, 20]], np.float32)
        for _ in range(20):
            results = make_results(gt_seg_map=mask, gt_bboxes=box, gt_landmarks=np.repeat(centre, 2, axis=0))
            results = FitToSize(128, 'letterbox').transform(results)
            results = ApplyGeometry().transform(RandomGeometry(degrees=10).transform(results))
            boxed, pointed = results['other_rows']
            rows, columns = np.nonzero(results['gt_seg_map'])
            mean = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
            assert np.abs(mean - pointed['gt_landmarks'][0]).max() < 0.5
            edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            assert np.abs(edges - boxed['gt_bboxes'][0]).max() <= 1.5
            assert results['img'].shape == (128, 128, 3)

    def test_annotations_loaded_later_are_left_alone(self):
        results = ApplyGeometry().transform(FitToSize(64).transform(make_results()))
        assert 'gt_coordinates' not in results
        assert results['img'].shape == (64, 64, 3)

    def test_fill(self):
        results = ApplyGeometry(fill=9).transform(FitToSize(96, 'letterbox').transform(make_results()))
        assert (results['img'][:24] == 9).all()
        assert (results['img'][72:] == 9).all()
        np.testing.assert_array_equal(results['img'][24:72], make_results()['img'])
