"""The counter of benchmarks/step_ops.py, and what it finds in a training step."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import DefaultScope

from aurora_mm.models.backbones.qwen3_vl_layers import _cached_axial_rope


@pytest.fixture(scope='module')
def ops(load_benchmark):
    return load_benchmark('step_ops')


def test_hand_worked_operations(ops):
    counter = ops.OperationCounter()
    first, second = torch.nn.Linear(8, 4, bias=False), torch.nn.Linear(4, 2, bias=False)
    counter.watch(first, 'forward', 'encoder')
    with counter:
        loss = second(first(torch.ones(3, 8))).sum()
        with counter.backward():
            loss.backward()
        torch._foreach_mul_([torch.ones(5), torch.ones(6)], 2)
    assert counter.counts['encoder', 'forward', 'mm'] == [1, 4 * (24 + 32 + 12), 2 * 3 * 8 * 4]
    assert counter.counts['heads', 'forward', 'mm'] == [1, 4 * (12 + 8 + 6), 2 * 3 * 4 * 2]
    assert counter.counts['heads', 'forward', '_foreach_mul_'] == [1, 4 * 2 * 11, 0]
    assert counter.counts['heads', 'backward', 'mm'][0] == 2  # of the second layer: its weight and its input
    assert counter.counts['encoder', 'backward', 'mm'][0] == 1
    assert not any(name in ('t', 'view', 'expand', 'detach') for _, _, name in counter.counts)


def test_attention_counts_on_a_cpu_too(ops):
    counter = ops.OperationCounter()
    q, k, v = (torch.ones(2, 3, 10, 16, requires_grad=True) for _ in range(3))
    with counter:
        torch.nn.functional.scaled_dot_product_attention(q, k, v).sum().backward()
    flops = sum(count[2] for (_, _, name), count in counter.counts.items() if 'attention' in name)
    product = 2 * 2 * 3 * 10 * 10 * 16
    assert flops == 2 * product + 5 * product  # the backward pass computes the products of queries and keys again


@pytest.mark.long
def test_a_step(ops, load_benchmark):
    args = SimpleNamespace(config=str(ops.REPO / 'configs' / 'aurora_fmc_plus.py'), size=64, preset='tiny')
    try:
        with DefaultScope.overwrite_default_scope('aurora_mm'):
            counts = ops.count_step(ops.load(args, 'none', small=False), batch=1, size=64)
    finally:
        _cached_axial_rope.cache_clear()  # of fake tensors

    def total(part, direction, column):
        return sum(count[column] for (p, d, _), count in counts.items() if (p, d) == (part, direction))

    patches = 2 * 16 * (3 * 16 * 16) * 192
    assert total('encoder', 'forward', 2) == load_benchmark('encoder').flops('tiny', 64, False) + patches
    for part in ('detail', 'necks', 'heads'):  # but for the gradient of the image
        assert 1.9 < total(part, 'backward', 2) / total(part, 'forward', 2) <= 2
    # Neither grows with the number of weights, but for the lists of the parameter groups.
    assert total('optimiser', 'forward', 0) < 100
    assert counts['mean', 'forward', '_foreach_lerp_'][0] == 1
