"""Average precision of boxes: worked out by hand, and beside mmdet's metric."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation import BoxAPMetric, MultiTaskEvaluator
from aurora_mm.evaluation.functional import match_boxes
from aurora_mm.evaluation.metrics.result_row import rows_by_image
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task, TaskTable

CLASSES = ('nodule', 'cyst')


def sample_of(truth, pred, img_id=0, **metainfo):
    """``truth``: pairs of label and box; ``pred``: label, score and box."""
    meta = dict(task='finds', task_type='multi_object_detection', img_id=img_id, img_path=f'{img_id}.png')
    meta |= dict(ori_shape=(60, 80), gt_coordinates='original')
    meta['instances'] = [dict(bbox=list(box), bbox_label=label, ignore_flag=0) for label, box in truth]
    sample = TaskDataSample(metainfo=meta | metainfo)
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([box for _, box in truth], dtype=torch.float32).reshape(-1, 4),
        labels=torch.tensor([label for label, _ in truth], dtype=torch.int64),
    )
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([box for _, _, box in pred], dtype=torch.float32).reshape(-1, 4),
        scores=torch.tensor([score for _, score, _ in pred]),
        labels=torch.tensor([label for label, _, _ in pred], dtype=torch.int64),
    )
    return sample


def random_samples(seed, number):
    """Images with 0 to 3 true boxes, shifted predictions of most of them, and some false ones."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(number):
        truth, pred = [], []
        for _ in range(rng.integers(4)):
            x, y, w, h = rng.uniform((0, 0, 8, 8), (50, 30, 25, 25))
            label = int(rng.integers(2))
            truth.append((label, [x, y, x + w, y + h]))
            if rng.random() < 0.8:
                box = np.array(truth[-1][1]) + rng.normal(0, 1.5, 4)
                pred.append((label, float(rng.uniform(0.2, 1)), box.tolist()))
        for _ in range(rng.integers(3)):
            x, y = rng.uniform((0, 0), (50, 30))
            pred.append((int(rng.integers(2)), float(rng.uniform(0, 0.7)), [x, y, x + 12, y + 12]))
        samples.append(sample_of(truth, pred, i))
    return samples


def rows_of(samples):
    metric = BoxAPMetric()
    metric.dataset_meta = dict(classes=list(CLASSES))
    return [metric.measure(sample.to_dict()) for sample in samples]


def evaluate(samples, metrics):
    evaluator = MultiTaskEvaluator(dict(multi_object_detection=metrics))
    evaluator.dataset_meta = dict(tasks=[Task('finds', 'multi_object_detection', classes=CLASSES).to_config()])
    evaluator.process(samples)
    evaluator.evaluate(len(samples))
    return evaluator.result


def test_hand_worked():
    box, beside = [10, 10, 20, 20], [40, 10, 50, 20]
    samples = [
        sample_of([(0, box), (0, beside)], [(0, 0.9, box), (0, 0.5, [60, 40, 70, 50])]),
        sample_of([], [(0, 0.7, box)], img_id=1),
    ]
    scores = BoxAPMetric.scores(rows_of(samples))
    # By falling score: found, wrong, wrong. Precision 1 up to recall 1/2, which are 51 of 101 recalls; none of class 1.
    assert [scores[name] for name in ('AP', 'AP50', 'AP75')] == pytest.approx([51 / 101] * 3)
    assert scores['AR'] == 0.5
    assert [row['AP50_image'] for row in rows_of(samples)[0]] == [pytest.approx(51 / 101), 1.0]
    assert [row['AP50_image'] for row in rows_of(samples)[1]] == [pytest.approx(0.3), 1.0]


def test_a_true_box_is_found_once_and_by_the_surest():
    truth = np.array([[0, 0, 10, 10]], float)
    pred = np.array([[0, 0, 10, 9], [0, 0, 10, 10], [0, 0, 10, 4]], float)
    scores, found = match_boxes(truth, pred, np.array([0.6, 0.9, 0.8]))
    np.testing.assert_array_equal(scores, [0.9, 0.8, 0.6])
    np.testing.assert_array_equal(found[:, 0], [True, False, False])


@pytest.mark.parametrize('seed', range(3))
def test_equals_mmdet(seed):
    result = evaluate(
        random_samples(seed, 25), [dict(type='BoxAPMetric'), dict(type='mmdet.CocoMetric', metric='bbox')]
    )
    scores = result.of_task('finds')
    assert 0.1 < scores['AP'] < 0.9
    for ours, theirs in (('AP', 'mAP'), ('AP50', 'mAP_50'), ('AP75', 'mAP_75')):
        assert scores[ours] == pytest.approx(scores[f'coco/bbox_{theirs}'], abs=6e-4)  # theirs has three digits


def test_a_recall_that_is_one_of_the_101_equals_mmdet():
    """7 of 10 boxes are found; in floating point this is less than the 71st of 101 recalls."""
    box = [10.0, 10.0, 30.0, 30.0]
    samples = [sample_of([(0, box)], [(0, 0.9, box)] if i < 7 else [], i) for i in range(10)]
    scores = evaluate(samples, [dict(type='BoxAPMetric'), dict(type='mmdet.CocoMetric', metric='bbox')]).of_task(
        'finds'
    )
    assert scores['AP50'] == pytest.approx(scores['coco/bbox_mAP_50'], abs=6e-4)


