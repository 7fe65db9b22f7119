"""Assignment of boxes to the cells of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from aurora_mm.models.utils.cells import cell_centres


def pad_boxes(boxes: Sequence[Tensor], labels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Pad the boxes of several images to the same number.

    Args:
        boxes: Boxes of each image, ``(N_b, 4)``.
        labels: Classes of the boxes of each image, ``(N_b,)`` int64.

    Returns:
        Boxes ``(B, N, 4)`` and classes ``(B, N)``. N is the largest number of an image, at least 1. Padding has class
        -1.
    """
    most = max(1, *(len(image) for image in boxes))
    padded = torch.stack([F.pad(image, (0, 0, 0, most - len(image))) for image in boxes])
    return padded, torch.stack([F.pad(image, (0, most - len(image)), value=-1) for image in labels])


class Assignment(NamedTuple):
    """The box that is assigned to each cell.

    Legend: B images, N boxes, h x w cells.

    Attributes:
        owned (Tensor): ``(B, N, h, w)`` bool, whether the box is assigned to the cell; at most one box for a cell.
        owner (Tensor): ``(B, h, w)`` int64, the index of the cell's box; any index where there is none.
    """

    owned: Tensor
    owner: Tensor

    def map_of(self, values: Tensor) -> Tensor:
        """Take the values of each cell's box, or 0 where it has none: ``(B, N, D)`` -> ``(B, D, h, w)``."""
        b, h, w = self.owner.shape
        index = self.owner.flatten(1)[..., None].expand(-1, -1, values.shape[2])
        found = values.gather(1, index).transpose(1, 2).reshape(b, -1, h, w)
        return found.where(self.owned.any(1, keepdim=True), 0)


def assign_cells(boxes: Tensor, valid: Tensor, grid: tuple[int, int]) -> Assignment:
    """Assign to each box the cells whose centres lie in it.

    A box that is too small to contain a cell's centre gets the cell in which its own centre lies. A cell in several
    boxes is assigned to the smallest of them.

    Legend: B images, N boxes, h x w cells.

    Args:
        boxes: ``(B, N, 4)``, xyxy normalised.
        valid: ``(B, N)`` bool; no cell is assigned to the other boxes.
        grid: Number of cells ``(h, w)``.
    """
    h, w = grid
    x1, y1, x2, y2 = boxes[..., None].unbind(2)  # (B, N, 1) each
    xs, ys = cell_centres(w, boxes), cell_centres(h, boxes)
    inside = _outer((ys >= y1) & (ys <= y2), (xs >= x1) & (xs <= x2))
    columns = ((x1 + x2) / 2 * w).long().clamp(0, w - 1)
    rows = ((y1 + y2) / 2 * h).long().clamp(0, h - 1)
    own = _outer(rows == torch.arange(h, device=boxes.device), columns == torch.arange(w, device=boxes.device))
    candidates = torch.where(inside.any(3, keepdim=True).any(2, keepdim=True), inside, own) & valid[..., None, None]
    areas = ((x2 - x1) * (y2 - y1))[..., None].expand_as(candidates)
    owner = torch.where(candidates, areas, torch.inf).argmin(1)  # (B, h, w)
    numbers = torch.arange(boxes.shape[1], device=boxes.device)[:, None, None]
    return Assignment(candidates & (owner[:, None] == numbers), owner)


def _outer(down: Tensor, across: Tensor) -> Tensor:
    """Combine ``(B, N, h)`` and ``(B, N, w)`` to ``(B, N, h, w)``."""
    return down[..., None] & across[..., None, :]
