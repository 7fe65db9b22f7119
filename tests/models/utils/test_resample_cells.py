import pytest
import torch
import torch.nn.functional as F

from aurora_mm.models.utils.resample_cells import resample_cells


@pytest.mark.parametrize(('grid', 'new'), [((6, 9), (3, 3)), ((5, 7), (10, 21)), ((4, 6), (4, 6))])
def test_it_interpolates_where_both_maps_cover_the_same_pixels(grid, new):
    torch.manual_seed(0)
    level = torch.randn(3, 2, *grid)
    cell, new_cell = (60 / grid[0], 63 / grid[1]), (60 / new[0], 63 / new[1])
    expected = F.interpolate(level, new, mode='bilinear', align_corners=False)
    torch.testing.assert_close(resample_cells(level, cell, new_cell, new), expected)


def test_each_new_cell_has_the_value_of_its_place():
    """The value of a cell is its centre in pixels; beyond the last centre the border cell is repeated."""
    centres = lambda count, size: (torch.arange(count) + 0.5) * size  # noqa: E731
    level = torch.stack(torch.meshgrid(centres(5, 8), centres(9, 8), indexing='ij'))[None]
    found = resample_cells(level, (8, 8), (16, 12), (3, 7))
    torch.testing.assert_close(found[0, 0, :, 0], centres(3, 16).clamp(4, 36))
    torch.testing.assert_close(found[0, 1, 0], centres(7, 12).clamp(4, 68))


def test_half_precision_does_not_move_the_cells():
    level = torch.linspace(0, 1, 100, dtype=torch.bfloat16).expand(1, 1, 100, 100)
    found = resample_cells(level, (16, 16), (32, 32), (51, 51))
    assert found.dtype == torch.bfloat16
    expected = resample_cells(level.float(), (16, 16), (32, 32), (51, 51))
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=2**-8)
