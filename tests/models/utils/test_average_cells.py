import pytest
import torch
import torch.nn.functional as F

from aurora_mm.models.utils.average_cells import average_cells


@pytest.mark.parametrize(
    ('sides', 'grid'), [((28, 12), (7, 3)), ((28, 28), (4, 5)), ((7, 9), (4, 5)), ((2, 3), (4, 4))]
)
def test_values_and_gradients_are_those_of_adaptive_pooling(sides, grid):
    torch.manual_seed(0)
    levels = [torch.randn(2, 3, *sides, dtype=torch.float64).requires_grad_() for _ in range(2)]
    levels[1].data.copy_(levels[0])
    found, expected = average_cells(levels[0], grid), F.adaptive_avg_pool2d(levels[1], grid)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)
    for average in (found, expected):
        average.square().sum().backward()
    torch.testing.assert_close(levels[0].grad, levels[1].grad, rtol=0, atol=1e-6)


def test_mixed_precision_does_not_round_the_weights():
    level = torch.randn(2, 3, 7, 9)
    expected = average_cells(level, (3, 4))
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(average_cells(level, (3, 4)), expected)
