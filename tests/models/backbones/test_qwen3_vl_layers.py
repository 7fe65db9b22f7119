"""Rotary positions: what they are, in which precision, and what a compiler makes of them; norms under autocast."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from aurora_mm.models.backbones import Qwen3VLBackbone, qwen3_vl_layers
from aurora_mm.models.backbones.qwen3_vl_layers import LayerNorm, _rotate, axial_rope, rotate
from tests.models.backbones.reference import SIZES

CPU = torch.device('cpu')


@pytest.fixture
def rope():
    return axial_rope((2, 3), 8, 10000.0, CPU)


def product(dtype=torch.float32):
    """Queries, keys and values (B, N, 3, heads, D) of two images of 2 x 3 tokens."""
    return torch.randn(2, 6, 3, 2, 8, dtype=dtype, generator=torch.Generator().manual_seed(0))


def by_complex_numbers(x, rope):
    """(B, N, heads, D) by complex multiplication."""
    cos, sin = rope[0], rope[1][:, :, 1:]
    turned = torch.complex(x[..., :4], x[..., 4:]) * torch.complex(cos, sin)[:, :, 0].to(x.dtype.to_complex())
    return torch.cat([turned.real, turned.imag], dim=-1)


def test_angles_of_a_hand_worked_grid(rope):
    """Two frequencies for 8 channels, 1 and 0.01: half the angles turn with the row, half with the column."""
    angles = torch.tensor([[row, row / 100, column, column / 100] for row in range(2) for column in range(3)])
    cos, sin = rope
    torch.testing.assert_close(cos[:, 0, 0], angles.cos())
    torch.testing.assert_close(sin[:, 0, 0], -angles.sin())
    torch.testing.assert_close(sin[:, 0, 1], angles.sin())


def test_pairs_of_channels_turn_as_complex_numbers(rope):
    qkv = product()
    expected = [by_complex_numbers(qkv[:, :, i], rope) for i in (0, 1)] + [qkv[:, :, 2].clone()]
    for part, turned in zip(rotate(qkv, rope), expected, strict=True):
        torch.testing.assert_close(part, turned)


def test_the_backward_pass_turns_back(rope):
    """Its formula is written by hand: autograd's gradient through complex numbers is the witness, in fp64."""
    qkv = product(torch.float64).requires_grad_()
    weights = torch.randn(3, 2, 6, 2, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    turned = [by_complex_numbers(qkv[:, :, 0], rope), by_complex_numbers(qkv[:, :, 1], rope), qkv[:, :, 2]]
    (expected,) = torch.autograd.grad(sum((a * b).sum() for a, b in zip(turned, weights, strict=True)), qkv)
    turned = rotate(qkv.clone(), rope)
    (ours,) = torch.autograd.grad(sum((a * b).sum() for a, b in zip(turned, weights, strict=True)), qkv)
    torch.testing.assert_close(ours, expected)


def test_bfloat16_is_rounded_once(rope):
    exact = rotate(product(torch.bfloat16).float(), rope)
    qkv = product(torch.bfloat16)
    in_one_expression = [_rotate(qkv[:, :, i], rope) for i in (0, 1)]
    for ours in (rotate(qkv, rope), in_one_expression):
        for part, expected in zip(ours, exact, strict=False):
            assert part.dtype == torch.bfloat16
            torch.testing.assert_close(part.float(), expected, rtol=2**-8, atol=0)


def test_it_makes_no_tensor_and_leaves_what_it_got_in_use(rope):
    qkv = product()
    parts = rotate(qkv, rope)
    assert {part.untyped_storage().data_ptr() for part in parts} == {qkv.untyped_storage().data_ptr()}


def test_a_layer_that_needs_its_output_again_is_told(rope):
    """It is overwritten, and exp would take the gradient from it."""
    turned = rotate(product().requires_grad_().exp(), rope)
    with pytest.raises(RuntimeError, match='modified by an inplace operation'):
        sum(part.sum() for part in turned).backward()


def test_tables_made_in_inference_serve_training():
    qwen3_vl_layers._cached_axial_rope.cache_clear()
    backbone = Qwen3VLBackbone(SIZES)
    x = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        backbone(x)
    sum(m.sum() for m in backbone(x)).backward()
    assert qwen3_vl_layers._cached_axial_rope.cache_info().misses == 1


class Devices(TorchDispatchMode):
    """Notes the devices on which results are."""

    def __init__(self):
        super().__init__()
        self.types = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.types.add(result.device.type)
        return result


@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_tables_are_made_on_their_device(device):
    with Devices() as devices:
        axial_rope((2, 5), 8, 10000.0, torch.device(device))
    assert devices.types == {device}


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float32])
def test_a_norm_keeps_its_input_as_it_is_under_autocast(dtype):
    norm = LayerNorm(16, eps=1e-6)
    nn.init.normal_(norm.weight)
    x = torch.randn(4, 16, dtype=dtype)
    exact = nn.functional.layer_norm(x.double(), (16,), norm.weight.to(dtype).double(), norm.bias.double(), 1e-6)
    with torch.autocast('cpu', torch.bfloat16):
        ours = norm(x)
    assert ours.dtype == dtype
    torch.testing.assert_close(ours.double(), exact, rtol=2**-8 if dtype == torch.bfloat16 else 1e-5, atol=1e-6)


def test_the_encoder_compiles_as_one_graph():
    torch.manual_seed(0)
    backbone = Qwen3VLBackbone(SIZES)
    compiled = torch.compile(backbone, backend='eager', fullgraph=True)
    x = torch.randn(1, 3, 64, 96)
    for ours, expected in zip(compiled(x), backbone(x), strict=True):
        torch.testing.assert_close(ours, expected)
