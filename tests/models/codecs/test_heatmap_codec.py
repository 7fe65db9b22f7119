import pytest
import torch

from aurora_mm.models.codecs import HeatmapCodec


def test_the_map_of_a_cells_centre_by_hand():
    """One row of four cells, sigma 1 cell, the point at the second cell's centre."""
    heat = HeatmapCodec(sigma=1.0).encode(torch.tensor([0.375, 0.5]), (1, 4))
    weights = torch.tensor([1.0, 0.0, 1.0, 4.0]).div(-2).exp()  # squared distances in cells
    torch.testing.assert_close(heat[0], weights / weights.sum())


def test_decoding_the_encoded_gives_the_point_back_finer_than_a_cell():
    points = 0.25 + 0.5 * torch.rand(50, 3, 2, dtype=torch.float64)  # away from the border, which cuts the Gaussian
    codec = HeatmapCodec()
    found = codec.decode(codec.encode(points, (24, 40)))
    assert ((found - points).abs() * torch.tensor([40, 24])).max() < 1e-3  # of a cell


@pytest.mark.parametrize('point', [(-0.4, 0.5), (0.5, 3.0), (20.0, -20.0)])
def test_a_point_outside_still_has_a_map_that_sums_to_1(point):
    heat = HeatmapCodec().encode(torch.tensor(point), (8, 8))
    assert heat.isfinite().all()
    torch.testing.assert_close(heat.sum(), torch.tensor(1.0))


def test_moving_the_map_moves_the_point():
    codec = HeatmapCodec()
    heat = torch.zeros(16, 16)
    heat[4:7, 5:8] = torch.rand(3, 3)
    heat /= heat.sum()
    moved = codec.decode(heat.roll((2, 3), (0, 1))) - codec.decode(heat)
    torch.testing.assert_close(moved, torch.tensor([3 / 16, 2 / 16]))
