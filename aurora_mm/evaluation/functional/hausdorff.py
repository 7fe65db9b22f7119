"""Hausdorff distance of two masks, exact and fast.

The pixel of a mask that is nearest to a pixel outside of it lies on the mask's boundary, so a search tree over the
boundary answers every distance that counts. Of the pixels that stand in one mask alone, only those near the maximum are
asked: a distance changes by no more than the way one goes, so the one at a cell's centre rules out all of its pixels.
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

_SIDES = (16, 4, 1)  # of the cells that are ruled out at once, in pixels
_SAMPLE = 8  # every eighth boundary pixel is asked first, to rule out more
_MOST_BOUNDARY = 50_000  # beyond (noise, that is) a distance transform of all pixels is faster


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
    pred, truth = pred[window], truth[window]
    pred_edge, truth_edge = nonzero_xy(boundary(pred)), nonzero_xy(boundary(truth))
    if max(len(pred_edge), len(truth_edge)) > _MOST_BOUNDARY:
        return math.sqrt(max(_farthest_of_all(pred, truth), _farthest_of_all(truth, pred)))
    squared = _farthest(pred & ~truth, pred_edge, KDTree(truth_edge, balanced_tree=False), 0)
    return math.sqrt(_farthest(truth & ~pred, truth_edge, KDTree(pred_edge, balanced_tree=False), squared))


def _farthest(outside: NDArray[np.bool_], edge: NDArray[np.integer], tree: KDTree, known: int) -> int:
    """The largest squared distance to ``tree`` of a pixel set in ``outside``, or ``known`` where that is larger.

    Args:
        outside: (H, W) the pixels in the first mask alone.
        edge: (N, 2) x, y of the first mask's boundary, where the farthest pixel is likely.
        tree: x, y of the second mask's boundary.
        known: A squared distance that is not to be undercut.
    """
    sample = edge[::_SAMPLE]
    known = max(known, _largest(tree, sample[outside[sample[:, 1], sample[:, 0]]]))
    maps = [outside]  # of each side in turn, from the smallest
    for fine, coarse in itertools.pairwise(reversed(_SIDES)):
        maps.append(_shrink(maps[-1], coarse // fine))
    cells = nonzero_xy(maps.pop())
    for coarse, fine in itertools.pairwise(_SIDES):
        reach = math.hypot(coarse - 1, coarse - 1) / 2  # from a cell's centre to its corner pixels
        cells = cells[_distances(tree, cells * coarse + (coarse - 1) / 2) + reach > math.sqrt(known)]
        cells = _split(cells, coarse // fine, maps.pop())
    return max(known, _largest(tree, cells))


def _shrink(mask: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """(ceil(H / f), ceil(W / f)): whether a cell of ``factor`` x ``factor`` holds a set pixel."""
    height, width = (-(-length // factor) for length in mask.shape)
    padded = np.zeros((height * factor, width * factor), np.uint8)
    np.multiply(mask, 255, out=padded[: mask.shape[0], : mask.shape[1]], dtype=np.uint8)
    # Area means round to the nearest: one of 255 among 4 x 4 makes 16.
    return np.asarray(cv2.resize(padded, (width, height), interpolation=cv2.INTER_AREA)) > 0


def _split(cells: NDArray[np.integer], factor: int, filled: NDArray[np.bool_]) -> NDArray[np.integer]:
    """(M, 2) x, y of the set ones among the ``factor`` x ``factor`` parts of cells (N, 2)."""
    steps = np.stack(np.meshgrid(np.arange(factor), np.arange(factor)), axis=-1).reshape(1, -1, 2)
    parts = (cells[:, None] * factor + steps).reshape(-1, 2)
    parts = parts[(parts < filled.shape[::-1]).all(axis=1)]
    return parts[filled[parts[:, 1], parts[:, 0]]]


def _distances(tree: KDTree, points: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.float64]:
    """(N,) distance of each point to the nearest one of the tree."""
    return np.asarray(tree.query(points)[0], np.float64)


def _largest(tree: KDTree, pixels: NDArray[np.integer]) -> int:
    """The largest squared distance of pixels to the tree, a whole number; 0 if there is none."""
    return round(float(_distances(tree, pixels).max()) ** 2) if len(pixels) else 0


def _farthest_of_all(source: NDArray[np.bool_], target: NDArray[np.bool_]) -> int:
    """The largest squared distance from a pixel of ``source`` to the nearest one of ``target``."""
    return round(float(ndimage.distance_transform_edt(~target)[source].max()) ** 2)
