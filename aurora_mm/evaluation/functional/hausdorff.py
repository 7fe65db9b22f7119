"""Hausdorff distance of two masks, exact and fast.

What is wanted is the pixel, of those in one mask alone, that is farthest from the other mask. A distance transform of
cells of 8 x 8 pixels tells each distance to within a few pixels and so rules out all but a few cells; of what is left a
search tree over the other mask's boundary gives exact distances. (The pixel of a mask that is nearest to a pixel
outside of it lies on the mask's boundary.)
"""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from aurora_mm.evaluation.functional.boundaries import boundary, bounding_box, nonzero_xy

_SIDES = (8, 4, 1)  # of the cells that are ruled out at once, in pixels
_WORDS = {2: np.uint16, 4: np.uint32, 8: np.uint64}  # so many bytes as one number
_MOST_BOUNDARY = 100_000  # beyond (noise, that is) a distance transform of all pixels is faster


def hausdorff_distance(pred: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Hausdorff distance between the pixel sets of two masks: the largest distance from a pixel of one to the other.

    All pixels of a mask count, not its outline alone: a hole in one mask that the other fills is felt. Exact: the
    root of a whole number.

    Args:
        pred: (H, W) predicted mask.
        truth: (H, W) true mask.

    Returns:
        Pixels. 0 if both masks are empty; the image diagonal ``sqrt(H^2 + W^2)`` if just one is.

    Raises:
        ValueError: If the shapes differ.
    """
    if pred.shape != truth.shape:
        raise ValueError(f'masks of shapes {pred.shape} and {truth.shape} cannot be compared')
    if not pred.any() or not truth.any():
        return 0.0 if pred.any() == truth.any() else math.hypot(*pred.shape)
    window = bounding_box(pred | truth)  # distances between set pixels do not change inside it
    pred, truth = _padded(pred[window]), _padded(truth[window])
    pred_edge, truth_edge = nonzero_xy(boundary(pred)), nonzero_xy(boundary(truth))
    if max(len(pred_edge), len(truth_edge)) > _MOST_BOUNDARY:
        return math.sqrt(max(_farthest_of_all(pred, truth), _farthest_of_all(truth, pred)))
    squared = _farthest(pred, truth, truth_edge, 0)
    return math.sqrt(_farthest(truth, pred, pred_edge, squared))


def _padded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask with unset pixels on the right and below, to whole cells."""
    return np.pad(mask, [(0, -length % _SIDES[0]) for length in mask.shape])


def _farthest(source: NDArray[np.bool_], target: NDArray[np.bool_], edge: NDArray[np.integer], known: int) -> int:
    """The largest squared distance from a pixel of ``source`` to ``target``, or ``known`` where that is larger.

    Args:
        source: (H, W), whole cells.
        target: (H, W).
        edge: (N, 2) x, y of the target's boundary.
        known: A squared distance that is not to be undercut.
    """
    outside = source & ~target
    filled = {side: _shrink(outside, side) for side in _SIDES}
    side = _SIDES[0]
    holes = (~_shrink(target, side)).view(np.uint8)
    distances = np.asarray(side * cv2.distanceTransform(holes, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float64)
    # Two cells' pixels are as far apart as their centres, give or take the way to a corner in each.
    keep = filled[side] & _may_hold_farthest(distances, filled[side], 2 * _reach(side), known)
    cells = nonzero_xy(keep)
    if len(cells) == 0:
        return known
    tree = KDTree(edge, balanced_tree=False)
    for coarse, fine in itertools.pairwise(_SIDES):
        cells = _split(cells, coarse // fine, filled[fine])
        distances = _distances(tree, cells * fine + (fine - 1) / 2)
        cells = cells[_may_hold_farthest(distances, np.ones(len(cells), bool), _reach(fine), known)]
    return max(known, round(float(distances.max(initial=0)) ** 2))


def _reach(side: int) -> float:
    """Pixels from a cell's centre to the pixels in its corners, and a little for rounding."""
    return math.hypot(side - 1, side - 1) / 2 + 1e-3


def _may_hold_farthest(
    distances: NDArray[np.floating], filled: NDArray[np.bool_], error: float, known: int
) -> NDArray[np.bool_]:
    """Whether a cell can hold a pixel farther than ``known`` and than what some pixel of another cell must be.

    Args:
        distances: Of each cell's centre, in pixels.
        filled: Whether a cell holds a pixel that counts.
        error: How much a pixel's distance can differ.
        known: A squared distance that is not to be undercut.
    """
    least = max(float(distances[filled].max(initial=0)) - error, math.sqrt(known))
    return distances + error > least


def _shrink(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """(H / side, W / side): whether a cell holds a set pixel."""
    if side == 1:
        return mask
    words = mask.view(_WORDS[side])  # (H, W / side)
    return np.bitwise_or.reduce(words.reshape(-1, side, words.shape[1]), axis=1) != 0


def _split(cells: NDArray[np.integer], factor: int, filled: NDArray[np.bool_]) -> NDArray[np.integer]:
    """(M, 2) x, y of the filled ones among the ``factor`` x ``factor`` parts of cells (N, 2)."""
    steps = np.stack(np.meshgrid(np.arange(factor), np.arange(factor)), axis=-1).reshape(1, -1, 2)
    parts = (cells[:, None] * factor + steps).reshape(-1, 2)
    return parts[filled[parts[:, 1], parts[:, 0]]]


def _distances(tree: KDTree, points: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.float64]:
    """(N,) distance of each point to the nearest one of the tree."""
    return np.asarray(tree.query(points)[0], np.float64)


def _farthest_of_all(source: NDArray[np.bool_], target: NDArray[np.bool_]) -> int:
    """The largest squared distance from a pixel of ``source`` to the nearest one of ``target``."""
    return round(float(ndimage.distance_transform_edt(~target)[source].max()) ** 2)
