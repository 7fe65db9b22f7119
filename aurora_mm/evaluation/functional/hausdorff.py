"""Exact and fast Hausdorff distance of two masks.

It is the distance of the pixel that is farthest from the other mask, among the pixels in only one of the masks. A
distance transform of cells of 8 x 8 pixels gives each distance to within a few pixels, which excludes all but a few
cells. For the remaining cells a search tree over the boundary of the other mask gives exact distances. (The pixel of a
mask that is nearest to a pixel outside the mask lies on the boundary.)
"""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from aurora_mm.evaluation.functional.boundaries import boundary, bounding_box, diagonal, nonzero_xy

_SIDES = (8, 4, 1)  # sides of the cells that are excluded together, in pixels
_WORDS = {2: np.uint16, 4: np.uint32, 8: np.uint64}  # integer types by their number of bytes
_MOST_BOUNDARY = 100_000  # for longer boundaries (of noise) a distance transform of all pixels is faster


def hausdorff_distance(
    pred: NDArray[np.bool_], truth: NDArray[np.bool_], spacing: tuple[float, float] | None = None
) -> float:
    """Compute the largest distance from a pixel of one mask to the nearest pixel of the other.

    All pixels of a mask count, not only its boundary, so a hole in one mask that the other fills has an effect. The
    result in pixels is exact: the root of an integer.

    Args:
        pred: (H, W) predicted mask.
        truth: (H, W) true mask.
        spacing: (height, width) of a pixel in mm.

    Returns:
        The distance in mm, or in pixels without ``spacing``: 0 if both masks are empty, the image diagonal if only one
        is, in pixels ``sqrt(H^2 + W^2)``.

    Raises:
        ValueError: If the shapes differ.
    """
    if pred.shape != truth.shape:
        raise ValueError(f'masks of shapes {pred.shape} and {truth.shape} cannot be compared')
    if not pred.any() or not truth.any():
        return 0.0 if pred.any() == truth.any() else diagonal(pred.shape, spacing or (1.0, 1.0))
    window = bounding_box(pred | truth)  # cropping does not change distances between set pixels
    pred, truth = pred[window], truth[window]
    if spacing is not None and spacing[0] != spacing[1]:
        return max(_farthest_in_mm(pred, truth, spacing), _farthest_in_mm(truth, pred, spacing))
    side = 1.0 if spacing is None else spacing[0]
    pred, truth = _padded(pred), _padded(truth)
    pred_edge, truth_edge = nonzero_xy(boundary(pred)), nonzero_xy(boundary(truth))
    if max(len(pred_edge), len(truth_edge)) > _MOST_BOUNDARY:
        return side * math.sqrt(max(_farthest_of_all(pred, truth), _farthest_of_all(truth, pred)))
    squared = _farthest(pred, truth, truth_edge, 0)
    return side * math.sqrt(_farthest(truth, pred, pred_edge, squared))


def _padded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pad a mask on the right and at the bottom with unset pixels, to a multiple of the cell size."""
    return np.pad(mask, [(0, -length % _SIDES[0]) for length in mask.shape])


def _farthest(source: NDArray[np.bool_], target: NDArray[np.bool_], edge: NDArray[np.integer], known: int) -> int:
    """Return the largest squared distance from a pixel of ``source`` to ``target``, but at least ``known``.

    Args:
        source: (H, W), with sides that are multiples of the cell size.
        target: (H, W).
        edge: (N, 2), x and y of the target's boundary.
        known: A lower bound of the result, a squared distance.
    """
    outside = source & ~target
    filled = {side: _shrink(outside, side) for side in _SIDES}
    side = _SIDES[0]
    holes = (~_shrink(target, side)).view(np.uint8)
    distances = np.asarray(side * cv2.distanceTransform(holes, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float64)
    # The distance of pixels in two cells differs from that of the centres by at most the distance from centre to corner
    # in each.
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
    """Return the distance in pixels from a cell's centre to the pixels in its corners, plus a little for rounding."""
    return math.hypot(side - 1, side - 1) / 2 + 1e-3


def _may_hold_farthest(
    distances: NDArray[np.floating], filled: NDArray[np.bool_], error: float, known: int
) -> NDArray[np.bool_]:
    """Return whether a cell can contain the farthest pixel, and one farther than ``known``.

    Args:
        distances: Distance of each cell's centre, in pixels.
        filled: Whether a cell contains a pixel that counts.
        error: Largest difference between the distances of a pixel and of the centre.
        known: A lower bound of the result, a squared distance.
    """
    least = max(float(distances[filled].max(initial=0)) - error, math.sqrt(known))
    return distances + error > least


def _shrink(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Return whether each cell contains a set pixel, (H / side, W / side)."""
    if side == 1:
        return mask
    words = mask.view(_WORDS[side])  # (H, W / side)
    return np.bitwise_or.reduce(words.reshape(-1, side, words.shape[1]), axis=1) != 0


def _split(cells: NDArray[np.integer], factor: int, filled: NDArray[np.bool_]) -> NDArray[np.integer]:
    """Split cells (N, 2) into ``factor`` x ``factor`` smaller ones; return x and y of the filled ones, (M, 2)."""
    steps = np.stack(np.meshgrid(np.arange(factor), np.arange(factor)), axis=-1).reshape(1, -1, 2)
    parts = (cells[:, None] * factor + steps).reshape(-1, 2)
    return parts[filled[parts[:, 1], parts[:, 0]]]


def _distances(tree: KDTree, points: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the distance of each point to the nearest point of the tree, (N,)."""
    return np.asarray(tree.query(points)[0], np.float64)


def _farthest_of_all(source: NDArray[np.bool_], target: NDArray[np.bool_]) -> int:
    """Return the largest squared distance from a pixel of ``source`` to the nearest pixel of ``target``."""
    return round(float(ndimage.distance_transform_edt(~target)[source].max()) ** 2)


def _farthest_in_mm(source: NDArray[np.bool_], target: NDArray[np.bool_], spacing: tuple[float, float]) -> float:
    """Return the largest distance in mm from a pixel of ``source`` to the nearest one of ``target``, for any pixels."""
    return float(ndimage.distance_transform_edt(~target, sampling=spacing)[source].max())
