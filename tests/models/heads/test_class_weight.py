"""The weights of a task's classes in the losses of every head that reads them, against values worked out by hand."""

import sys
from math import log

import pytest
import torch
from mmengine.structures import PixelData

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads import ClassificationHead, DenseDetectionHead, MMSegHead, SegmentationHead
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task, TaskTable
from tests.models.conftest import make_sample

PLANE = Task('plane', 'classification', classes=('a', 'b'), class_weight=(1, 3))
TISSUE = Task('tissue', 'segmentation', classes=('background', 'x', 'y'), class_weight=(1, 2, 5))
PLAIN = Task('plain', 'segmentation', classes=('background', 'x', 'y'))
# Probabilities 1/8, 2/8 and 5/8 of the three classes in every pixel.
LOGITS = torch.tensor([0.0, log(2), log(5)])[None, :, None, None].repeat(2, 1, 2, 2)
MASKS = [[[0, 0], [1, 2]], [[255, 1], [1, 1]]]


def mask_samples(task):
    samples = [make_sample(task, 2) for _ in MASKS]
    for sample, mask in zip(samples, MASKS, strict=True):
        sample.gt_sem_seg = PixelData(data=torch.tensor(mask)[None])
    return samples


def losses(head, logits, samples, task):
    """The loss of the class maps of each image, for both images at once and for each alone."""
    name = 'loss_ce' if isinstance(head, MMSegHead) else 'loss_cls'
    both = head.loss_by_feat(logits, samples, task)[name]
    alone = [head.loss_by_feat(logits[i : i + 1], samples[i : i + 1], task)[name] for i in range(2)]
    torch.testing.assert_close(both, torch.cat(alone))
    return both.tolist()


@pytest.mark.parametrize('name', ['mmdet.CrossEntropyLoss', 'mmseg.CrossEntropyLoss', 'BalancedCrossEntropyLoss'])
def test_classes_of_images(name):
    head = ClassificationHead([PLANE], [16], hidden_channels=8, loss_cls=dict(type=name))
    samples = [make_sample(PLANE, 64) for _ in range(2)]
    for label, sample in enumerate(samples):
        sample.gt_label = torch.tensor([label])
    assert losses(head, torch.zeros(2, 2), samples, PLANE) == pytest.approx([log(2), 3 * log(2)])


def test_classes_of_pixels():
    head = SegmentationHead([TISSUE, PLAIN], [16], channels=16)
    weighed = (2 * log(8) + 2 * log(4) + 5 * log(1.6)) / (1 + 1 + 2 + 5)
    assert losses(head, LOGITS, mask_samples(TISSUE), TISSUE) == pytest.approx([weighed, log(4)])
    plain = (0.2 * 2 * log(8) + log(4) + log(1.6)) / (0.2 * 2 + 2)  # the head's own weight of the background
    assert losses(head, LOGITS, mask_samples(PLAIN), PLAIN) == pytest.approx([plain, log(4)])


@pytest.mark.parametrize('loss', [{}, dict(loss_decode=dict(type='CrossEntropyLoss')), dict(loss_decode=2)])
def test_heads_of_mmseg(loss, monkeypatch):
    mmseg = pytest.importorskip('mmseg')
    if mmseg.__version__ == '1.2.2':  # its cross entropy looks up a weight for the value 255
        monkeypatch.setattr(sys.modules[__name__], 'MASKS', [MASKS[0], [[2, 1], [1, 1]]])
    if loss.get('loss_decode') == 2:
        dice = dict(type='DiceLoss', loss_name='loss_dice')
        loss = dict(loss_decode=[dict(type='mmseg.CrossEntropyLoss', loss_name='loss_ce'), dice])
    cfg = dict(type='mmseg.FCNHead', channels=16, in_index=0, num_convs=1, **loss)
    head = MMSegHead([TISSUE, PLAIN], [16], cfg)
    # mmseg divides by the sum of the weights, and without weights by the number of pixels, those to ignore included.
    ignores = MASKS[1][0][0] == 255
    second = [log(4), 3 * log(4) / 4] if ignores else [(6 * log(4) + 5 * log(1.6)) / 11, (3 * log(4) + log(1.6)) / 4]
    weighed = [(2 * log(8) + 2 * log(4) + 5 * log(1.6)) / (1 + 1 + 2 + 5), second[0]]
    assert losses(head, LOGITS, mask_samples(TISSUE), TISSUE) == pytest.approx(weighed)
    plain = [(2 * log(8) + log(4) + log(1.6)) / 4, second[1]]
    assert losses(head, LOGITS, mask_samples(PLAIN), PLAIN) == pytest.approx(plain)


