import copy

import pytest
import torch

from aurora_mm.engine import AccumulatingOptimWrapper, AutocastOptimWrapper, GradientSurgeryOptimWrapper, PCGradCombiner
from tests.engine.optim.test_gradient_surgery_optim_wrapper import TwoTypes, images

NAMES = ['ab', 'ba', 'aa', 'bb', 'ab', 'aab', 'b']
WRAPPERS = {
    'fp32': lambda optimizer: AccumulatingOptimWrapper(optimizer, accumulative_counts=3),
    'bfloat16': lambda optimizer: AutocastOptimWrapper(optimizer, accumulative_counts=3, on_cpu=True),
    'surgery': lambda optimizer: GradientSurgeryOptimWrapper(
        optimizer, accumulative_counts=3, on_cpu=True, combiner=dict(type=PCGradCombiner)
    ),
}


def start(make):
    model = TwoTypes()
    return model, make(torch.optim.AdamW(model.parameters(), 0.1))


def steps(model, wrapper, numbers):
    for number in numbers:
        names = list(NAMES[number])
        model.train_step(dict(inputs=images(7)[number : number + 1].expand(len(names), 3), data_samples=names), wrapper)


@pytest.mark.parametrize('kind', WRAPPERS)
def test_a_run_that_is_resumed_within_an_accumulation_ends_as_an_unbroken_one(kind):
    unbroken, wrapper = start(WRAPPERS[kind])
    wrapper.initialize_count_status(unbroken, 0, 7)
    steps(unbroken, wrapper, range(7))

    first, wrapper = start(WRAPPERS[kind])
    wrapper.initialize_count_status(first, 0, 7)
    steps(first, wrapper, range(5))
    kept = copy.deepcopy((first.state_dict(), wrapper.state_dict()))
    assert kept[1]['pending']
    second, wrapper = start(WRAPPERS[kind])
    second.load_state_dict(kept[0])
    wrapper.load_state_dict(kept[1])
    wrapper.initialize_count_status(second, 5, 7)
    steps(second, wrapper, range(5, 7))
    for name, value in unbroken.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value, rtol=0, atol=0)
    assert wrapper.optimizer.state[second.heads['b'].bias]['step'] == 3  # seven batches: 3 + 3 + 1
    assert 'pending' not in wrapper.state_dict()


def test_a_warning_of_lost_gradients_comes_only_where_they_are_lost(monkeypatch):
    lines = []
    monkeypatch.setattr('mmengine.optim.optimizer.optimizer_wrapper.print_log', lambda text, **_: lines.append(text))
    model, wrapper = start(WRAPPERS['fp32'])
    steps(model, wrapper, range(2))
    state = wrapper.state_dict()
    wrapper.load_state_dict(state)
    wrapper.initialize_count_status(model, 2, 7)
    assert not lines
    del state['pending']
    wrapper.load_state_dict(state)
    wrapper.initialize_count_status(model, 2, 7)
    assert any('gradient of some iterations is lost' in line for line in lines)
