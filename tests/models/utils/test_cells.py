import torch

from aurora_mm.models.utils.cells import cell_centres


def test_centres_by_hand():
    like = torch.zeros(1, dtype=torch.float64)
    torch.testing.assert_close(cell_centres(4, like), torch.tensor([0.125, 0.375, 0.625, 0.875], dtype=torch.float64))
    centres = cell_centres(2, like, margin=2)
    torch.testing.assert_close(centres, torch.tensor([-0.75, -0.25, 0.25, 0.75, 1.25, 1.75], dtype=torch.float64))
