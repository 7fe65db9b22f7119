from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from aurora_mm.models.codecs.base_codec import BaseBoxCodec, BoxTargets, FixedBoxes
from aurora_mm.models.codecs.cell_assignment import assign_cells, pad_boxes
from aurora_mm.registry import TASK_UTILS


@TASK_UTILS.register_module()
class GridBoxCodec(BaseBoxCodec):
    """Assigns a box to every cell whose centre lies in it; decodes the box of the cell with the highest score.

    Legend: B images, N boxes of an image, K classes (without background), h x w cells. Boxes are xyxy, normalised to
    [0, 1] by the size of the network input.
    """

    def encode(
        self, boxes: Sequence[Tensor], labels: Sequence[Tensor], num_classes: int, grid: tuple[int, int]
    ) -> BoxTargets:
        """Encode the boxes of a batch; :func:`assign_cells` assigns them to cells.

        Args:
            boxes: Boxes of each image, ``(N, 4)``, xyxy normalised.
            labels: Classes of the boxes of each image, ``(N,)`` int64 in [0, K).
            num_classes: K.
            grid: Number of cells ``(h, w)``.

        Returns:
            The training targets. Scores are 0 or 1, boxes 0 where there is none, and weights the same for all cells of
            an image that have a box.
        """
        padded, classes = pad_boxes(boxes, labels)
        cells = assign_cells(padded, classes >= 0, grid)
        positive = cells.owned.any(1).to(padded)  # (B, h, w)
        class_numbers = torch.arange(num_classes, device=classes.device)[:, None, None]
        return BoxTargets(
            (cells.map_of(classes[..., None]) == class_numbers) * positive[:, None],
            cells.map_of(padded),
            positive / positive.sum((1, 2), keepdim=True).clamp(min=1),
        )

    def place(self, raw: Tensor) -> Tensor:
        """Convert the raw output of a network to boxes: its sigmoid gives the centre and the sides of the box.

        Args:
            raw: ``(B, 4, h, w)``: x and y of the centre, width and height, before the sigmoid.

        Returns:
            ``(B, 4, h, w)``, xyxy normalised; no box is larger than the image.
        """
        centres, sides = raw.sigmoid().chunk(2, dim=1)
        return torch.cat([centres - sides / 2, centres + sides / 2], dim=1)

    def decode(self, scores: Tensor, boxes: Tensor) -> list[InstanceData]:
        """Decode the box of the cell with the highest score in each image.

        Args:
            scores: Scores of the classes, ``(B, K, h, w)`` in [0, 1].
            boxes: ``(B, 4, h, w)``, xyxy normalised, as :meth:`place` returns them.

        Returns:
            ``bboxes`` (1, 4) xyxy normalised, ``scores`` (1,) and ``labels`` (1,) of each image.
        """
        found = self.decode_fixed(scores, boxes)
        return [
            InstanceData(bboxes=box, scores=score, labels=label)
            for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True)
        ]

    def decode_fixed(self, scores: Tensor, boxes: Tensor) -> FixedBoxes:
        """Decode the box of the cell with the highest score; see :class:`BaseBoxCodec`."""
        cells = scores.shape[-2] * scores.shape[-1]
        best, index = scores.flatten(1).max(1, keepdim=True)
        chosen = boxes.flatten(2).transpose(1, 2).gather(1, (index % cells)[..., None].expand(-1, -1, 4))
        return FixedBoxes(chosen, best, index // cells, torch.ones_like(index[:, 0]))
