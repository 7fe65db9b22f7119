"""mmseg's and mmdet's metrics, unchanged, inside the evaluator."""

import math
import subprocess
import sys

import pytest
import torch
from mmengine.evaluator import BaseMetric

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation import MultiTaskEvaluator
from aurora_mm.evaluation.metrics.coco_scores import without_undefined
from tests.fixtures.evaluation_samples import OWN_METRICS, TASKS, detection_sample, segmentation_sample

IOU_METRIC = [{'type': 'mmseg.IoUMetric', 'iou_metrics': ['mIoU', 'mDice']}]
COCO_METRIC = [{'type': 'mmdet.CocoMetric', 'metric': 'bbox'}]


def make_evaluator(**foreign):
    evaluator = MultiTaskEvaluator({name: [*OWN_METRICS[name], *configs] for name, configs in foreign.items()})
    tasks = [task.to_config() for task in TASKS.values() if task.type in foreign]
    evaluator.dataset_meta = {'tasks': tasks}
    return evaluator


@pytest.mark.slow
def test_importing_the_evaluation_imports_neither():
    code = 'import sys, aurora_mm.evaluation; print([m for m in ("mmdet", "mmseg", "mmcv") if m in sys.modules])'
    output = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == '[]'


def test_mmseg_iou_metric(capsys):
    pytest.importorskip('mmseg')
    truth = torch.zeros(2, 8, dtype=torch.int64)
    truth[0, :4], truth[1, :2] = 1, 2
    pred = torch.zeros_like(truth)
    pred[0, 2:6] = 1
    lesion = torch.tensor([[0, 1], [1, 1]])
    evaluator = make_evaluator(segmentation=IOU_METRIC)
    evaluator.process(
        [
            segmentation_sample(truth, pred, img_id=0),
            segmentation_sample(truth, truth, img_id=1),
            segmentation_sample(lesion, lesion, task='lesion', img_id=2),
        ]
    )
    capsys.readouterr()
    results = evaluator.evaluate(3)
    # Areas over both images, as background / liver / vein: truth 20 / 8 / 4, pred 22 / 8 / 2, both 18 / 6 / 2.
    iou = [18 / 24, 6 / 10, 2 / 4]
    dice = [2 * 18 / 42, 2 * 6 / 16, 2 * 2 / 6]
    assert results['organs/mIoU'] == pytest.approx(100 * sum(iou) / 3, abs=0.005)
    assert results['organs/mDice'] == pytest.approx(100 * sum(dice) / 3, abs=0.005)
    assert results['lesion/mIoU'] == 100
    assert results['organs/primary'] == results['organs/DSC']
    assert type(results['organs/mIoU']) is float
    captured = capsys.readouterr()
    assert 'per class results' not in captured.out + captured.err


@pytest.fixture
def coco_evaluator():
    pytest.importorskip('mmdet')
    return make_evaluator(detection=COCO_METRIC)


def test_mmdet_coco_metric(coco_evaluator, capsys):
    box = [10, 10, 30, 30]
    coco_evaluator.process(
        [
            detection_sample(box, [box], [0.9], img_id=3),
            detection_sample(box, [[10, 10, 30, 24]], [0.8], img_id=8),  # overlap 0.7
        ]
    )
    capsys.readouterr()
    results = coco_evaluator.evaluate(2)
    assert results['nodule/coco/bbox_mAP_50'] == 1
    # At .75 and above one of two true boxes is found, by the surest prediction: 51 of 101 recall points.
    assert results['nodule/coco/bbox_mAP_75'] == pytest.approx(51 / 101, abs=5e-4)
    assert results['nodule/IoU'] == results['score'] == pytest.approx((1 + 0.7) / 2)
    captured = capsys.readouterr()
    assert 'Average Precision' not in captured.out
    assert 'copypaste' not in captured.out + captured.err

    # Other images at the next evaluation: the metric must not remember the true boxes of the first.
    coco_evaluator.process([detection_sample([0, 0, 9, 9], [[0, 0, 9, 9]], [0.9], img_id=5)])
    assert coco_evaluator.evaluate(1)['nodule/coco/bbox_mAP'] == 1