def test_recall_equals_pycocotools():
    items = ['mAP', 'AR@100']
    metric = dict(type='mmdet.CocoMetric', metric='bbox', metric_items=items)
    scores = evaluate(random_samples(7, 25), [dict(type='BoxAPMetric'), metric]).of_task('finds')
    assert scores['AR'] == pytest.approx(scores['coco/bbox_AR@100'], abs=6e-4)


def test_a_weight_is_so_many_images():
    rows = rows_of(random_samples(1, 9))
    weights = np.array([[2, 0, 1, 3, 0, 1, 1, 0, 1], [1] * 9, [0] * 9], float)
    many = BoxAPMetric.aggregate(rows, weights)
    for row, values in enumerate(weights[:2].astype(int)):
        repeated = [image for image, count in zip(rows, values, strict=True) for _ in range(count)]
        for name, value in BoxAPMetric.scores(repeated).items():
            assert many[name][row] == pytest.approx(value, abs=1e-12)
    assert all(np.isnan(values[2]) for values in many.values())


def test_the_rest_of_a_resample_is_scored_in_parts(monkeypatch):
    rows = rows_of(random_samples(2, 9))
    weights = np.random.default_rng(0).integers(0, 3, (20, 9)).astype(float)
    whole = BoxAPMetric.aggregate(rows, weights)
    monkeypatch.setattr('aurora_mm.evaluation.functional.box_matching._CHUNK', 1)
    for name, values in BoxAPMetric.aggregate(rows, weights).items():
        np.testing.assert_array_equal(values, whole[name])


def test_no_box_anywhere_has_no_score():
    scores = BoxAPMetric.scores(rows_of([sample_of([], [])]))
    assert all(np.isnan(value) for value in scores.values())


def test_it_refuses_what_it_cannot_score():
    with pytest.raises(DataError, match=r'0\.png.*label 2 of a box is none of its 2 classes'):
        rows_of([sample_of([(2, [0, 0, 5, 5])], [])])
    with pytest.raises(ConfigError, match='must be in original coordinates'):
        rows_of([sample_of([], [], gt_coordinates='network')])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(pred=[[0, 0, 1]]), r'pred is .*, not a list of boxes'),
        (dict(truth=None), 'truth is None, not a list of boxes'),
        (dict(scores=[0.5, 0.5]), 'scores is .*, not a score for each of 1 boxes'),
        (dict(AP50_image='x'), "AP50_image is 'x', not a number"),
    ],
)
def test_rows_of_a_file_are_checked(change, message):
    (rows,) = rows_of([sample_of([(0, [0, 0, 5, 5])], [(0, 0.5, [0, 0, 5, 5])])])
    BoxAPMetric.check(rows, CLASSES)
    rows[0].values.update(change)
    with pytest.raises(ValueError, match=message):
        BoxAPMetric.check(rows, CLASSES)
    with pytest.raises(ValueError, match='an image has rows of'):
        BoxAPMetric.check(rows_of([sample_of([], [])])[0][:1], CLASSES)


def test_boxes_come_back_from_rows():
    before = sample_of([(1, [0, 0, 5, 5]), (0, [1, 2, 9, 8])], [(1, 0.25, [0, 0, 5, 5])])
    (rows,) = rows_of([before])
    after = TaskDataSample()
    BoxAPMetric.restore(after, rows, CLASSES)
    assert after.gt_instances.labels.tolist() == [0, 1]
    assert after.gt_instances.bboxes.tolist() == [[1, 2, 9, 8], [0, 0, 5, 5]]
    assert after.pred_instances.scores.tolist() == [0.25]
    assert after.pred_instances.labels.tolist() == [1]
    assert BoxAPMetric.describe(rows).startswith('nodule: 1 true, 0 predicted; cyst: 1 true, 1 predicted, AP50_image')


def test_resamples_without_a_true_box_do_not_count():
    box = [10, 10, 20, 20]
    samples = [sample_of([(0, box)], [(0, 0.9, box)]), sample_of([], [], img_id=1)]
    result = evaluate(samples, [dict(type='BoxAPMetric')])
    intervals = bootstrap_intervals(result.rows, result.tasks)
    assert intervals['tasks']['finds']['AP'] == intervals['score'] == intervals['task_mean'] == pytest.approx([1, 1])
    nothing = bootstrap_intervals(evaluate(samples[1:], [dict(type='BoxAPMetric')]).rows)
    assert nothing['types'] == {}
    assert 'score' not in nothing


def test_rows_survive_their_file(tmp_path):
    from aurora_mm.evaluation import read_per_image, score_rows, write_per_image

    result = evaluate(random_samples(4, 6), [dict(type='BoxAPMetric')])
    write_per_image(tmp_path / 'rows.csv', result.rows)
    tasks = TaskTable([Task('finds', 'multi_object_detection', classes=CLASSES)])
    rows = read_per_image(tmp_path / 'rows.csv', tasks)
    assert len(rows_by_image(rows)['finds', 'BoxAPMetric']) == 6
    assert score_rows(rows, tasks).scores == pytest.approx(result.scores, nan_ok=True)
