"""Any number of boxes as score and box maps on a grid of cells, and back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor

from aurora_mm.models.losses import aligned_iou
from aurora_mm.registry import TASK_UTILS


@TASK_UTILS.register_module()
class DenseBoxCodec:
    """Every box is a hill of scores over the cells inside it; the cells that agree on a box vote on its sides.

    Legend: B images, N boxes, K classes, h x w cells. Boxes are xyxy, normalised to [0, 1] by the network input's size.

    Args:
        sigma: Standard deviation of a box's hill, in sides of the box.
        least_sigma: Its least, in cells.
        nms_threshold: Of two boxes of a class that overlap by more, the better one is kept.
        vote_threshold: Boxes that overlap a kept one by more have a vote in it.
        candidates: How many of the best cells are looked at in an image.
        score_thr: Boxes of a lower score are left out, but for the best one of the image.
        max_per_img: The most boxes of an image.
    """

    def __init__(
        self,
        sigma: float = 1 / 6,
        least_sigma: float = 0.75,
        nms_threshold: float = 0.5,
        vote_threshold: float = 0.5,
        candidates: int = 300,
        score_thr: float = 0.05,
        max_per_img: int = 20,
    ) -> None:
        self.sigma = sigma
        self.least_sigma = least_sigma
        self.nms_threshold = nms_threshold
        self.vote_threshold = vote_threshold
        self.candidates = candidates
        self.score_thr = score_thr
        self.max_per_img = max_per_img

    def encode(
        self, boxes: Tensor, labels: Tensor, num_classes: int, grid: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Targets of one image.

        A box has the cells whose centres lie in it; if it is too small to hold one, the cell of its own centre. Where
        boxes overlap, the smallest one has the cell. A box's hill is a Gaussian around its centre, scaled to 1 at the
        best cell it has, so that a box whose centre belongs to another is still to be found.

        Args:
            boxes: ``(N, 4)``. labels: ``(N,)`` int64 in [0, K). num_classes: K. grid: ``(h, w)``.

        Returns:
            Scores ``(K, h, w)`` in [0, 1]; the box of each cell ``(4, h, w)``, 0 where there is none; and how much the
            cell counts for the boxes, ``(h, w)``: in proportion to its score, the cells of a box sum to 1 / N.
        """
        h, w = grid
        if not len(boxes):
            return boxes.new_zeros(num_classes, h, w), boxes.new_zeros(4, h, w), boxes.new_zeros(h, w)
        centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        xs, ys = _centres(w, boxes), _centres(h, boxes)
        across = (xs >= boxes[:, :1]) & (xs <= boxes[:, 2:3])  # (N, w)
        down = (ys >= boxes[:, 1:2]) & (ys <= boxes[:, 3:])  # (N, h)
        inside = down[:, :, None] & across[:, None]
        empty = ~inside.flatten(1).any(1)
        columns = (centres[:, 0] * w).long().clamp(0, w - 1)
        rows = (centres[:, 1] * h).long().clamp(0, h - 1)
        inside[empty, rows[empty], columns[empty]] = True

        areas = sides.prod(1)[:, None, None].expand_as(inside)
        owner = torch.where(inside, areas, torch.inf).argmin(0)  # (h, w)
        numbers = torch.arange(len(boxes), device=boxes.device)
        owned = inside & (owner == numbers[:, None, None])  # (N, h, w)

        sigma = torch.maximum(self.sigma * sides, self.least_sigma / boxes.new_tensor([w, h]))
        x_hill = -(((xs - centres[:, :1]) / sigma[:, :1]) ** 2) / 2
        y_hill = -(((ys - centres[:, 1:]) / sigma[:, 1:]) ** 2) / 2
        hills = (y_hill[:, :, None] + x_hill[:, None]).masked_fill(~owned, -torch.inf)
        top = hills.flatten(1).amax(1).nan_to_num(neginf=0.0)  # a box may have lost all its cells
        hills = (hills - top[:, None, None]).exp()

        scores = boxes.new_zeros(num_classes, h, w).index_add_(0, labels, hills)
        weights = (hills / hills.sum((1, 2), keepdim=True).clamp(min=1)).sum(0) / len(boxes)
        targets = boxes[owner].permute(2, 0, 1) * owned.any(0)
        return scores, targets, weights

    @staticmethod
    def place(raw: Tensor) -> Tensor:
        """Boxes ``(B, 4, h, w)``, xyxy, of a network's raw output ``(B, 4, h, w)``.

        The last two are the box's sides, before softplus; the first two the way from the cell's centre to the box's, in
        those sides. So an error counts by the size of the box, whatever that is, and a box between cell centres can be
        placed too, which distances from a cell to its four sides could not.
        """
        h, w = raw.shape[-2:]
        xs, ys = _centres(w, raw).expand(h, w), _centres(h, raw)[:, None].expand(h, w)
        sides = F.softplus(raw[:, 2:])
        centres = torch.stack([xs, ys]) + raw[:, :2] * sides
        return torch.cat([centres - sides / 2, centres + sides / 2], dim=1)

    def decode(self, scores: Tensor, boxes: Tensor) -> list[InstanceData]:
        """The boxes found in each image, by falling score, at least one.

        Of the best cells' boxes, those are kept that no better one of their class overlaps (non-maximum suppression).
        A kept box becomes the mean of all that overlap it, weighted by their scores (box voting,
        https://arxiv.org/abs/1505.01749): many cells know an object's sides better than any of them.

        Args:
            scores: ``(B, K, h, w)`` in [0, 1]. boxes: ``(B, 4, h, w)``; they are clipped to [0, 1].

        Returns:
            ``bboxes`` (M, 4), ``scores`` (M,), ``labels`` (M,) for each image.
        """
        return [self._decode_image(*maps) for maps in zip(scores.float(), boxes.float(), strict=True)]

    def _decode_image(self, scores: Tensor, boxes: Tensor) -> InstanceData:
        from mmcv.ops import batched_nms  # only this needs mmcv's compiled operators

        cells = scores.shape[-2] * scores.shape[-1]
        best, index = scores.flatten().topk(min(self.candidates, scores.numel()))
        labels = index // cells
        candidates = boxes.flatten(1).T[index % cells].clamp(0, 1)
        _, keep = batched_nms(candidates, best, labels, dict(type='nms', iou_threshold=self.nms_threshold))
        keep = keep[: self.max_per_img]
        keep = torch.cat([keep[:1], keep[1:][best[keep[1:]] >= self.score_thr]])

        votes = aligned_iou(candidates[keep, None], candidates) > self.vote_threshold  # (M, candidates)
        votes &= labels[keep, None] == labels
        votes[torch.arange(len(keep)), keep] = True  # also where a box without an area overlaps nothing
        weights = votes * best.clamp(min=1e-6)
        voted = weights @ candidates / weights.sum(1, keepdim=True)
        return InstanceData(bboxes=voted, scores=best[keep], labels=labels[keep])


def _centres(cells: int, like: Tensor) -> Tensor:
    """(cells,): the cells' centres in [0, 1]."""
    return (torch.arange(cells, device=like.device, dtype=like.dtype) + 0.5) / cells