def test_our_cross_entropy_in_heads_of_mmseg():
    pytest.importorskip('mmseg')
    loss = dict(type='aurora_mm.BalancedCrossEntropyLoss')
    cfg = dict(type='mmseg.FCNHead', channels=16, in_index=0, num_convs=1, loss_decode=loss)
    head = MMSegHead([TISSUE], [16], cfg)
    weighed = [(2 * log(8) + 2 * log(4) + 5 * log(1.6)) / (1 + 1 + 2 + 5), log(4)]
    assert losses(head, LOGITS, mask_samples(TISSUE), TISSUE) == pytest.approx(weighed)


def test_segmentors_of_mmseg():
    pytest.importorskip('mmseg')
    part = dict(type='mmseg.FCNHead', channels=16, in_index=0, in_channels=16, num_convs=1, num_classes=3)
    segmentor = dict(type='mmseg.EncoderDecoder', decode_head=part, auxiliary_head=[dict(part)])
    head = MODELS.build(dict(type='MMSegSegmentorHead', segmentor=segmentor, tasks=[TISSUE, PLAIN], in_channels=[16]))
    for heads in (lambda built: [built.decode_head], lambda built: built.auxiliary_head):
        (tissue,), (plain,) = (heads(head.heads[task.name]) for task in (TISSUE, PLAIN))
        assert [loss.class_weight for loss in tissue.loss_decode] == [[1.0, 2.0, 5.0]]
        assert plain.loss_decode.class_weight is None


def test_weights_by_task_and_of_a_new_last_class():
    """What a task says takes the place of what its head says for all tasks."""
    cfg = dict(type='mmdet.CrossEntropyLoss', class_weight=[7.0, 7.0])
    other = Task('other', 'classification', classes=('a', 'b'))
    head = ClassificationHead([PLANE, other], [16], hidden_channels=8, loss_cls=cfg)
    sample = make_sample(PLANE, 64)
    sample.gt_label = torch.tensor([1])
    found = [head.loss_by_feat(torch.zeros(1, 2), [sample], task)['loss_cls'].item() for task in (PLANE, other)]
    assert found == pytest.approx([3 * log(2), 7 * log(2)])


def test_weights_survive_a_config():
    assert TaskTable(TaskTable([PLANE, TISSUE]).to_config()) == TaskTable([PLANE, TISSUE])
    assert PLANE.to_config()['class_weight'] == [1.0, 3.0]


def detection():
    task = Task('box', 'detection', classes=('a', 'b'), class_weight=(1, 2))
    DenseDetectionHead([task], [16] * 4)


def dice_alone():
    SegmentationHead([TISSUE], [16], channels=16, loss_cls=None)


def focal():
    ClassificationHead([PLANE], [16], hidden_channels=8, loss_cls=dict(type='mmdet.FocalLoss'))


def twice():
    loss = dict(type='mmdet.CrossEntropyLoss', by_task=dict(plane=dict(class_weight=[1.0, 2.0])))
    ClassificationHead([PLANE], [16], hidden_channels=8, loss_cls=loss)


def dice_of_mmseg():
    pytest.importorskip('mmseg')
    cfg = dict(type='mmseg.FCNHead', channels=16, in_index=0, num_convs=1, loss_decode=dict(type='DiceLoss'))
    MMSegHead([TISSUE], [16], cfg)


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (detection, "class_weight of task 'box' would have no effect: DenseDetectionHead does not weigh classes"),
        (dice_alone, r'no effect: loss_dice \(aurora_mm.ForegroundDiceLoss\) of SegmentationHead takes none'),
        (focal, r'no effect: loss_cls \(mmdet.FocalLoss\) of ClassificationHead takes none'),
        (twice, 'loss_cls gives class_weight by_task for plane, and the task has a class_weight of its own'),
        (dice_of_mmseg, r'no effect: loss_decode \(mmseg.DiceLoss\) of mmseg.FCNHead takes none'),
    ],
)
def test_weights_without_effect_are_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
