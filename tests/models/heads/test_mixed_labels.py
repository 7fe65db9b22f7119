"""The classification head learns from mixed labels, and mixes pooled features itself if it is asked to."""

import pytest
import torch
import torch.nn.functional as F

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads import ClassificationHead
from aurora_mm.structures import TaskBatch
from aurora_mm.tasks import Task
from tests.models.conftest import CLS, make_sample

OTHER = Task('other', 'classification', classes=('a', 'b'))


def head(tasks=(CLS,), **options):
    torch.manual_seed(0)
    return ClassificationHead(tasks, [16] * 4, hidden_channels=16, **options)


def samples_of(*labels, task=CLS):
    samples = [make_sample(task) for _ in labels]
    for sample, label in zip(samples, labels, strict=True):
        sample.gt_label = torch.tensor([label])
    return samples


def fixed(monkeypatch, fraction, order=None):
    """Have the head draw one fraction for every image, and an order of the images."""
    monkeypatch.setattr(torch.distributions.Beta, 'sample', lambda self, shape: torch.full(shape, fraction))
    if order is not None:
        monkeypatch.setattr(torch, 'randperm', lambda n: torch.tensor(order))


def test_mixed_images_and_others_may_share_a_batch():
    logits = torch.randn(2, 3)
    samples = samples_of(2, 1)
    del samples[0].gt_label
    samples[0].gt_scores = torch.tensor([0.25, 0.0, 0.75])
    loss = head().loss_by_feat(logits, samples, CLS)['loss_cls']
    target = torch.stack([samples[0].gt_scores, torch.tensor([0.0, 1.0, 0.0])])
    torch.testing.assert_close(loss, F.cross_entropy(logits, target, reduction='none'))


def test_mixup_of_pooled_features_by_hand(monkeypatch):
    """A quarter of each image's own average, three quarters of that of the image before it in the order."""
    fixed(monkeypatch, 0.25, order=[2, 0, 1])
    model = head(mixup_alpha=1.0)
    feats = [torch.randn(3, 16, side, side) for side in (16, 8, 4, 2)]
    (losses,) = model.loss(feats, [TaskBatch(CLS, None, samples_of(0, 1, 2))])
    pooled = torch.cat([feat.mean((2, 3)) for feat in feats], dim=1)
    partners = [2, 0, 1]  # order is 2, 0, 1: before 0 comes 2, before 1 comes 0, before 2 (the first) comes 1
    features = model.embed(0.25 * pooled + 0.75 * pooled[partners])
    target = 0.25 * torch.eye(3) + 0.75 * torch.eye(3)[partners]
    logits = model.outputs.layers['cls'](features)
    torch.testing.assert_close(losses['loss_cls'], F.cross_entropy(logits, target, reduction='none'))


def test_without_a_partner_the_loss_is_the_plain_one(monkeypatch):
    fixed(monkeypatch, 0.3)
    feats = [torch.randn(1, 16, side, side) for side in (16, 8, 4, 2)]
    batches = [TaskBatch(CLS, None, samples_of(1))]
    torch.testing.assert_close(head(mixup_alpha=1.0).loss(feats, batches), head().loss(feats, batches))


def test_images_of_a_task_are_mixed_among_themselves(monkeypatch):
    """With a fraction of 0 each image of a task trades places with the other one of the task."""
    fixed(monkeypatch, 0.0)
    feats = [torch.randn(4, 16, side, side) for side in (16, 8, 4, 2)]
    batches = [
        TaskBatch(CLS, torch.tensor([0, 2]), samples_of(0, 2)),
        TaskBatch(OTHER, torch.tensor([1, 3]), samples_of(1, 0, task=OTHER)),
    ]
    plain = head((CLS, OTHER)).loss(feats, batches)
    mixed = head((CLS, OTHER), mixup_alpha=1.0).loss(feats, batches)
    for ours, theirs in zip(mixed, plain, strict=True):
        torch.testing.assert_close(ours['loss_cls'], theirs['loss_cls'].flip(0))


def test_the_seed_determines_the_mixture_and_predictions_are_not_mixed(feats):
    model, batches = head(mixup_alpha=0.4), [TaskBatch(CLS, None, samples_of(0, 2))]
    losses = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        losses.append(model.loss(feats, batches)[0]['loss_cls'])
    assert torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], losses[2])
    model.predict(feats, batches)
    ours = [sample.pred_scores for sample in batches[0].samples]
    head().predict(feats, batches)
    torch.testing.assert_close(ours, [sample.pred_scores for sample in batches[0].samples])


def test_negative_alpha_is_refused():
    with pytest.raises(ConfigError, match='mixup_alpha of ClassificationHead must not be negative; it is -1'):
        head(mixup_alpha=-1)
