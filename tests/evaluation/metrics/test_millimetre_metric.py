"""Scores in mm of images whose pixel spacing is known, beside those of images whose spacing is not."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.analysis.breakdown_tables import breakdown_tables
from aurora_mm.analysis.breakdowns import by_target, ranked
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation import (
    LandmarkMetric,
    MultiLabelSegmentationMetric,
    SegmentationMetric,
    read_per_image,
    score_rows,
    write_per_image,
)
from tests.fixtures.evaluation_samples import TASKS, evaluated, landmark_sample, random_samples, segmentation_sample

IN_MM = {'MRE_mm', 'HD_mm', 'HD95_mm', 'n_mm'}


def dots(*places):
    mask = torch.zeros(30, 40, dtype=torch.int64)
    for row, column, value in places:
        mask[row, column] = value
    return mask


def without_mm(scores):
    return {key: value for key, value in scores.items() if key.rpartition('/')[2] not in IN_MM}


def test_landmarks_hand_worked():
    truth = [[10, 10], [20, 20]]
    result = evaluated(
        [
            # 3 columns of 0.5 mm and 4 rows of 0.2 mm; then nothing
            landmark_sample(truth, [[13, 14], [20, 20]], img_id=0, pixel_spacing=(0.2, 0.5)),
            landmark_sample(truth, [[13, 14], [23, 24]], img_id=1, pixel_spacing=(0.1, 0.1)),
            landmark_sample(truth, [[13, 14], [29, 32]], img_id=2),
        ]
    )
    scores = result.of_task('femur')
    first = math.hypot(1.5, 0.8)
    assert scores['MRE_mm'] == pytest.approx((first / 2 + 0.5) / 2)
    assert scores['n_mm'] == 2
    assert scores['MRE'] == pytest.approx((2.5 + 5 + 10) / 3)
    assert [row.values.get('error_mm') for row in result.rows] == pytest.approx([first, 0, 0.5, 0.5, None, None])
    assert [(group.name, group.number) for group in by_target(result.rows)] == [('left', 3), ('right', 3)]
    means = [{column.name: mean for column, mean in group.scores.items()} for group in by_target(result.rows)]
    assert means[0]['error_mm'] == pytest.approx((first + 0.5) / 2)
    assert means[0]['error'] == pytest.approx(5)


def test_segmentation_hand_worked():
    truth = dots((5, 5, 1), (20, 20, 2))
    moved = dots((9, 8, 1), (20, 20, 2))  # the liver 4 rows down and 3 columns to the right
    empty = dots((5, 5, 1))  # no vein
    result = evaluated(
        [
            segmentation_sample(truth, moved, img_id=0, pixel_spacing=(0.2, 0.5)),
            segmentation_sample(truth, empty, img_id=1, pixel_spacing=(0.1, 0.3)),
            segmentation_sample(truth, moved, img_id=2),
        ]
    )
    scores = result.of_task('organs')
    liver, vein = math.hypot(0.8, 1.5) / 2, math.hypot(3, 12) / 2  # without a vein the diagonal, 30 x 40 pixels
    assert scores['HD_mm'] == scores['HD95_mm'] == pytest.approx((liver + vein) / 2)
    assert scores['n_mm'] == 2
    assert scores['HD'] == scores['HD95'] == pytest.approx((10 / 3 + 50 / 3) / 2)


def test_equal_sides_scale_the_distances_in_pixels():
    samples = [sample for sample in random_samples(3, 6) if sample.task == 'organs']
    for sample in samples:
        sample.set_metainfo(dict(pixel_spacing=(0.25, 0.25)))
    scores = evaluated(samples).of_task('organs')
    assert scores['HD_mm'] == pytest.approx(scores['HD'] / 4)
    assert scores['HD95_mm'] == pytest.approx(scores['HD95'] / 4)


def test_nothing_changes_without_a_spacing(tmp_path):
    samples = random_samples(0, 6)
    plain = evaluated(samples)
    assert not any(key.endswith('mm') for key in plain.scores)
    assert not any(key.endswith('mm') for columns in plain.columns.values() for key in columns.columns)
    write_per_image(tmp_path / 'plain.csv', plain.rows)
    assert '_mm' not in (tmp_path / 'plain.csv').read_text()
    for sample in samples[::2]:
        sample.set_metainfo(dict(pixel_spacing=(0.1, 0.2)))
    known = evaluated(samples)
    assert known.scores != plain.scores
    assert without_mm(known.scores) == without_mm(plain.scores) == plain.scores
    orders = [
        [image.rows[0].img_id for task in ranked(found.rows).values() for image in task] for found in (plain, known)
    ]
    assert orders[0] == orders[1]


def test_only_tasks_with_a_spacing_have_the_columns():
    samples = random_samples(0, 6)
    for sample in samples:
        if sample.task == 'lesion':
            sample.set_metainfo(dict(pixel_spacing=(0.1, 0.2)))
    columns = evaluated(samples).columns
    assert {task: IN_MM & found.columns.keys() for task, found in columns.items() if IN_MM & found.columns.keys()} == {
        'lesion': {'HD_mm', 'HD95_mm', 'n_mm'}
    }
    assert 'HD95_mm 0.90 mm, n_mm 3' in columns['lesion'].brief(dict(DSC=1, HD=2, HD95_mm=0.9, n_mm=3))


@pytest.fixture
def mixed():
    """The result of samples of which every third one has no spacing."""
    samples = random_samples(1, 9)
    for index, sample in enumerate(samples):
        if index % 3:
            sample.set_metainfo(dict(pixel_spacing=(0.1, 0.1 * (index % 3))))
    return evaluated(samples)


def test_scores_intervals_and_tables_follow_from_the_file(mixed, tmp_path):
    write_per_image(tmp_path / 'per_image.csv', mixed.rows)
    rows = read_per_image(tmp_path / 'per_image.csv', TASKS)
    assert rows == mixed.rows
    again = score_rows(rows, TASKS)
    assert again.scores == mixed.scores
    assert again.columns == mixed.columns
    assert mixed.scores['femur/n_mm'] == 6
    intervals = bootstrap_intervals(rows, resamples=300)['tasks']
    for task, key in (('femur', 'MRE_mm'), ('organs', 'HD95_mm')):
        low, high = intervals[task][key]
        assert low < mixed.scores[f'{task}/{key}'] < high
        assert 'n_mm' not in intervals[task]
    assert ' mm' in breakdown_tables(rows)


def test_resamples_without_a_spacing_are_left_out(mixed):
    rows = [row for row in mixed.rows if row.task == 'femur']
    images = [rows[start : start + 2] for start in range(0, len(rows), 2)]
    known = np.array(['error_mm' in image[0].values for image in images])
    weights = np.stack([known, ~known, np.ones(9)]).astype(float)
    found = LandmarkMetric.aggregate(images, weights)['MRE_mm']
    assert found[0] == found[2] == pytest.approx(mixed.scores['femur/MRE_mm'])
    assert math.isnan(found[1])


def test_an_image_has_all_numbers_in_mm_or_none(mixed, tmp_path):
    rows = list(mixed.rows)
    place = next(i for i, row in enumerate(rows) if row.task == 'organs' and 'HD_mm' in row.values)
    rows[place] = replace(rows[place], values={k: v for k, v in rows[place].values.items() if k != 'HD_mm'})
    write_per_image(tmp_path / 'per_image.csv', rows)
    with pytest.raises(DataError, match=rf'row {place + 2}: .*the number HD_mm of some targets and not of all'):
        read_per_image(tmp_path / 'per_image.csv', TASKS)
    rows[place] = replace(rows[place], values=rows[place].values | dict(HD_mm='far'))
    write_per_image(tmp_path / 'per_image.csv', rows)
    with pytest.raises(DataError, match="HD_mm is 'far', not a number"):
        read_per_image(tmp_path / 'per_image.csv', TASKS)


@pytest.mark.parametrize('spacing', [(0.2, 0.5), (0.3, 0.3)])
def test_classes_that_overlap_are_measured_as_others(spacing):
    truth, pred = dots((5, 5, 1), (20, 20, 2)), dots((9, 8, 1), (20, 30, 2))
    exclusive = segmentation_sample(truth, pred, pixel_spacing=spacing).to_dict()
    of_class = dict(
        gt_class_masks=dict(data=torch.stack([truth == 1, truth == 2]).byte()),
        pred_class_masks=dict(data=torch.stack([pred == 1, pred == 2]).byte()),
    )
    expected = metric_of(SegmentationMetric, ['background', 'liver', 'vein']).measure(exclusive)
    found = metric_of(MultiLabelSegmentationMetric, ['liver', 'vein']).measure(exclusive | of_class)
    for one, other in zip(expected, found, strict=True):
        assert one.values == {key: value for key, value in other.values.items() if key not in ('truth', 'pred')}
    unknown = metric_of(MultiLabelSegmentationMetric, ['liver', 'vein']).measure(
        {key: value for key, value in (exclusive | of_class).items() if key != 'pixel_spacing'}
    )
    scores = MultiLabelSegmentationMetric.scores([found, unknown])
    assert scores['n_mm'] == 1
    assert scores['HD95_mm'] == pytest.approx(np.mean([row['HD95_mm'] for row in found]))
    assert scores['HD95'] == pytest.approx(np.mean([row['HD95'] for row in found]))


def metric_of(kind, names, **options):
    metric = kind(**options)
    metric.dataset_meta = dict(classes=names)
    return metric


@pytest.mark.parametrize('spacing', [(0.2, 0.5), (0.5, 0.5)])
def test_nsd_with_a_tolerance_in_mm(spacing):
    """Boundaries 1.5 mm apart by columns of 0.5 mm, of an image with a spacing and of one without."""
    truth, pred = torch.zeros(30, 40, dtype=torch.int64), torch.zeros(30, 40, dtype=torch.int64)
    truth[5:15, 5:15], pred[5:15, 8:18] = 1, 1
    known = segmentation_sample(truth, pred, img_id=0, pixel_spacing=spacing).to_dict()
    unknown = segmentation_sample(truth, pred, img_id=1).to_dict()
    names = ['background', 'liver']
    of_image = {}
    for tolerance in (None, 1.4, 1.5):
        metric = metric_of(SegmentationMetric, names, nsd_tolerance_mm=tolerance)
        images = [metric.measure(sample) for sample in (known, unknown)]
        assert 'NSD_mm' not in images[1][0].values
        for rows in images:
            SegmentationMetric.check(rows, names[1:])
        of_image[tolerance] = images[0][0].values.get('NSD_mm')
        scores = SegmentationMetric.scores(images)
        assert scores.get('NSD_mm') == of_image[tolerance]
        assert (scores['n_mm'], 'HD_mm' in scores) == (1, True)
    assert of_image[None] is None
    assert 0 < of_image[1.4] < of_image[1.5] == 1


@pytest.mark.parametrize('tolerance', [-1, float('nan'), '1', True])
def test_a_tolerance_that_is_none(tolerance):
    with pytest.raises(ConfigError, match='tolerance of NSD must be a number of mm, 0 or more'):
        SegmentationMetric(nsd_tolerance_mm=tolerance)
    with pytest.raises(ConfigError, match='tolerance of NSD must be a number of pixels'):
        SegmentationMetric(nsd_tolerance=tolerance)
