from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor

from aurora_mm.models.codecs.base_codec import BaseBoxCodec, BoxTargets, FixedBoxes
from aurora_mm.models.codecs.cell_assignment import assign_cells, pad_boxes
from aurora_mm.models.utils.boxes import aligned_iou, batched_nms, overlap_and_union
from aurora_mm.models.utils.cells import cell_centres
from aurora_mm.registry import TASK_UTILS

_PRIOR_SIDE = 0.4  # side of the boxes that an untrained head predicts, as a fraction of the image's side
_RAW_SIDE = math.log(math.expm1(_PRIOR_SIDE))  # softplus gives the side


@TASK_UTILS.register_module()
class DenseBoxCodec(BaseBoxCodec):
    """Encodes the score of a box as a Gaussian over its cells; decodes boxes by non-maximum suppression and box voting.

    Legend: B images, N boxes of an image, K classes (without background), h x w cells. Boxes are xyxy, normalised to
    [0, 1] by the size of the network input.

    Args:
        sigma: Standard deviation of the Gaussian, as a fraction of the box's side.
        min_sigma: Smallest standard deviation, in cells.
        iou_threshold: Of two boxes of a class with a larger IoU, only the one with the higher score is kept.
        vote_threshold: Boxes with a larger IoU with a kept box vote on its sides.
        nms_pre: Number of the highest scores of an image that are considered.
        score_thr: Boxes of a lower score are dropped.
        max_per_img: Largest number of boxes of an image.
        keep_best: Whether the best box of an image is kept whatever its score, as in tasks with one box an image.
    """

    raw_prior = (0.0, 0.0, _RAW_SIDE, _RAW_SIDE)

    def __init__(
        self,
        sigma: float = 1 / 6,
        min_sigma: float = 0.75,
        iou_threshold: float = 0.5,
        vote_threshold: float = 0.5,
        nms_pre: int = 300,
        score_thr: float = 0.05,
        max_per_img: int = 20,
        keep_best: bool = True,
    ) -> None:
        self.sigma = sigma
        self.min_sigma = min_sigma
        self.iou_threshold = iou_threshold
        self.vote_threshold = vote_threshold
        self.nms_pre = nms_pre
        self.score_thr = score_thr
        self.max_per_img = max_per_img
        self.keep_best = keep_best

    def encode(
        self, boxes: Sequence[Tensor], labels: Sequence[Tensor], num_classes: int, grid: tuple[int, int]
    ) -> BoxTargets:
        """Encode the boxes of a batch; :func:`assign_cells` assigns them to cells.

        The Gaussian of a box lies around its centre. It is scaled to 1 at the best cell of the box, so that a box whose
        centre belongs to another box can still be found.

        Args:
            boxes: Boxes of each image, ``(N, 4)``, xyxy normalised.
            labels: Classes of the boxes of each image, ``(N,)`` int64 in [0, K).
            num_classes: K.
            grid: Number of cells ``(h, w)``.

        Returns:
            The training targets. Boxes are 0 where there is none. The weights of the cells of a box are proportional to
            its scores and sum to 1 / N, or to 0 for a box that lost all its cells to others.
        """
        h, w = grid
        padded, classes = pad_boxes(boxes, labels)
        valid = classes >= 0
        cells = assign_cells(padded, valid, grid)

        centres, sides = (padded[..., :2] + padded[..., 2:]) / 2, padded[..., 2:] - padded[..., :2]
        sigma = (self.sigma * sides).clamp(min=torch.stack([padded.new_full((), self.min_sigma / n) for n in (w, h)]))
        x_part = -(((cell_centres(w, padded) - centres[..., :1]) / sigma[..., :1]) ** 2) / 2  # (B, N, w)
        y_part = -(((cell_centres(h, padded) - centres[..., 1:]) / sigma[..., 1:]) ** 2) / 2
        gaussians = (y_part[..., None] + x_part[..., None, :]).masked_fill(~cells.owned, -torch.inf)
        peaks = gaussians.amax((2, 3), keepdim=True)
        gaussians = (gaussians - peaks.nan_to_num(neginf=0.0)).exp()  # a box without a cell has no peak

        class_numbers = torch.arange(num_classes, device=classes.device)[:, None, None]
        scores = (cells.map_of(classes[..., None]) == class_numbers) * gaussians.sum(1)[:, None]
        shares = gaussians / gaussians.sum((2, 3), keepdim=True).clamp(min=1)
        counts = valid.sum(1).clamp(min=1)[:, None, None]
        return BoxTargets(scores, cells.map_of(padded), shares.sum(1) / counts)

    def place(self, raw: Tensor) -> Tensor:
        """Convert the raw output of a network to boxes.

        The last two channels are the sides of the box before softplus. The first two are the offset from the centre of
        the cell to that of the box, in units of these sides. So an error is relative to the size of the box, and boxes
        between the centres of cells can be expressed, which distances from a cell to the four sides could not do.

        Args:
            raw: ``(B, 4, h, w)``, any values.

        Returns:
            ``(B, 4, h, w)``, xyxy normalised, not clipped to [0, 1].
        """
        h, w = raw.shape[-2:]
        xs, ys = cell_centres(w, raw).expand(h, w), cell_centres(h, raw)[:, None].expand(h, w)
        sides = F.softplus(raw[:, 2:])
        centres = torch.stack([xs, ys]) + raw[:, :2] * sides
        return torch.cat([centres - sides / 2, centres + sides / 2], dim=1)

    def decode(self, scores: Tensor, boxes: Tensor) -> list[InstanceData]:
        """Decode the boxes of each image, by falling score.

        Boxes that overlap a box of their class with a higher score are dropped (non-maximum suppression). A kept box
        becomes the mean of all boxes that overlap it, weighted by their scores (box voting,
        https://arxiv.org/abs/1505.01749), because the mean of many cells is more exact than any of them.

        Args:
            scores: Scores of the classes, ``(B, K, h, w)`` in [0, 1].
            boxes: ``(B, 4, h, w)``, xyxy normalised; they are clipped to [0, 1].

        Returns:
            ``bboxes`` (M, 4) xyxy normalised, ``scores`` (M,) and ``labels`` (M,) of each image.
        """
        return [self._decode_image(*maps) for maps in zip(scores.float(), boxes.float(), strict=True)]

    def _decode_image(self, scores: Tensor, boxes: Tensor) -> InstanceData:
        cells = scores.shape[-2] * scores.shape[-1]
        best, index = scores.flatten().topk(min(self.nms_pre, scores.numel()))
        labels = index // cells
        candidates = boxes.flatten(1).T[index % cells].clamp(0, 1)
        keep = batched_nms(candidates, best, labels, self.iou_threshold)[: self.max_per_img]
        always = int(self.keep_best)
        keep = torch.cat([keep[:always], keep[always:][best[keep[always:]] >= self.score_thr]])

        votes = aligned_iou(candidates[keep, None], candidates) > self.vote_threshold  # (M, candidates)
        votes &= labels[keep, None] == labels
        # A box votes on itself, also if it has no area and overlaps nothing.
        votes[torch.arange(len(keep), device=keep.device), keep] = True
        weights = votes * best.clamp(min=1e-6)
        voted = weights @ candidates / weights.sum(1, keepdim=True)
        return InstanceData(bboxes=voted, scores=best[keep], labels=labels[keep])

    def decode_fixed(self, scores: Tensor, boxes: Tensor) -> FixedBoxes:
        """Decode the same boxes as :meth:`decode` for all images at once; see :class:`BaseBoxCodec`.

        Boxes are kept one after the other: the best one that is left drops those that overlap it.
        """
        cells = scores.shape[-2] * scores.shape[-1]
        count = min(self.nms_pre, scores.shape[1] * cells)
        best, index = scores.float().flatten(1).topk(count)  # (B, T)
        labels = index // cells
        candidates = boxes.float().flatten(2).transpose(1, 2).clamp(0, 1)
        candidates = candidates.gather(1, (index % cells)[..., None].expand(-1, -1, 4))  # (B, T, 4)
        overlap, union = overlap_and_union(candidates[:, :, None], candidates[:, None])
        same = labels[:, :, None] == labels[:, None]
        suppresses = (overlap > self.iou_threshold * union) & same  # (B, T, T)
        places = torch.arange(count, device=best.device)
        alive, kept, valid = torch.ones_like(best, dtype=torch.bool), [], []
        for number in range(min(self.max_per_img, count)):
            place = torch.where(alive, places, count).amin(1, keepdim=True)  # (B, 1), the best that is left
            found = place < count
            place = place.clamp(max=count - 1)
            kept.append(place)
            always = self.keep_best and number == 0
            valid.append(found & ((best.gather(1, place) >= self.score_thr) | always))
            row = suppresses.gather(1, place[..., None].expand(-1, -1, count))[:, 0]
            alive = alive & ~row & (places != place)
        keep = torch.cat(kept, dim=1)  # (B, M)
        votes = (overlap / (union + 1e-7) > self.vote_threshold) & same
        votes = votes.gather(1, keep[..., None].expand(-1, -1, count)) | (places == keep[..., None])
        weights = votes * best.clamp(min=1e-6)[:, None]
        voted = weights @ candidates / weights.sum(2, keepdim=True)
        return FixedBoxes(voted, best.gather(1, keep), labels.gather(1, keep), torch.cat(valid, dim=1).sum(1))
