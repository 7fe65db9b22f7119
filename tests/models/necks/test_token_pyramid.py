import pytest
import torch

from aurora_mm.errors import ConfigError
from aurora_mm.models.necks import TokenPyramid


@pytest.mark.parametrize('downsample', ['bilinear', 'avg_pool'])
@pytest.mark.parametrize('scales', [(1, 1 / 2, 1 / 4, 1 / 8), (4, 2, 1, 1 / 2)])
def test_levels_are_as_declared(scales, downsample):
    neck = TokenPyramid([8, 8, 8, 8], 16, scales, downsample=downsample)
    levels = neck([torch.randn(2, 8, 8, 16) for _ in range(4)])
    assert [level.shape for level in levels] == [(2, 16, int(8 * s), int(16 * s)) for s in scales]
    assert neck.strides == [int(16 / s) for s in scales]
    assert neck.out_channels == [16] * 4


def test_sizes_are_rounded_up():
    levels = TokenPyramid([4] * 4, 8)([torch.randn(1, 4, 14, 14) for _ in range(4)])
    assert [level.shape[-1] for level in levels] == [14, 7, 4, 2]


@pytest.mark.parametrize('downsample', ['bilinear', 'avg_pool'])
def test_it_can_be_traced(downsample):
    """OpenMMLab's get_flops traces models."""
    neck = TokenPyramid([4] * 4, 8, downsample=downsample).eval()
    maps = tuple(torch.randn(1, 4, 14, 10) for _ in range(4))
    traced = torch.jit.trace(neck, (maps,))
    torch.testing.assert_close(traced(maps), neck(maps))


@pytest.mark.parametrize('scales', [(1, 1 / 2, 1 / 4, 1 / 8), (4, 2, 1, 1 / 2)])
def test_every_parameter_exists_at_construction_and_learns(scales):
    """The public code made its projections at the first forward, after the optimiser, so that they never trained."""
    neck = TokenPyramid([8] * 4, 16, scales)
    before = dict(neck.named_parameters())
    sum(level.square().mean() for level in neck([torch.randn(1, 8, 8, 8) for _ in range(4)])).backward()
    assert dict(neck.named_parameters()).keys() == before.keys()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in before.values())


def test_levels_are_equivariant_to_a_shift_of_the_tokens():
    """Away from the border, where padding shows, a map moved by 8 tokens moves the levels."""
    torch.manual_seed(0)
    neck = TokenPyramid([8] * 2, 16, (1, 1 / 2), in_strides=[16, 16], num_refine=0).eval()
    maps = [torch.zeros(1, 8, 48, 48) for _ in range(2)]
    for m in maps:
        m[..., 20:24, 20:24] = torch.randn(1, 8, 4, 4)
    moved = [m.roll((8, 8), (2, 3)) for m in maps]
    with torch.no_grad():
        for level, after, step in zip(neck(maps), neck(moved), (8, 4), strict=True):
            inside = (..., slice(step + 6, -6), slice(step + 6, -6))  # the padded border was rolled in
            torch.testing.assert_close(level.roll((step, step), (2, 3))[inside], after[inside])


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(in_channels=[8, 8]), 'one level a map of tokens'),
        (dict(in_channels=[8] * 4, scales=(1, 1 / 3, 1 / 4, 1 / 8)), 'powers of two'),
        (dict(in_channels=[8] * 4, scales=(1 / 8, 1 / 4, 1 / 2, 1)), 'from the finest'),
        (dict(in_channels=[8] * 4, downsample='max'), "'max' is none of"),
        (dict(in_channels=[8] * 4, num_outs=3), 'num_outs 3 is less than the 4 levels'),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        TokenPyramid(**kwargs)


def test_one_stride_stands_for_all_maps():
    assert TokenPyramid([8] * 4, 16, in_strides=14).strides == [14, 28, 56, 112]
    assert TokenPyramid([8] * 2, 16, scales=(1, 1 / 2)).strides == [16, 32]


def test_levels_beyond_the_maps_are_halved_and_learn():
    neck = TokenPyramid([8] * 4, 16, (2, 1, 1 / 2, 1 / 4), num_outs=6)
    levels = neck([torch.randn(1, 8, 7, 14) for _ in range(4)])
    assert neck.strides == [8, 16, 32, 64, 128, 256]
    assert neck.out_channels == [16] * 6
    assert [tuple(level.shape[-2:]) for level in levels] == [(14, 28), (7, 14), (4, 7), (2, 4), (1, 2), (1, 1)]
    levels[-1].sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in neck.extra_levels.parameters())


def test_too_few_maps_are_one_clear_error():
    with pytest.raises(ConfigError, match=r'built for 4 maps .* and got 3: tap as many blocks .*out_indices'):
        TokenPyramid([8] * 4)([torch.randn(1, 8, 8, 8) for _ in range(3)])


def test_a_hierarchical_encoder_gives_the_levels_of_a_plain_one():
    maps = [torch.randn(1, 8, 128 // stride, 128 // stride) for stride in (4, 8, 16, 32)]
    for scales in ((1, 1 / 2, 1 / 4, 1 / 8), (4, 2, 1, 1 / 2), (2, 1, 1 / 2, 1 / 4)):
        staged = TokenPyramid([8] * 4, out_channels=16, scales=scales, in_strides=(4, 8, 16, 32))
        plain = TokenPyramid([8] * 4, out_channels=16, scales=scales)
        assert staged.strides == plain.strides
        assert [128 // level.shape[-1] for level in staged(maps)] == staged.strides
    with pytest.raises(ConfigError, match=r'\[4, 12, 16, 32\] must be equal or powers of two'):
        TokenPyramid([8] * 4, in_strides=(4, 12, 16, 32))


def test_a_detail_reaches_the_level_nearest_to_its_stride_and_those_below():
    torch.manual_seed(0)
    neck = TokenPyramid([8, 8, 8, 8], 16, (2, 1), in_strides=[4, 14, 16, 16], num_details=2).eval()
    assert neck.strides == [8, 16]
    assert neck.detail_levels == [0, 1]
    maps = [torch.randn(1, 8, side, side) for side in (32, 9, 8, 8)]
    with torch.no_grad():
        before = neck(maps)
        fine = neck([maps[0] + 1, *maps[1:]])
        coarse = neck([maps[0], maps[1] + 1, *maps[2:]])
    assert [level.shape[-1] for level in before] == [16, 8]
    assert [torch.equal(a, b) for a, b in zip(before, fine, strict=True)] == [False, True]  # what is added goes down
    assert [torch.equal(a, b) for a, b in zip(before, coarse, strict=True)] == [False, False]
