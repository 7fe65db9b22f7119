import pytest
import torch

from aurora_mm.models.codecs import HeatmapCodec

DOUBLE = torch.float64


def test_the_map_of_a_cells_centre_by_hand():
    """One row of five cells and the point in the middle of them: nothing is cut off on one side only."""
    heat = HeatmapCodec(sigma=1.0, margin=0).encode(torch.tensor([0.5, 0.5]), (1, 5))
    weights = torch.tensor([4.0, 1.0, 0.0, 1.0, 4.0]).div(-2).exp()  # squared distances in cells
    torch.testing.assert_close(heat[0], weights / weights.sum())


def test_a_map_far_from_the_border_is_the_gaussian():
    heat = HeatmapCodec(sigma=1.5, margin=1).encode(torch.tensor([0.45, 0.6], dtype=DOUBLE), (24, 40))
    xs, ys = (torch.arange(-1, n + 1, dtype=DOUBLE) + 0.5 for n in (40, 24))
    expected = (-((xs - 18) ** 2 + (ys[:, None] - 14.4) ** 2) / (2 * 1.5**2)).exp()
    torch.testing.assert_close(heat, expected / expected.sum(), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize('grid', [(28, 28), (14, 14), (7, 7), (24, 40)])
@pytest.mark.parametrize('margin', [1, 2, 4])
@pytest.mark.parametrize('sigma', [1.0, 1.5, 3.0])
def test_decoding_the_encoded_gives_the_point_back(grid, margin, sigma):
    """Everywhere in the image, on its border, and outside of it as far as the margin reaches."""
    h, w = grid
    codec = HeatmapCodec(sigma, margin)
    along = torch.linspace(0, 1, 41)
    edge = margin - 0.5
    points = torch.cartesian_prod(along * (w + 2 * edge) - edge, along * (h + 2 * edge) - edge) / torch.tensor([w, h])
    maps = codec.encode(points, grid)
    assert maps.shape == (len(points), h + 2 * margin, w + 2 * margin)
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(len(points)))
    errors = (codec.decode(maps) - points).abs() * torch.tensor([w, h])  # in cells
    assert errors.max() < 0.03
    inside = ((points >= 0) & (points <= 1)).all(1)
    assert errors[inside].max() < 1e-3


def test_a_point_beyond_the_margin_has_the_map_of_the_nearest_within():
    codec = HeatmapCodec(margin=2)
    far = torch.tensor([[-0.4, 0.5], [0.5, 3.0], [20.0, -20.0]])
    maps = codec.encode(far, (8, 8))
    assert maps.isfinite().all()
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(3))
    nearest = far.clamp(-1.5 / 8, 1 + 1.5 / 8)
    torch.testing.assert_close(codec.decode(maps), nearest, atol=0.03 / 8, rtol=0)


def test_moving_the_map_moves_the_point():
    codec = HeatmapCodec(margin=0)
    heat = torch.zeros(16, 16)
    heat[4:7, 5:8] = torch.rand(3, 3)
    heat /= heat.sum()
    moved = codec.decode(heat.roll((2, 3), (0, 1))) - codec.decode(heat)
    torch.testing.assert_close(moved, torch.tensor([3 / 16, 2 / 16]))


def test_margin_cells_lie_outside_of_the_image():
    heat = torch.zeros(8, 12)  # 4 x 8 cells of the image
    heat[0, 11] = 1
    point = HeatmapCodec(margin=2).decode(heat)
    torch.testing.assert_close(point, torch.tensor([1 + 1.5 / 8, -1.5 / 4]))


def test_decoding_has_a_gradient():
    logits = torch.zeros(1, 2, 6, 6, requires_grad=True)
    codec = HeatmapCodec(margin=1)
    points = codec.decode(logits.flatten(2).softmax(2).unflatten(2, (6, 6)))
    points[..., 0].sum().backward()
    assert (logits.grad[..., 5] > 0).all()
    assert (logits.grad[..., 0] < 0).all()
