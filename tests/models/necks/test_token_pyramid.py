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


def centres(cells, cell):
    return (torch.arange(cells) + 0.5) * cell


def plain_pyramid(**kwargs):
    """A pyramid of one channel that changes no value: each level is the sum of its map and of all coarser levels."""
    neck = TokenPyramid([1] * (4 + kwargs.get('num_details', 0)), 1, num_refine=0, **kwargs)
    for conv in (*neck.projections, *neck.details):
        torch.nn.init.ones_(conv.weight)
        torch.nn.init.zeros_(conv.bias)
    for conv in neck.outputs:
        torch.nn.init.dirac_(conv.weight)
        torch.nn.init.zeros_(conv.bias)
    for conv in neck.extra_levels:  # the mean of a cell and the one to its right
        conv.weight.data.copy_(torch.tensor([[0, 0, 0], [0, 0.5, 0.5], [0, 0, 0]]))
        torch.nn.init.zeros_(conv.bias)
    return neck


@pytest.mark.parametrize(
    ('fit_maps_to_image', 'downsample'), [(False, 'bilinear'), (False, 'avg_pool'), (True, 'bilinear')]
)
@pytest.mark.parametrize('tokens', [69, 75, 82])
@torch.no_grad()
def test_cells_lie_where_the_stride_or_the_image_says(tokens, fit_maps_to_image, downsample):
    """The value of each token is its place in pixels. So must be that of each cell, away from the border.

    One map after the other has these values. They reach its own level by shrinking and finer ones from the top down.
    """
    neck = plain_pyramid(downsample=downsample, fit_maps_to_image=fit_maps_to_image, num_outs=5)
    for source in range(4):
        maps = [torch.zeros(1, 1, tokens, tokens) for _ in range(4)]
        maps[source] = centres(tokens, 16).expand(1, 1, tokens, tokens)
        levels = neck(maps)
        margin = 1.5 * neck.strides[source]
        for index in (*range(source + 1), *([4] if source == 3 else [])):
            level, stride = levels[index], neck.strides[index]
            cells = level.shape[-1]
            assert cells == -(-tokens * 16 // stride)
            expected = centres(cells, tokens * 16 / cells if fit_maps_to_image else stride)
            margin = max(margin, 1.1 * stride)
            inside = (expected > margin) & (expected < tokens * 16 - 2 * margin)
            assert inside.any()
            torch.testing.assert_close(level[0, 0, cells // 2][inside], expected[inside])


@torch.no_grad()
def test_the_points_of_mmdet_are_the_places_of_the_cells():
    task_modules = pytest.importorskip('mmdet.models.task_modules')
    neck = plain_pyramid()
    levels = neck([torch.zeros(1, 1, 75, 75)] * 3 + [centres(75, 16).expand(1, 1, 75, 75)])
    generator = task_modules.MlvlPointGenerator(neck.strides)
    points = generator.grid_priors([level.shape[-2:] for level in levels], device='cpu')
    for level, own in zip(levels, points, strict=True):
        xs = own[:, 0].reshape(level.shape[-2:])[0]
        inside = (xs > 200) & (xs < 900)
        torch.testing.assert_close(level[0, 0, 0][inside], xs[inside])


@pytest.mark.parametrize('fit_maps_to_image', [False, True])
@torch.no_grad()
def test_a_detail_lies_where_the_level_lies(fit_maps_to_image):
    neck = plain_pyramid(
        scales=(1 / 2, 1 / 4, 1 / 8, 1 / 16),
        in_strides=[16] * 5,
        num_details=1,
        fit_maps_to_image=fit_maps_to_image,
    )
    assert neck.detail_levels == [0]
    level = neck([centres(37, 16).expand(1, 1, 37, 37)] + [torch.zeros(1, 1, 37, 37)] * 4)[0]
    expected = centres(19, 37 * 16 / 19 if fit_maps_to_image else 32)
    torch.testing.assert_close(level[0, 0, 9][:-1], expected[:-1])
