import pytest
import torch
import torch.nn.functional as F
from torch import nn

from aurora_mm.models import TaskBottleneckAdapter, TaskFiLM

ADAPTERS = dict(
    film=TaskFiLM,
    depthwise=lambda *args: TaskBottleneckAdapter(*args, channels=8),
    plain=lambda *args: TaskBottleneckAdapter(*args, channels=8, depthwise=False),
)


@pytest.fixture
def maps():
    """Three levels of different widths, for two images."""
    torch.manual_seed(0)
    return [torch.randn(2, channels, side, side) for channels, side in ((4, 8), (6, 4), (8, 2))]


def build(name, maps, in_index):
    torch.manual_seed(1)
    return ADAPTERS[name]([m.shape[1] for m in maps], in_index)


@pytest.mark.parametrize('name', ADAPTERS)
def test_at_the_start_nothing_changes_and_then_what_the_head_reads(name, maps):
    adapter = build(name, maps, (0, -1))
    adapted = adapter(maps)
    assert all(torch.equal(a, b) for a, b in zip(adapted, maps, strict=True))
    sum(m.square().sum() for m in adapted).backward()
    torch.optim.SGD(adapter.parameters(), 0.1).step()
    adapted = adapter(maps)
    assert adapted[1] is maps[1]
    assert not any(torch.equal(adapted[i], maps[i]) for i in (0, 2))
    assert [m.shape for m in adapted] == [m.shape for m in maps]


def test_film_by_hand():
    adapter = TaskFiLM([2], [0])
    with torch.no_grad():
        adapter.levels['0'].scale.copy_(torch.tensor([0.5, -1.0]).view(2, 1, 1))
        adapter.levels['0'].shift.copy_(torch.tensor([2.0, 3.0]).view(2, 1, 1))
    (x,) = adapter([torch.tensor([[[[4.0, -2.0]], [[7.0, 1.0]]]])])
    assert x.tolist() == [[[[8.0, -1.0]], [[3.0, 3.0]]]]


@pytest.mark.parametrize('name', ['depthwise', 'plain'])
def test_the_bottleneck_against_its_formula(name, maps):
    adapter = build(name, maps, [0])
    part = adapter.levels['0']
    nn.init.normal_(part.up.weight)
    nn.init.normal_(part.up.bias)
    groups = part.down.norm.num_groups
    x = F.conv2d(maps[0], part.down.conv.weight)
    x = F.silu(F.group_norm(x, groups, part.down.norm.weight, part.down.norm.bias))
    weight = part.mix[0].weight
    if name == 'depthwise':  # as a plain convolution with zeros between channels
        weight = torch.diag_embed(weight.squeeze(1).permute(1, 2, 0)).permute(2, 3, 0, 1)
    x = F.silu(F.conv2d(x, weight, part.mix[0].bias, padding=1))
    expected = maps[0] + F.conv2d(x, part.up.weight, part.up.bias)
    torch.testing.assert_close(adapter(maps)[0], expected)


def test_the_bottleneck_is_small():
    """Of 256 channels: down 256 x 32 and its norm, 3 x 3 for each of 32, up 32 x 256 with biases."""
    adapter = TaskBottleneckAdapter([256], [0])
    expected = (256 * 32 + 2 * 32) + (9 * 32 + 32) + (32 * 256 + 256)
    assert sum(p.numel() for p in adapter.parameters()) == expected
