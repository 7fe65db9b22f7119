from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from contourpy import contour_generator

from aurora_mm.structures import TaskDataSample

# Between the 0 of the background and the 1 of a structure. It is a little below the mean of pixels that touch at a
# corner, so that an outline surrounds both.
_LEVEL = 0.5 - 1e-9


@dataclass(frozen=True, eq=False)
class Structure:
    """What a task found in one image, in mm where the pixel spacing is known.

    Args:
        spacing: (height, width) of a pixel in mm, or None.
        mask: (H, W) class index of each pixel; None where the task gives no mask.
        class_masks: (C, H, W), 1 in the pixels of each class, of a task whose classes may overlap; else None.
        boxes: (N, 4) xyxy in original pixels, the surest first.
        box_labels: (N,) class index of each box.
        points: (K, 2) x, y in original pixels; nan for a point that is not labelled.
    """

    spacing: tuple[float, float] | None
    mask: np.ndarray | None = None
    class_masks: np.ndarray | None = None
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    box_labels: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    @property
    def is_scaled(self) -> bool:
        """Whether coordinates are in mm."""
        return self.spacing is not None

    @property
    def pixel(self) -> np.ndarray:
        """(2,) width and height of a pixel in mm, 1 and 1 without a spacing."""
        return np.ones(2) if self.spacing is None else np.array(self.spacing[::-1], float)

    def to_mm(self, pixels: np.ndarray) -> np.ndarray:
        """(N, 2) x, y in pixels as the coordinates that measurements see."""
        return pixels * self.pixel

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`to_mm`."""
        return points / self.pixel

    def pixels_of(self, label: int) -> np.ndarray | None:
        """(H, W) bool, all pixels of a class; None where the task gives no masks."""
        if self.class_masks is not None:
            return self.class_masks[label] == 1
        return None if self.mask is None else self.mask == label

    def region(self, label: int) -> np.ndarray:
        """(H, W) bool, the largest connected part of a class; empty where the class is not there."""
        pixels = self.pixels_of(label)
        return np.zeros((0, 0), bool) if pixels is None else _largest_part(pixels)

    def outline(self, label: int) -> np.ndarray:
        """(N, 2) the closed outer outline of :meth:`region` in mm, along the edges between pixels; may be empty."""
        region = self.region(label)
        if not region.any():
            return np.zeros((0, 2))
        # Pixel centres lie at half coordinates; the padding of one pixel closes outlines at the picture's border.
        padded = np.pad(region.astype(np.float64), 1)
        lines = map(np.asarray, contour_generator(z=padded).lines(_LEVEL))
        longest = max(lines, key=lambda line: abs(polygon_area(line)))
        return self.to_mm(longest - 0.5)

    def with_points_inside(self, outline: np.ndarray) -> np.ndarray:
        """Those points of an outline in mm that do not lie on the picture's border, where a structure is cut off."""
        masks = self.mask if self.class_masks is None else self.class_masks
        if masks is None:
            return outline
        height, width = masks.shape[-2:]
        x, y = self.to_pixels(outline).T
        return outline[(x > 1) & (y > 1) & (x < width - 1) & (y < height - 1)]


def structure_of(sample: TaskDataSample, spacing: tuple[float, float] | None = None, side: str = 'pred') -> Structure:
    """What a sample says of its image, in original pixels.

    Args:
        sample: Predictions, or annotations whose ``gt_coordinates`` are ``'original'``.
        spacing: (height, width) of a pixel in mm; by default the sample's ``pixel_spacing``.
        side: ``'pred'`` or ``'gt'``.
    """
    spacing = spacing or sample.get('pixel_spacing')
    mask, boxes, points = (sample.get(f'{side}_{name}') for name in ('sem_seg', 'instances', 'landmarks'))
    class_masks = sample.get(f'{side}_class_masks')
    found: dict[str, np.ndarray] = {}
    if mask is not None:
        found['mask'] = mask.data[0].cpu().numpy()
    if class_masks is not None:
        found['class_masks'] = class_masks.data.cpu().numpy()
    if boxes is not None:
        found.update(boxes=boxes.bboxes.cpu().numpy(), box_labels=boxes.labels.cpu().numpy())
    if points is not None:
        found['points'] = points.cpu().numpy()
    return Structure(spacing, **found)


def polygon_area(points: np.ndarray) -> float:
    """Signed area of a closed polygon, (N, 2), by the shoelace formula."""
    x, y = points.T
    return 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def _largest_part(region: np.ndarray) -> np.ndarray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8))
    if count < 2:
        return region
    return labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
