"""Boxes as targets on a grid of cells, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from aurora_mm.registry import TASK_UTILS


@TASK_UTILS.register_module()
class GridBoxCodec:
    """Every cell whose centre lies in a box is to find that box; the most confident cell gives the answer.

    Legend: N boxes, K classes, h x w cells. Boxes are xyxy, normalised to [0, 1] by the network input's size.
    """

    def encode(self, boxes: Tensor, labels: Tensor, num_classes: int, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Targets of one image.

        A box too small to hold a cell's centre takes the cell that holds its own centre. Where boxes overlap, the
        smaller one has the cell.

        Args:
            boxes: ``(N, 4)``. labels: ``(N,)`` int64 in [0, K). num_classes: K. grid: ``(h, w)``.

        Returns:
            Objectness ``(K, h, w)``, 0 or 1; the box of each positive cell ``(4, h, w)``, 0 elsewhere.
        """
        h, w = grid
        ys = (torch.arange(h, device=boxes.device) + 0.5) / h
        xs = (torch.arange(w, device=boxes.device) + 0.5) / w
        objectness = boxes.new_zeros(num_classes, h, w)
        targets = boxes.new_zeros(4, h, w)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        for i in areas.argsort(descending=True):
            x1, y1, x2, y2 = boxes[i]
            cells = ((ys >= y1) & (ys <= y2))[:, None] & ((xs >= x1) & (xs <= x2))[None]
            if not cells.any():
                row = ((y1 + y2) / 2 * h).long().clamp(0, h - 1)
                column = ((x1 + x2) / 2 * w).long().clamp(0, w - 1)
                cells[row, column] = True
            objectness[:, cells] = 0
            objectness[labels[i], cells] = 1
            targets[:, cells] = boxes[i][:, None]
        return objectness, targets

    def decode(self, scores: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The best cell's answer for each image.

        Args:
            scores: ``(B, K, h, w)`` probabilities. boxes: ``(B, 4, h, w)``.

        Returns:
            Boxes ``(B, 1, 4)``, scores ``(B, 1)``, labels ``(B, 1)``.
        """
        cells = scores.shape[-2] * scores.shape[-1]
        best, index = scores.flatten(1).max(1, keepdim=True)
        chosen = boxes.flatten(2).transpose(1, 2).gather(1, (index % cells)[:, :, None].expand(-1, -1, 4))
        return chosen, best, index // cells
