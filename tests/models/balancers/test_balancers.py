import math

import pytest
import torch

from aurora_mm.models.balancers import LossBalancer, SelectiveLossBalancer, TaskLossTracker
from tests.models.conftest import CLS, DET, POINTS, SEG

TASKS = [SEG, CLS, DET, POINTS]


def tracked(**losses):
    tracker = TaskLossTracker(TASKS)
    values = {name: torch.tensor(value) for name, value in losses.items()}
    tracker.update(values, dict.fromkeys(losses, 1))
    return tracker


def test_running_mean_by_hand():
    tracker = TaskLossTracker(TASKS, momentum=0.9)
    tracker.update({'cls': torch.tensor(2.0)}, {'cls': 3})
    tracker.update({'cls': torch.tensor(1.0), 'seg': torch.tensor(5.0)}, {'cls': 1, 'seg': 4})
    means = tracker.means()
    assert means['cls'] == pytest.approx(0.9 * 2 + 0.1 * 1)
    assert means['seg'] == pytest.approx(5)
    assert means['det'] is None
    assert tracker.seen.tolist() == [4, 4, 0, 0]


def test_selective_weights_by_hand():
    tracker = tracked(seg=1.0, cls=4.0, det=0.01, points=0.99)  # mean 1.5
    weights = SelectiveLossBalancer(TASKS).weights(tracker)
    expected = [1, math.sqrt(4 / 1.5), 0.25, 1]  # det: sqrt(0.01 / 1.5) = 0.08, clamped
    torch.testing.assert_close(weights, torch.tensor(expected))


def test_selective_loss_by_hand():
    tracker = tracked(seg=1.0, cls=4.0)
    losses = {'seg': torch.tensor(1.0), 'cls': torch.tensor(4.0)}
    balanced = SelectiveLossBalancer(TASKS)(losses, tracker)
    s = 1 + math.log(2)  # raw = 0
    assert balanced['seg'] == 1
    assert balanced['cls'].item() == pytest.approx(math.sqrt(4 / 2.5) * 4 / (2 * s**2) + math.log(s))


def test_uncertainty_of_a_hard_type_grows():
    balancer = SelectiveLossBalancer(TASKS)
    balancer({'cls': torch.tensor(50.0)}, tracked(cls=50.0))['cls'].backward()
    assert balancer.raw['classification'].grad < 0
    assert balancer.raw['detection'].grad is None


def test_without_balancing_losses_pass():
    losses = {'cls': torch.tensor(4.0)}
    assert LossBalancer(TASKS)(losses, tracked(cls=4.0)) == losses


def test_state_survives_a_checkpoint():
    tracker, fresh = tracked(cls=2.5), TaskLossTracker(TASKS)
    fresh.load_state_dict(tracker.state_dict())
    assert fresh.means() == tracker.means()