def test_what_coco_does_not_define_is_no_score(coco_evaluator):
    """There are no true boxes of over 96 x 96 pixels; the -1 of pycocotools would lower means over folds."""
    samples = [detection_sample([10, 10, 30, 30], [[10, 10, 30, 30]], [0.9], img_id=1)]
    coco_evaluator.process(samples)
    results = coco_evaluator.evaluate(1)
    assert math.isnan(results['nodule/coco/bbox_mAP_l'])
    assert results['nodule/coco/bbox_mAP_s'] == 1

    judge = dict(type='ForeignMetric', metric=dict(type='mmdet.CocoMetric'), primary='bbox_mAP_l')
    evaluator = MultiTaskEvaluator(dict(detection=[judge]))
    evaluator.dataset_meta = coco_evaluator.dataset_meta
    evaluator.process(samples)
    assert evaluator.evaluate(1)['nodule/primary'] == 0  # as any primary score that is not defined


def test_minus_one_of_another_metric_stays():
    class Correlation(BaseMetric):
        def process(self, data_batch, data_samples): ...

        def compute_metrics(self, results): ...

    assert without_undefined(Correlation(), dict(MCC=-1.0)) == dict(MCC=-1.0)


def test_mmdet_coco_metric_without_any_box(coco_evaluator):
    coco_evaluator.process([detection_sample([10, 10, 30, 30], [], img_id=index) for index in range(2)])
    results = coco_evaluator.evaluate(2)
    assert results['nodule/IoU'] == results['score'] == 0
    assert not any('coco' in key for key in results)


def test_mmdet_voc_metric():
    pytest.importorskip('mmdet')
    box = [10, 10, 30, 30]
    evaluator = make_evaluator(detection=[dict(type='mmdet.VOCMetric', prefix='voc')])
    wrong = detection_sample(box, [[0, 0, 9, 9]], [0.1], img_id=1)
    evaluator.process([detection_sample(box, [box], [0.9], img_id=0), wrong])
    # One of two boxes is found, by the surest prediction: precision 1 at 6 of the 11 recalls 0, .1 ... 1.
    assert evaluator.evaluate(2)['nodule/voc/mAP'] == pytest.approx(6 / 11, abs=1e-3)


def test_mmdet_sem_seg_metric_agrees_with_mmseg():
    pytest.importorskip('mmdet')
    truth = torch.zeros(2, 8, dtype=torch.int64)
    truth[0, :4], truth[1, :2] = 1, 2
    pred = torch.roll(truth, 1, 1)
    theirs = dict(type='mmdet.SemSegMetric', iou_metrics=['mIoU'], prefix='mmdet')
    evaluator = make_evaluator(segmentation=[*IOU_METRIC, theirs])
    evaluator.process([segmentation_sample(truth, pred, img_id=0)])
    scores = evaluator.evaluate(1)
    assert scores['organs/mmdet/mIoU'] == pytest.approx(scores['organs/mIoU'], abs=0.01)
    assert 0 < scores['organs/mIoU'] < 100


@pytest.mark.parametrize(
    ('kind', 'said'),
    [
        ('mmdet.CocoPanopticMetric', 'scores objects and surfaces together'),
        ('mmdet.OpenImagesMetric', 'use mmdet.VOCMetric'),
        ('mmseg.CityscapesMetric', 'use mmseg.IoUMetric'),
        ('mmdet.NoMetric', 'is not registered'),
        ('mmseg.IoUMetric', 'IoUMetric cannot score detection task .*pred_sem_seg'),
    ],
)
def test_a_metric_that_does_not_fit_is_refused_when_the_tasks_are_known(kind, said):
    pytest.importorskip('mmdet')
    with pytest.raises(ConfigError, match=said):
        make_evaluator(detection=[dict(type=kind)])


def test_a_figure_that_a_foreign_metric_does_not_give():
    pytest.importorskip('mmdet')
    metric = dict(type='ForeignMetric', metric=dict(type='mmdet.VOCMetric'), primary='map')
    with pytest.raises(ConfigError, match=r"VOCMetric gives no 'map'; its figures are mAP, AP50"):
        make_evaluator(detection=[metric])
