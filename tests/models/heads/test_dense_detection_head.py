"""What the dense detection head does beyond what all heads do."""

import math

import pytest
import torch
from mmengine.structures import InstanceData
from torch import nn

from aurora_mm.models.heads import DenseDetectionHead
from aurora_mm.models.utils.boxes import aligned_iou
from aurora_mm.registry import MODELS
from tests.models.conftest import DET, DET2, make_sample, mean_losses, outputs_of, predict_with


def build(tasks=(DET,), **kwargs) -> DenseDetectionHead:
    torch.manual_seed(0)
    return DenseDetectionHead(tasks, [16] * 4, channels=16, **kwargs)


def sample_with(boxes, labels=None, task=DET):
    """Boxes normalised to [0, 1]."""
    sample = make_sample(task)
    boxes = torch.tensor(boxes).reshape(-1, 4) * 64
    labels = torch.zeros(len(boxes), dtype=torch.long) if labels is None else torch.tensor(labels)
    sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
    return sample


def answer_everywhere(head: DenseDetectionHead, side: float, logit: float) -> None:
    """Sets the last layer by hand: a box of that side around every cell, all of one score."""
    layer = head.outputs.layers['det']
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.bias[:] = torch.tensor([0, 0, *[math.log(math.expm1(side))] * 2, logit])


def test_losses_by_hand(feats):
    """Four cells; the box is the first one's quarter, and every cell answers half of its own quarter's sides.

    IoU is 1/4 in that cell, and so is GIoU, since the box lies within the true one. Each side is 1/8 off.
    """
    head = build(
        in_index=[3],
        loss_cls=dict(type='aurora_mm.QualityFocalLoss', loss_weight=2.0),
        loss_iou=dict(type='aurora_mm.GIoULoss', loss_weight=3.0),
        loss_bbox=dict(type='mmdet.SmoothL1Loss', beta=0.05, loss_weight=5.0),
    )
    answer_everywhere(head, side=0.25, logit=math.log(3))  # a score of 3/4
    losses = mean_losses(head, [f[:1] for f in feats], [sample_with([0.0, 0.0, 0.5, 0.5])], DET)
    quality = math.sqrt(1 / 4)
    score = (quality - 3 / 4) ** 2 * (quality * math.log(4 / 3) + (1 - quality) * math.log(4))
    score += 3 * (0 - 3 / 4) ** 2 * math.log(4)  # the cells of background
    assert losses['loss_cls'].item() == pytest.approx(2 * score, rel=1e-4)
    assert losses['loss_iou'].item() == pytest.approx(3 * (1 - 1 / 4), rel=1e-4)
    assert losses['loss_bbox'].item() == pytest.approx(5 * (1 / 8 - 0.05 / 2), rel=1e-4)


def test_at_first_nothing_is_found_and_the_losses_are_of_order_one(feats):
    head = build()
    logits, boxes = outputs_of(head, feats, DET)
    assert logits.sigmoid().max() < 0.2
    sides = boxes[:, 2:] - boxes[:, :2]
    assert 0.2 < sides.min() < sides.max() < 0.6
    for box in ([0.4, 0.4, 0.45, 0.45], [0.3, 0.2, 0.7, 0.6], [0.0, 0.0, 1.0, 1.0]):
        assert 0.3 < sum(mean_losses(head, feats, [sample_with(box)] * 2, DET).values()) < 4


def test_a_batch_has_the_mean_of_its_images_losses_whatever_they_hold(feats):
    head = build().eval()
    samples = [sample_with([[0.1, 0.1, 0.3, 0.3], [0.4, 0.2, 0.9, 0.9], [0.5, 0.1, 0.6, 0.15]]), sample_with([])]
    both = mean_losses(head, feats, samples, DET)
    single = [mean_losses(head, [f[i : i + 1] for f in feats], [samples[i]], DET) for i in range(2)]
    for term, value in both.items():
        torch.testing.assert_close(value, (single[0][term] + single[1][term]) / 2)


def test_it_learns_two_boxes_of_two_classes_an_image(feats):
    head = build([DET2])
    samples = [
        sample_with([[0.05, 0.1, 0.4, 0.5], [0.55, 0.3, 0.95, 0.95]], [0, 1], DET2),
        sample_with([[0.1, 0.55, 0.5, 0.95], [0.7, 0.1, 0.8, 0.2]], [1, 0], DET2),
    ]
    optimizer = torch.optim.Adam(head.parameters(), 5e-3)
    for _ in range(150):
        loss = sum(mean_losses(head, feats, samples, DET2).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for sample in predict_with(head.eval(), feats, samples, DET2):
        truth, found = sample.gt_instances, sample.pred_instances[:2]
        assert found.scores.min() > 0.5
        assert len(sample.pred_instances) == 2 or sample.pred_instances.scores[2] < 0.3
        order = found.labels.argsort(), truth.labels.argsort()
        assert found.labels[order[0]].tolist() == [0, 1]
        original = truth.bboxes[order[1]] * torch.tensor([200, 100, 200, 100]) / 64
        assert aligned_iou(found.bboxes[order[0]], original).min() > 0.8


def test_an_image_without_a_finding_still_gets_its_best_box(feats):
    head = build().eval()
    answer_everywhere(head, side=0.25, logit=-9.0)
    for sample in predict_with(head, feats, [sample_with([]), sample_with([])], DET):
        assert len(sample.pred_instances.bboxes) == 1
        assert sample.pred_instances.scores.item() == pytest.approx(1 / (1 + math.exp(9)))


def test_the_codecs_settings_come_through_the_config(feats):
    cfg = dict(type='aurora_mm.DenseDetectionHead', tasks=[DET.to_config()], in_channels=[16] * 4, channels=16)
    head = MODELS.build(cfg | dict(codec=dict(type='DenseBoxCodec', max_per_img=3, score_thr=0.0))).eval()
    answer_everywhere(head, side=0.1, logit=0.0)
    (sample, _) = predict_with(head, feats, [sample_with([]), sample_with([])], DET)
    assert len(sample.pred_instances.bboxes) == 3


def test_it_runs_in_bfloat16_with_losses_in_float32(feats):
    head = build()
    samples = [sample_with([0.2, 0.2, 0.6, 0.7]), sample_with([])]
    exact = mean_losses(head, feats, samples, DET)
    with torch.autocast('cpu', torch.bfloat16):
        losses = mean_losses(head, feats, samples, DET)
        predict_with(head, feats, samples, DET)
    for term, value in losses.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, exact[term], atol=0.02, rtol=0.05)
    assert samples[0].pred_instances.bboxes.dtype == torch.float32
    sum(losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


def test_a_box_that_is_no_number_makes_a_loss_that_is_none(feats):
    """The model's guard is to see it."""
    losses = mean_losses(build(), feats, [sample_with([math.nan, 0.1, 0.5, 0.5]), sample_with([])], DET)
    assert all(term.isnan() for term in losses.values())
