"""Where the cells of an image lie whose sides are no multiples of the encoder's."""

from math import ceil

import pytest
import torch

from aurora_mm.models.backbones import HFBackbone, Qwen3VLBackbone
from aurora_mm.models.backbones.base_encoder import BaseEncoder

SIZES = [(70, 100), (65, 97), (96, 128), (130, 90)]


class Centres(BaseEncoder):
    """Its maps hold the x and y, in pixels, of the centre of each cell."""

    size_divisor, strides = 32, [16, 32]

    def __init__(self, fit_maps_to_image):
        super().__init__()
        self.fit_maps_to_image = fit_maps_to_image

    resolve = layer_of = load_pretrained = None

    def encode(self, x):
        maps = []
        for stride in self.strides:
            ys, xs = ((torch.arange(side // stride) + 0.5) * stride for side in x.shape[-2:])
            maps.append(torch.stack(torch.meshgrid(xs, ys, indexing='xy'))[None])
        return tuple(maps)


def error_in_mmseg(fit, size, stride):
    """Distance between where a pixel is and where mmseg takes its features from: the largest, and that within.

    Before the centre of the second cell, and beyond that of the last, there is nothing to interpolate between.
    """
    resize = pytest.importorskip('mmseg.models.utils').resize
    maps = Centres(fit)(torch.zeros(1, 3, *size))
    (found,) = (level for level, its in zip(maps, Centres.strides, strict=True) if its == stride)
    cells = [side / count for side, count in zip(size, found.shape[-2:], strict=True)]
    found = resize(found, size=size, mode='bilinear', align_corners=False)[0]
    ys, xs = (torch.arange(side) + 0.5 for side in size)
    error = (found - torch.stack(torch.meshgrid(xs, ys, indexing='xy'))).abs()
    inside = [slice(ceil(1.5 * cell), int(side - 0.5 * cell)) for side, cell in zip(size, cells, strict=True)]
    return float(error.max()), float(error[:, inside[0], inside[1]].max())


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('stride', [16, 32])
def test_mmseg_takes_features_from_their_places(size, stride):
    anywhere, inside = error_in_mmseg(True, size, stride)
    assert inside < 1e-3
    assert anywhere <= stride / 2
    cut = error_in_mmseg(False, size, stride)
    if size == (96, 128):
        assert cut == (anywhere, inside)  # a multiple of both strides
    else:
        assert cut[1] > 0.15 * stride


def test_cells_begin_at_multiples_of_the_stride_by_default():
    for level, stride in zip(Centres(False)(torch.zeros(1, 3, 50, 70)), Centres.strides, strict=True):
        assert level[0, 0, 0].tolist() == [(i + 0.5) * stride for i in range(-(-70 // stride))]
        assert level[0, 1, :, 0].tolist() == [(i + 0.5) * stride for i in range(-(-50 // stride))]


@pytest.mark.parametrize('kind', ['qwen', 'hf'])
def test_the_encoders_take_it(kind):
    torch.manual_seed(0)
    if kind == 'qwen':
        sizes = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
        make = lambda **more: Qwen3VLBackbone(sizes, **more)  # noqa: E731
    else:
        tiny = dict(model_type='dinov2', hidden_size=48, num_hidden_layers=4, num_attention_heads=3, image_size=56)
        make = lambda **more: HFBackbone(tiny, **more)  # noqa: E731
    cut, fitted = make().eval(), make(fit_maps_to_image=True).eval()
    fitted.load_state_dict(cut.state_dict())
    whole, odd = torch.randn(1, 3, 2 * cut.size_divisor, 2 * cut.size_divisor), torch.randn(1, 3, 50, 70)
    with torch.no_grad():
        for a, b in zip(cut(whole), fitted(whole), strict=True):
            assert torch.equal(a, b)
        for a, b in zip(cut(odd), fitted(odd), strict=True):
            assert a.shape == b.shape
            assert not torch.allclose(a, b)
            assert torch.allclose(a[..., 0, 0], b[..., 0, 0], atol=0.1 * a.abs().max())  # the corner stays in place
