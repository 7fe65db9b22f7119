"""Masks of classes that may overlap: losses by hand, predictions, views and export."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads import MultiLabelSegmentationHead
from aurora_mm.models.losses import MaskLoss
from aurora_mm.models.predictions import prediction_of
from aurora_mm.structures import TaskDataSample
from aurora_mm.structures.task_batch import TaskBatch
from aurora_mm.tasks import Task

pytest.importorskip('mmdet')

TASK = Task('parts', 'multi_label_segmentation', classes=('head', 'left', 'right'), swaps=[('left', 'right')])
ENTROPY = dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True)
DICE = dict(type='mmdet.DiceLoss', naive_dice=True, eps=1.0)


def sample(masks=None, size=(8, 8), ori=(8, 8), matrix=None):
    one = TaskDataSample(
        metainfo=dict(
            task='parts', task_type=TASK.type, img_path='a.png', img_shape=size, ori_shape=ori,
            homography_matrix=np.eye(3) if matrix is None else matrix, gt_coordinates='network',
        )
    )  # fmt: skip
    if masks is not None:
        one.gt_class_masks = PixelData(data=masks)
    return one


def by_hand(logits, target, weight=(1.0, 1.0, 1.0)):
    """Binary cross entropy and 1 - Dice of one image, averaged over its labelled classes."""
    entropies, dices = [], []
    for logit, mask, factor in zip(logits.double(), target, weight, strict=True):
        if (mask == 255).all():
            continue
        p, t = logit.sigmoid(), mask.double()
        entropies.append(factor * float(-(t * p.log() + (1 - t) * (1 - p).log()).mean()))
        dices.append(factor * float(1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)))
    return np.mean(entropies), np.mean(dices)


@pytest.fixture
def case():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 8, 8, generator=generator)
    target = (torch.rand(2, 3, 8, 8, generator=generator) < 0.4).to(torch.uint8)
    target[0, 1] = 255  # not labelled
    target[1, 2] = 0  # labelled, and absent
    return logits, target


@pytest.mark.parametrize('weight', [(), (0.5, 2.0, 3.0)])
def test_losses_are_those_computed_by_hand_for_each_image(case, weight):
    logits, target = case
    task = Task('parts', 'multi_label_segmentation', classes=TASK.classes, class_weight=weight)
    head = MultiLabelSegmentationHead([task], [4], channels=4)
    losses = head.loss_by_feat(logits, [sample(masks) for masks in target], task)
    assert list(losses) == ['loss_mask', 'loss_dice']
    for image in range(2):
        wanted = by_hand(logits[image], target[image], weight or (1.0, 1.0, 1.0))
        assert [float(loss[image]) for loss in losses.values()] == pytest.approx(wanted, rel=1e-5)


def test_nothing_is_learned_from_a_class_that_is_not_labelled(case):
    logits, target = case
    logits.requires_grad_()
    head = MultiLabelSegmentationHead([TASK], [4], channels=4)
    losses = head.loss_by_feat(logits, [sample(masks) for masks in target], TASK)
    sum(loss.sum() for loss in losses.values()).backward()
    is_learned = logits.grad.abs().sum((2, 3)) > 0
    assert is_learned.tolist() == [[True, False, True], [True, True, True]]
    nothing = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    losses = head.loss_by_feat(logits[:1], [sample(nothing[0])], TASK)
    assert [float(loss) for loss in losses.values()] == [0.0, 0.0]


def test_an_absent_class_that_is_not_predicted_costs_nothing():
    target = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    for cfg in (ENTROPY, DICE):
        loss = MaskLoss(cfg, [TASK], 'head', 'loss')
        assert float(loss(torch.full((1, 3, 8, 8), -30.0), target, TASK)) == pytest.approx(0, abs=1e-9)
        assert float(loss(torch.full((1, 3, 8, 8), 30.0), target, TASK)) > 0.9


def test_losses_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match=r'MultiLabelSegmentationHead: loss_mask cannot be mmdet\.GIoU'):
        MultiLabelSegmentationHead([TASK], [4], channels=4, loss_mask=dict(type='mmdet.GIoULoss'))
    with pytest.raises(ConfigError, match='needs one of the losses loss_mask, loss_dice'):
        MultiLabelSegmentationHead([TASK], [4], channels=4, loss_mask=None, loss_dice=None)


def test_a_pixel_may_have_several_classes_or_none():
    logits = torch.full((1, 3, 4, 4), -4.0)
    logits[0, 0] = 4.0
    logits[0, 1, :, :2] = 4.0
    one = sample(size=(8, 8), ori=(16, 16), matrix=np.diag([0.5, 0.5, 1.0]))
    MultiLabelSegmentationHead([TASK], [4], channels=4).predict_by_feat(logits, [one], TASK)
    masks = one.pred_class_masks.data.numpy()
    assert masks.shape == (3, 16, 16) and masks.dtype == np.uint8
    assert masks[0].all() and not masks[2].any()
    assert masks[1][:, :8].all() and not masks[1][:, 8:].any()
    assert (prediction_of(TASK.type).plain(one, TASK)['class_masks'] == masks).all()


def test_views_are_merged_by_their_probabilities_and_renamed_after_a_flip():
    head = MultiLabelSegmentationHead([TASK], [4], channels=4)
    logits = torch.full((1, 3, 8, 8), -5.0)
    logits[0, 1, 2:6, 1:3] = 2.0  # 'left', on the left
    plain, mirrored = sample(), sample(matrix=np.array([[-1.0, 0, 8], [0, 1, 0], [0, 0, 1]]))
    head.predict_by_feat(logits, [plain], TASK)
    head.predict_by_feat(logits.flip(3)[:, [0, 2, 1]], [mirrored], TASK)
    assert not (mirrored.pred_class_masks.data == plain.pred_class_masks.data).all()
    kind = prediction_of(TASK.type)
    kind.unflip(mirrored, TASK)
    assert (mirrored.pred_class_masks.data == plain.pred_class_masks.data).all()
    assert plain.pred_class_masks.data.sum() == 8

    unsure = sample()
    logits[0, 1, 2:4] = -1.9  # the mean of both is just above, and just below a half
    logits[0, 1, 4:6] = -2.1
    head.predict_by_feat(logits, [unsure], TASK)
    merged = sample()
    kind.merge(merged, [mirrored, unsure])
    found = merged.pred_class_masks.data[1]
    assert found[2:4, 1:3].all() and found.sum() == 4
    assert len(merged.mask_views) == 2


def test_exported_tensors_are_the_predictions():
    head = MultiLabelSegmentationHead([TASK], [4, 4], channels=4).eval()
    feats = [torch.randn(2, 4, 8, 8), torch.randn(2, 4, 4, 4)]
    samples = [sample(size=(32, 32), ori=(21, 50), matrix=np.diag([32 / 50, 32 / 21, 1.0])) for _ in range(2)]
    head.predict(feats, [TaskBatch(TASK, None, samples)])
    (output,) = head.task_outputs(feats, [TaskBatch(TASK, None, samples)])
    masks = head.tensors_by_feat(output, TASK, (21, 50))['class_masks']
    assert (masks.numpy() == np.stack([one.pred_class_masks.data.numpy() for one in samples])).all()
    assert 0 < masks.float().mean() < 1
