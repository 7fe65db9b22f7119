"""Compiled encoder blocks as an H100 would get them: Inductor's code, and its kernels as machine code for sm_90.

Needs torch with CUDA and Triton, which need not find a GPU, and runs in a process of its own:

    python -m pytest -p tests.fixtures.pretend_cuda_driver tests/accelerator/test_compiled_for_cuda.py
"""

import sys
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from aurora_mm.engine.optim.weight_copies import WeightCopies
from aurora_mm.models.backbones import Qwen3VLBackbone, qwen3_vl_layers
from aurora_mm.models.backbones.qwen3_vl_layers import axial_rope

if 'tests.fixtures.pretend_cuda_driver' not in sys.modules:
    pytest.skip('needs -p tests.fixtures.pretend_cuda_driver', allow_module_level=True)
if torch.version.cuda is None:
    pytest.skip(f'torch {torch.__version__} is a CPU build', allow_module_level=True)
pytest.importorskip('triton', reason='kernels are compiled by Triton')

from tests.fixtures.h100_compiler import assembled, code_of, h100

GRID = (28, 28)  # of an image of 448 px


@pytest.fixture(autouse=True)
def flash_attention(monkeypatch):
    """Torch asks the device which attention it has; on an H100 it is this one."""

    def attention(q, k, v):
        return torch.ops.aten._scaled_dot_product_flash_attention(q, k, v)[0]

    names = SimpleNamespace(layer_norm=F.layer_norm, scaled_dot_product_attention=attention)
    monkeypatch.setattr(qwen3_vl_layers, 'F', names)


def codes(preset, training, dynamic=False):
    """Inductor's code for a block in bfloat16, as AutocastOptimWrapper and AutocastValidationHook run it."""
    encoder = Qwen3VLBackbone(preset, out_indices=[0], compile_blocks=dict(fullgraph=True))
    with h100() as mode:
        with mode:
            encoder.to('cuda')
            channels = encoder.config.hidden_size
            x = torch.empty(4, GRID[0] * GRID[1], channels, device='cuda', dtype=torch.bfloat16, requires_grad=training)
            rope = axial_rope(GRID, channels // encoder.config.num_heads, 10000.0, x.device)
        if dynamic:
            torch._dynamo.mark_dynamic(x, 0)

        def call():
            copies = WeightCopies(torch.bfloat16)
            layers = list(encoder.linear_layers().values())
            with torch.set_grad_enabled(training), torch.autocast('cuda', torch.bfloat16), copies.in_use(layers):
                encoder.blocks[0](x, rope)

        return code_of(call)


@pytest.mark.parametrize(
    ('preset', 'training', 'dynamic'), [('8b', True, False), ('2b', True, True), ('8b', False, False)]
)
def test_the_kernels_of_a_block_become_machine_code(preset, training, dynamic, tmp_path):
    graphs = codes(preset, training, dynamic)
    assert len(graphs) == (2 if training else 1)
    assert all('_scaled_dot_product_flash_attention' in code for code in graphs)
    with h100():
        for number, code in enumerate(graphs):
            (tmp_path / str(number)).mkdir()
            kernels = assembled(code, tmp_path / str(number))
            assert len(kernels) == code.count('async_compile.triton(')
            for variants in kernels.values():
                assert all('.target sm_90' in stages['ptx'] and stages['cubin'] for stages in variants)


def test_a_fault_of_a_block_is_seen(monkeypatch):
    """What this is for, planted: a branch by a value, which would cut the compiled block in two."""
    rotate = qwen3_vl_layers.rotate
    monkeypatch.setattr(qwen3_vl_layers, 'rotate', lambda qkv, rope: rotate(qkv if qkv.sum() > 0 else -qkv, rope))
    with pytest.raises(torch._dynamo.exc.Unsupported, match='branching'):
        codes('2b', training=True)
