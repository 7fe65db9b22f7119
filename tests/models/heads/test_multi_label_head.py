"""The head of tasks whose images have any number of classes."""

import pytest
import torch
import torch.nn.functional as F

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads import MultiLabelHead
from aurora_mm.models.predictions import prediction_of
from aurora_mm.structures import example_sample
from aurora_mm.tasks import Task

TASK = Task('signs', 'multi_label_classification', classes=('a', 'b', 'c'), swaps=[('a', 'b')])


def head(**loss):
    return MultiLabelHead(
        [TASK], [4], hidden_channels=8, loss_label=dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True) | loss
    )


@pytest.mark.parametrize('weight', [None, [1.0, 3.0, 2.0]])
def test_the_loss_is_binary_cross_entropy(weight):
    torch.manual_seed(0)
    logits = torch.randn(2, 3)
    samples = [example_sample(TASK, 32, 'network') for _ in range(2)]
    samples[0].gt_scores = torch.tensor([1.0, 0.0, 1.0])
    target = torch.stack([sample.gt_scores for sample in samples])
    expected = F.binary_cross_entropy_with_logits(
        logits, target, pos_weight=None if weight is None else torch.tensor(weight), reduction='none'
    ).mean(1)
    loss = head(class_weight=weight).loss_by_feat(logits, samples, TASK)['loss_label']
    torch.testing.assert_close(loss, expected)


def test_a_loss_of_classes_that_exclude_each_other_is_refused():
    with pytest.raises(
        ConfigError, match=r'MultiLabelHead: loss_label cannot be mmdet\.CrossEntropyLoss for task signs'
    ):
        head(use_sigmoid=False)


def test_predictions():
    sample = example_sample(TASK, 32, 'original')
    head().predict_by_feat(torch.tensor([[2.0, -2.0, 0.0]]), [sample], TASK)
    kind = prediction_of(TASK.type)
    plain = kind.plain(sample, TASK)
    assert plain['labels'] == ['a', 'c']
    assert list(plain['scores'].values()) == pytest.approx([0.8808, 0.1192, 0.5], abs=1e-4)
    other = example_sample(TASK, 32, 'original')
    other.pred_scores = torch.zeros(3)
    kind.unflip(sample, TASK)
    merged = example_sample(TASK, 32, 'original')
    kind.merge(merged, [sample, other])
    assert merged.pred_scores.tolist() == pytest.approx([0.0596, 0.4404, 0.25], abs=1e-4)
