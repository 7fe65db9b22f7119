"""The head of tasks that predict a number."""

import copy

import pytest
import torch

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.models.heads import ScalarRegressionHead
from aurora_mm.structures import TaskBatch, example_sample
from aurora_mm.tasks import Task

TASKS = [Task(name, 'scalar_regression', values=('x',)) for name in ('age', 'size')]
ITEMS = dict(age=[dict(value=v) for v in (10.0, 20.0, 30.0)], size=[dict(value=v) for v in (-1.0, 1.0)])


@pytest.fixture
def head():
    torch.manual_seed(0)
    return ScalarRegressionHead(TASKS, [4, 8], hidden_channels=8)


def batch(task, count=2):
    return TaskBatch(task, None, [example_sample(task, 32, 'network') for _ in range(count)])


def maps(count=2):
    return [torch.randn(count, 4, 8, 8), torch.randn(count, 8, 4, 4)]


def test_numbers_are_standardised_by_the_training_annotations(head):
    assert head.needs_annotations
    head.fit_annotations(ITEMS)
    assert not head.needs_annotations
    assert head.statistics.flatten().tolist() == pytest.approx([20, (200 / 3) ** 0.5, 0, 1])
    task = TASKS[0]
    samples = batch(task).samples
    for sample, value in zip(samples, (20.0, 20 + 3 * (200 / 3) ** 0.5), strict=True):
        sample.gt_value = torch.tensor([value], dtype=torch.float64)
    output = torch.tensor([[0.5], [0.5]])
    losses = head.loss_by_feat(output, samples, task)['loss_value']
    assert losses.tolist() == pytest.approx([0.5**2 / 2, 2.5 - 0.5])  # quadratic, and linear beyond 1
    head.predict_by_feat(output, samples, task)
    assert float(samples[0].pred_value) == pytest.approx(20 + 0.5 * (200 / 3) ** 0.5)


def test_it_learns(head):
    head.fit_annotations(ITEMS)
    optimizer = torch.optim.Adam(head.parameters(), 0.02)
    feats, one = maps(), batch(TASKS[0])
    one.samples[1].gt_value = torch.tensor([28.0], dtype=torch.float64)
    for _ in range(60):
        (losses,) = head.loss(feats, [one])
        optimizer.zero_grad()
        losses['loss_value'].sum().backward()
        optimizer.step()
    with torch.no_grad():
        head.predict(feats, [one])
    assert [float(sample.pred_value) for sample in one.samples] == pytest.approx([12.5, 28], abs=0.5)


def test_the_statistics_are_in_the_checkpoint(head):
    with pytest.raises(ConfigError, match="head of task 'age' does not know the mean and the standard deviation"):
        head.loss(maps(), [batch(TASKS[0])])
    fresh = copy.deepcopy(head)
    head.fit_annotations(ITEMS)
    fresh.load_state_dict(head.state_dict())
    assert not fresh.needs_annotations
    torch.testing.assert_close(fresh.statistics, head.statistics)
    fresh.loss(maps(), [batch(TASKS[1])])


@pytest.mark.parametrize(
    ('items', 'message'),
    [
        (dict(age=ITEMS['age']), "task 'size' has no training image"),
        (ITEMS | dict(size=[dict(value=2.0)] * 3), "all 3 training images of task 'size' have the value 2"),
    ],
)
def test_annotations_that_cannot_be_standardised(head, items, message):
    with pytest.raises(DataError, match=message):
        head.fit_annotations(items)
    assert head.needs_annotations


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_statistics_keep_their_digits_and_size_in_half_precision(head, dtype):
    head.fit_annotations(dict(age=[dict(value=v) for v in (100_000.0, 100_400.0)], size=ITEMS['size']))
    head = head.to(dtype)
    assert {p.dtype for p in head.parameters()} == {dtype}
    assert head.statistics[0].tolist() == [100_200, 200]
    sample = batch(TASKS[0], 1).samples
    head.predict_by_feat(torch.tensor([[0.5]], dtype=dtype), sample, TASKS[0])
    assert float(sample[0].pred_value) == 100_300
