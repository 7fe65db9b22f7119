"""Updates whose gradients are not finite, with optimisers that skip them and with others."""

import copy

import pytest
import torch

from aurora_mm.models.balancers import FixedLossBalancer, TaskLossTracker
from aurora_mm.models.utils.connect_optimizer import connect_optimizer
from aurora_mm.models.utils.nonfinite_guard import NonFiniteGuard
from aurora_mm.tasks import Task

TASKS = [Task('a', 'classification', classes=['x', 'y'])]
FUSED = dict(
    adamw=lambda parameters: torch.optim.AdamW(parameters, 0.1, fused=True),
    sgd=lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=0.1, fused=True),
)


def connected(layer, optimizer):
    guard = NonFiniteGuard(TASKS, 1)
    connect_optimizer(optimizer, TaskLossTracker(TASKS), FixedLossBalancer(TASKS, {}), guard)
    return guard


def step(layer, optimizer, value=1.0):
    optimizer.zero_grad()
    (layer(torch.full((1, 3), value)).sum()).backward()
    optimizer.step()


def state(layer, optimizer):
    return copy.deepcopy([layer.state_dict(), optimizer.state_dict()['state']])


@pytest.mark.parametrize('name', FUSED)
def test_a_fused_optimiser_skips_the_update(name):
    layer = torch.nn.Linear(3, 2)
    optimizer = FUSED[name](layer.parameters())
    guard = connected(layer, optimizer)
    step(layer, optimizer)
    before = state(layer, optimizer)
    step(layer, optimizer, torch.nan)
    torch.testing.assert_close(state(layer, optimizer), before, rtol=0, atol=0)
    step(layer, optimizer)
    assert not torch.equal(layer.weight, before[0]['weight'])
    assert not hasattr(optimizer, 'found_inf')
    assert guard._dropped == 1


@pytest.mark.parametrize('kind', [torch.optim.AdamW, torch.optim.SGD])
def test_others_make_it_with_gradients_of_0(kind):
    layer = torch.nn.Linear(3, 2)
    optimizer = kind(layer.parameters(), 0.1, weight_decay=0)
    guard = connected(layer, optimizer)
    before = layer.weight.detach().clone()
    step(layer, optimizer, torch.inf)
    assert torch.equal(layer.weight, before)
    assert torch.equal(layer.bias.grad, torch.zeros(2))
    assert guard._dropped == 1


def test_one_group_that_is_not_fused_reads_no_flag():
    layer = torch.nn.Linear(3, 2)
    groups = [dict(params=[layer.weight], fused=False, foreach=False), dict(params=[layer.bias])]
    optimizer = torch.optim.AdamW(groups, 0.1, weight_decay=0, fused=True)
    connected(layer, optimizer)
    before = layer.weight.detach().clone()
    step(layer, optimizer, torch.nan)
    assert torch.equal(layer.weight, before)


def test_a_grad_scaler_decides_by_itself():
    """It looks for the largest scale at which no gradient overflows, so overflows are no fault of a run."""
    layer = torch.nn.Linear(3, 2)
    optimizer = FUSED['adamw'](layer.parameters())
    guard = connected(layer, optimizer)
    before = layer.weight.detach().clone()
    scaler = torch.amp.GradScaler('cpu', init_scale=3e38)
    weights = []
    for _ in range(2):
        optimizer.zero_grad()
        scaler.scale(layer(torch.full((4, 3), 9.0)).sum()).backward()  # inf at this scale
        scaler.step(optimizer)
        scaler.update(1.0)
        weights.append(layer.weight.detach().clone())
    assert torch.equal(weights[0], before)
    assert not torch.equal(weights[1], before)
    assert guard._dropped is None
