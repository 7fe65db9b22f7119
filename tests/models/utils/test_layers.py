from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from aurora_mm.models.utils import layers
from aurora_mm.models.utils.layers import TopDownFusion, conv_gn_act, coordinate_channels, pad_replicate


@pytest.mark.parametrize('margin', [0, 1, 3])
def test_continuing_outwards_equals_torchs_padding(margin):
    x = torch.randn(2, 3, 4, 5)
    expected = F.pad(x, (margin,) * 4, mode='replicate')
    assert torch.equal(pad_replicate(x, margin), expected)


@pytest.mark.parametrize('levels', [1, 3])
def test_a_fused_map_goes_beyond_the_image_by_the_margin(levels):
    torch.manual_seed(0)
    maps = [torch.randn(1, 8, 8 // 2**i, 12 // 2**i) for i in range(levels)]
    fusion = TopDownFusion([8] * levels, 16, margin=2).eval()
    fused = fusion(maps)
    assert fused.shape == (1, 16, 12, 16)
    plain = TopDownFusion([8] * levels, 16).eval()
    plain.load_state_dict(fusion.state_dict())
    assert plain(maps).shape == (1, 16, 8, 12)


def test_cells_of_the_margin_differ_from_those_at_the_border():
    """The convolution comes after the continuation, so that a head can tell how far outside a point is."""
    torch.manual_seed(0)
    fused = TopDownFusion([8, 8], 16, margin=2)([torch.randn(1, 8, 8, 8), torch.randn(1, 8, 4, 4)])
    outermost, next_to_it, border = fused[0, :, 5, :3].unbind(1)
    for a, b in ((outermost, next_to_it), (next_to_it, border), (outermost, border)):
        assert (a - b).abs().max() > 1e-2


def test_coordinate_channels_by_hand():
    channels = coordinate_channels(torch.zeros(2, 5, 2, 4))
    assert channels.shape == (2, 2, 2, 4)
    assert channels[1, 0, 1].tolist() == pytest.approx([-0.75, -0.25, 0.25, 0.75])
    assert channels[1, 1, :, 3].tolist() == pytest.approx([-0.5, 0.5])


def test_a_group_norm_is_that_of_torch():
    torch.manual_seed(0)
    norm = conv_gn_act(3, 16).norm
    torch.nn.init.uniform_(norm.weight)
    torch.nn.init.uniform_(norm.bias)
    x = torch.randn(2, 16, 5, 7)
    expected = F.group_norm(x, 2, norm.weight, norm.bias, 1e-5)
    assert torch.equal(norm(x), expected)
    assert isinstance(norm, torch.nn.GroupNorm)  # as which MMEngine's optimisers know it
    assert list(conv_gn_act(3, 16).state_dict()) == ['conv.weight', 'gn.weight', 'gn.bias']
    low = norm(x.bfloat16())
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(low.float(), expected, rtol=2**-6, atol=2**-6)


def test_a_group_norm_is_computed_without_autocast(monkeypatch):
    """Autocast on CUDA would cast its input to fp32, and give fp32 to what follows."""
    enabled = []

    def group_norm(x, *args):
        enabled.append(torch.is_autocast_enabled('cpu'))
        return torch.nn.functional.group_norm(x, *args)

    monkeypatch.setattr(layers, 'F', SimpleNamespace(group_norm=group_norm))
    block = conv_gn_act(3, 16)
    with torch.autocast('cpu', torch.bfloat16):
        result = block(torch.randn(1, 3, 8, 8))
    assert enabled == [False]
    assert result.dtype == torch.bfloat16
