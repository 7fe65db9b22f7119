import pytest
import torch

from aurora_mm.models.utils.average_cells import average_cells
from aurora_mm.models.utils.resample_cells import resample_cells


@pytest.mark.parametrize(
    'change',
    [lambda level: average_cells(level, (4, 5)), lambda level: resample_cells(level, (8, 8), (14, 12), (4, 5))],
)
def test_shapes_are_computed_without_values(change):
    """`get-flops` runs models on the device 'meta', which autocast does not know."""
    with torch.device('meta'):
        assert change(torch.zeros(2, 3, 7, 7)).shape == (2, 3, 4, 5)
    assert change(torch.zeros(2, 3, 7, 7)).device.type == 'cpu'  # and nothing of it is kept
