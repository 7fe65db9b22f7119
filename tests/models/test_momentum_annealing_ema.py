"""The running mean of the weights, beside MMEngine's."""

import copy

import mmengine.model
import pytest
import torch
from mmengine.registry import DefaultScope
from torch.utils._python_dispatch import TorchDispatchMode

from aurora_mm.models.momentum_annealing_ema import MomentumAnnealingEMA
from aurora_mm.registry import MODELS


def network():
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    layers[2].bias.requires_grad_(False)
    return layers


def change(model):
    with torch.no_grad():
        for tensor in (*model.parameters(), model[1].running_mean):
            tensor.add_(torch.randn_like(tensor))
        model[1].num_batches_tracked += 1


@pytest.mark.parametrize('options', [dict(), dict(interval=2), dict(update_buffers=True), dict(momentum=0.3)], ids=str)
def test_the_means_are_those_of_mmengine(options):
    model = network()
    ours, theirs = (
        kind(copy.deepcopy(model), **dict(momentum=0.01, gamma=3) | options)
        for kind in (MomentumAnnealingEMA, mmengine.model.MomentumAnnealingEMA)
    )
    for _ in range(7):
        change(model)
        ours.update_parameters(model)
        theirs.update_parameters(model)
    expected = theirs.state_dict()
    assert ours.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in ours.state_dict().items())
    assert expected['steps'] == 7


class Operations(TorchDispatchMode):
    """Counts what is dispatched."""

    names: list[str]

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def test_all_weights_are_moved_by_one_operation():
    model = network()
    mean = MomentumAnnealingEMA(model)
    mean.update_parameters(model)
    with Operations() as operations:
        operations.names = []
        mean.update_parameters(model)
    assert [name for name in operations.names if 'lerp' in name] == ['_foreach_lerp_']


def test_configs_take_it_by_the_name_of_mmengine():
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        assert type(MODELS.build(dict(type='MomentumAnnealingEMA', model=network()))) is MomentumAnnealingEMA
