import torch

from aurora_mm.models.balancers import TaskLosses

TASKS = ['seg', 'cls', 'det']


def test_sums_by_hand():
    losses = TaskLosses.add_up(dict(seg=torch.tensor([1.0, 2.0]), det=torch.tensor([4.0])), TASKS)
    assert losses.names == ['seg', 'det']
    assert losses.sums.tolist() == [3, 0, 4]
    assert losses.counts.tolist() == [2, 0, 1]
    assert losses.finite.tolist() == [True] * 3


def test_a_loss_that_is_not_finite_is_left_out_and_gets_no_gradient():
    cls = torch.tensor([1.0, torch.nan, 3.0, torch.inf], requires_grad=True)
    losses = TaskLosses.add_up(dict(cls=cls, seg=torch.tensor([torch.nan])), TASKS)
    assert losses.finite.tolist() == [True, False, True, False, False]
    assert losses.sums.tolist() == [0, 4, 0]
    assert losses.counts.tolist() == [0, 2, 0]
    losses.sums.sum().backward()
    assert cls.grad.tolist() == [1, 0, 1, 0]


def test_sums_are_not_rounded_by_autocast():
    rows = torch.tensor([1.001, 2.003])
    with torch.autocast('cpu', torch.bfloat16):
        losses = TaskLosses.add_up(dict(cls=rows), TASKS)
    assert losses.sums[1] == rows.sum()
