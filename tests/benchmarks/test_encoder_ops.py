"""The counter of benchmarks/encoder_ops.py, and what it finds in a block."""

import importlib.util
import shutil
from pathlib import Path

import pytest
import torch

FILE = Path(__file__).resolve().parents[2] / 'benchmarks' / 'encoder_ops.py'


@pytest.fixture(scope='module')
def ops():
    spec = importlib.util.spec_from_file_location('encoder_ops', FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_hand_worked_operations(ops):
    x, row, out = torch.ones(4, 8), torch.ones(8), torch.empty(4, 8)
    with ops.PassCounter() as counter:
        x.t().unsqueeze(0).expand(2, 8, 4)  # views
        x @ x.t()
        x.to(torch.bfloat16)
        x + row
        x.add_(row.expand(4, 8))
        torch.mul(x, row, out=out)
        torch.cat([x, x])
    assert counter.passes == [
        ('_to_copy', 128 + 64, (4, 8)),
        ('add', 128 + 32 + 128, (4, 8)),
        ('add_', 128 + 32 + 128, (4, 8)),
        ('mul', 128 + 32 + 128, (4, 8)),
        ('cat', 128 + 128 + 256, (8, 8)),
    ]


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16', 'autocast'])
def test_a_plain_block_casts_no_tokens_and_concatenates_nothing(ops, dtype):
    on_tokens, on_weights = ops.count_passes('tiny', 16, 224, False, dtype)
    names = [p.name for p in on_tokens]
    assert [name for name in names if name.startswith(ops.COPIES)] == ['copy_']  # the values' gradient, to its place
    assert not [name for name in names if name.startswith(ops.CONCATENATIONS)]
    assert len(names) == 27
    assert [p.name for p in on_weights] == (['_to_copy'] * 8 if dtype == 'autocast' else [])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which('c++') is None, reason="torch's compiler needs a C++ compiler on a CPU")
def test_a_compiled_block_moves_less(ops):
    plain, compiled = (ops.count_passes('tiny', 4, 224, compiled, 'bfloat16')[0] for compiled in (False, True))
    assert len(compiled) <= 16
    assert sum(p.bytes for p in compiled) < 0.8 * sum(p.bytes for p in plain)
