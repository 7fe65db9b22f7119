"""Rotary positions: what they are, in which precision, and what a compiler makes of them."""

import pytest
import torch

from aurora_mm.models.backbones import Qwen3VLBackbone
from aurora_mm.models.backbones.qwen3_vl_layers import axial_rope, rotate
from tests.models.backbones.reference import SIZES

CPU = torch.device('cpu')


@pytest.fixture
def rope():
    return axial_rope((2, 3), 8, 10000.0, CPU)


def queries_and_keys(dtype=torch.float32):
    qkv = torch.randn(2, 6, 3, 2, 8, dtype=dtype, generator=torch.Generator().manual_seed(0))
    return qkv[:, :, :2]  # as in the encoder, no tensor of its own


def test_angles_of_a_hand_worked_grid(rope):
    """Two frequencies for 8 channels, 1 and 0.01: half the angles turn with the row, half with the column."""
    angles = torch.tensor([[row, row / 100, column, column / 100] for row in range(2) for column in range(3)])
    torch.testing.assert_close(rope[0].squeeze(), angles.cos())
    torch.testing.assert_close(rope[1].squeeze(), angles.sin())


def test_pairs_of_channels_turn_as_complex_numbers(rope):
    x = queries_and_keys()
    turned = torch.complex(x[..., :4], x[..., 4:]) * torch.complex(*rope)
    torch.testing.assert_close(rotate(x, rope), torch.cat([turned.real, turned.imag], dim=-1))


def test_bfloat16_is_rounded_once(rope):
    x = queries_and_keys(torch.bfloat16)
    ours = rotate(x, rope)
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.float(), rotate(x.float(), rope), rtol=2**-8, atol=0)


def test_the_encoder_compiles_as_one_graph():
    torch.manual_seed(0)
    backbone = Qwen3VLBackbone(SIZES)
    compiled = torch.compile(backbone, backend='eager', fullgraph=True)
    x = torch.randn(1, 3, 64, 96)
    for ours, expected in zip(compiled(x), backbone(x), strict=True):
        torch.testing.assert_close(ours, expected)
