"""Tasks that are alike get their losses by one call, with the same values as by a call for each."""

import dataclasses

import pytest
import torch
from mmengine.structures import PixelData

from aurora_mm.models.heads import (
    ClassificationHead,
    DenseDetectionHead,
    GridDetectionHead,
    HeatmapLandmarkHead,
    LandmarkHead,
    MultiLabelHead,
    MultiLabelSegmentationHead,
    SegmentationHead,
)
from aurora_mm.structures import TaskBatch
from aurora_mm.tasks import Task
from tests.models.conftest import CLS, DET, POINTS, SEG, build_head, make_sample

LABELS = Task('labels', 'multi_label_classification', classes=('x', 'y'))
MASKS = Task('masks', 'multi_label_segmentation', classes=('x', 'y'))
HEADS = [
    (SegmentationHead, SEG, dict(channels=16, dropout=0.0)),
    (SegmentationHead, SEG, dict(channels=16, dropout=0.0, share_outputs=True)),
    (SegmentationHead, SEG, dict(channels=16, dropout=0.0, loss_cls=dict(type='mmseg.CrossEntropyLoss'))),
    (MultiLabelSegmentationHead, MASKS, dict(channels=16, dropout=0.0)),
    (ClassificationHead, CLS, dict(hidden_channels=32)),
    (MultiLabelHead, LABELS, dict(hidden_channels=32)),
    (GridDetectionHead, DET, dict(channels=16)),
    (DenseDetectionHead, DET, dict(channels=16)),
    (LandmarkHead, POINTS, dict(hidden_channels=32)),
    (HeatmapLandmarkHead, POINTS, dict(channels=16)),
]


def three(task):
    """Three tasks that differ in their names alone."""
    return [dataclasses.replace(task, name=name) for name in ('one', 'another', 'a_third')]


def labelled(task, number):
    """A sample of a task with other annotations for each number."""
    sample = make_sample(task)
    if task.type == 'segmentation':
        sample.gt_sem_seg.data = sample.gt_sem_seg.data.roll((3 * number, number), (1, 2))
        sample.gt_sem_seg.data[0, : 2 * number] = 255
    elif task.type == 'multi_label_segmentation':
        generator = torch.Generator().manual_seed(number)
        sample.gt_class_masks = PixelData(data=torch.randint(2, (task.num_outputs, 64, 64), generator=generator))
    elif task.type == 'classification':
        sample.gt_label = torch.tensor([number % task.num_outputs])
    elif task.type == 'multi_label_classification':
        sample.gt_scores = torch.tensor([number % 2, number // 2 % 2], dtype=torch.float32)
    elif task.type == 'detection':
        boxes = torch.tensor([[4.0, 4.0, 20.0, 30.0], [10.0, 12.0, 60.0, 50.0], [2.0, 40.0, 9.0, 44.0]])[: number % 4]
        sample.gt_instances = type(sample.gt_instances)(bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.long))
    else:
        sample.gt_landmarks = sample.gt_landmarks + number
        sample.gt_landmarks[number % 2] = torch.nan
    return sample


def batches_of(tasks):
    """The second task is asked of both images, the others of one."""
    rows = [torch.tensor([1]), None, torch.tensor([0])]
    samples = [labelled(task, 2 * i + k) for i, task in enumerate(tasks) for k in range(2)]
    return [
        TaskBatch(task, of_task, samples[2 * i : 2 * i + (1 if of_task is not None else 2)])
        for i, (task, of_task) in enumerate(zip(tasks, rows, strict=True))
    ]


def count_calls(head, monkeypatch):
    """The tasks that ``loss_by_feat`` is called for, with the number of images."""
    calls, original = [], type(head).loss_by_feat

    def counted(self, output, data_samples, task):
        calls.append((task.name, len(data_samples)))
        return original(self, output, data_samples, task)

    vars(counted).update(vars(original))
    monkeypatch.setattr(type(head), 'loss_by_feat', counted)
    return calls


@pytest.mark.parametrize(('kind', 'task', 'options'), HEADS)
def test_one_call_gives_the_values_of_a_call_for_each_task(kind, task, options, feats, monkeypatch):
    tasks = three(task)
    head = build_head(kind, tasks, options)
    batches = batches_of(tasks)
    outputs = head.task_outputs(feats, batches)
    expected = [
        head.loss_by_feat(output, batch.samples, batch.task) for output, batch in zip(outputs, batches, strict=True)
    ]
    calls = count_calls(head, monkeypatch)
    found = head.loss(feats, batches)
    assert calls == [('one', 4)]
    torch.testing.assert_close(found, expected)
    assert len({value.item() for losses in found for values in losses.values() for value in values}) >= 4


def test_tasks_with_losses_or_outputs_of_their_own_are_called_alone(feats, monkeypatch):
    one, another, third = three(SEG)
    more = dataclasses.replace(third, name='more', classes=('background', 'a', 'b', 'c'))
    weighed = dataclasses.replace(third, name='weighed', class_weight=(1.0, 2.0, 3.0))
    loss_dice = dict(type='aurora_mm.ForegroundDiceLoss', by_task=dict(a_third=dict(loss_weight=2.0)))
    tasks = [one, weighed, third, more, another]
    head = build_head(SegmentationHead, tasks, dict(channels=16, dropout=0.0, loss_dice=loss_dice))
    calls = count_calls(head, monkeypatch)
    losses = head.loss(feats, [TaskBatch(task, None, [labelled(task, 0), labelled(task, 1)]) for task in tasks])
    assert sorted(calls) == [('a_third', 2), ('more', 2), ('one', 4), ('weighed', 2)]
    assert [len(values) for of_task in losses for values in of_task.values()] == [2] * 10


class OwnLoss(SegmentationHead):
    def loss_by_feat(self, output, data_samples, task):
        losses = super().loss_by_feat(output, data_samples, task)
        return {name: value * (2 if task.name == 'another' else 1) for name, value in losses.items()}


class OwnScores(DenseDetectionHead):
    def score_loss(self, logits, boxes, targets, task):
        return super().score_loss(logits, boxes, targets, task) * (2 if task.name == 'another' else 1)


@pytest.mark.parametrize(('kind', 'task'), [(OwnLoss, SEG), (OwnScores, DET)])
def test_a_subclass_with_losses_of_its_own_gets_each_task_alone(kind, task, feats):
    tasks = three(task)
    head = build_head(kind, tasks, dict(channels=16))
    assert build_head(kind.__base__, tasks, dict(channels=16)).joins_tasks
    assert not head.joins_tasks
    head.eval()
    found = head.loss(feats, batches_of(tasks))
    plain = build_head(kind.__base__, tasks, dict(channels=16)).eval().loss(feats, batches_of(tasks))
    torch.testing.assert_close(found[0], plain[0])
    torch.testing.assert_close(found[1]['loss_cls'], 2 * plain[1]['loss_cls'])
