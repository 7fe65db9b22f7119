"""OneCycleLR against MMEngine's, and what it does with several parameter groups."""

import math

import mmengine.optim
import pytest
import torch
from mmengine.optim import OptimWrapper

from aurora_mm.registry import PARAM_SCHEDULERS

EPOCHS, LENGTH = 4, 5


def rates(scheduler, wrapped=True, lrs=(0.5,), **options):
    """The rates of the groups at each step."""
    weights = [dict(params=[torch.nn.Parameter(torch.zeros(1))], lr=lr) for lr in lrs]
    inner = torch.optim.SGD(weights, lr=0.5)
    optimizer = OptimWrapper(inner) if wrapped else inner
    cfg = dict(type=scheduler, end=EPOCHS, convert_to_iter_based=True, pct_start=0.2, **options)
    built = PARAM_SCHEDULERS.build(cfg, default_args=dict(optimizer=optimizer, epoch_length=LENGTH))
    found = []
    for _ in range(EPOCHS * LENGTH):
        found.append([group['lr'] for group in inner.param_groups])
        built.step()
    return torch.tensor(found, dtype=torch.float64).T


@pytest.mark.parametrize('wrapped', [True, False])
def test_one_group_as_in_mmengine(wrapped):
    there = rates(mmengine.optim.OneCycleLR, eta_max=0.5)
    assert there.max() == 0.5
    assert rates('aurora_mm.OneCycleLR', wrapped).equal(there)
    assert rates('aurora_mm.OneCycleLR', wrapped, eta_max=0.5).equal(there)
    assert rates('aurora_mm.OneCycleLR', wrapped, eta_max=0.1).allclose(there / 5)


@pytest.mark.parametrize('eta_max', [None, 1.0])
def test_groups_keep_their_ratios(eta_max):
    first, tenth, frozen = rates('aurora_mm.OneCycleLR', lrs=(0.5, 0.05, 0.0), eta_max=eta_max)
    assert first.max() == (eta_max or 0.5)
    assert tenth.allclose(first / 10)
    assert not frozen.any()
    first, tenth, _ = rates(mmengine.optim.OneCycleLR, lrs=(0.5, 0.05, 0.0), eta_max=0.5)
    assert tenth.equal(first)  # why there is a scheduler of our own


@pytest.mark.parametrize('length', [1, 2, 5, 10, 11])
def test_trainings_of_few_steps(length):
    """With five steps and ``pct_start=0.2``, MMEngine's divides by 0."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    cfg = dict(type='aurora_mm.OneCycleLR', end=1, convert_to_iter_based=True, pct_start=0.2)
    scheduler = PARAM_SCHEDULERS.build(cfg, default_args=dict(optimizer=optimizer, epoch_length=length))
    found = []
    for _ in range(length):
        found.append(optimizer.param_groups[0]['lr'])
        scheduler.step()
    assert found[-1] == pytest.approx(0.5 / 25 / 1e4)
    if length == 5:
        assert found == pytest.approx([0.5, *there(4)], abs=1e-3)


def there(steps):
    """The fall of a cosine."""
    return [0.25 * (1 + math.cos(math.pi * step / steps)) for step in range(1, steps + 1)]
