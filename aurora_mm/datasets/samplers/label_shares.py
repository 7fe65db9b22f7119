"""How often to draw images that bring labels of several tasks, so that each task gets its share of the labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import lsq_linear

_EVENNESS = 1e-5  # small enough to decide between draws that give the same shares, and nothing else


def solve_draw(labels: np.ndarray, images: np.ndarray, shares: np.ndarray, max_factor: float) -> np.ndarray:
    """Find how often to draw each kind of image, so that every task gets its share of the labels.

    Images are of one kind if they bring labels of the same tasks. A least-squares problem over the kinds, with bounds:
    the draw whose shares are nearest to the wanted ones, and among several of them the one that spreads most evenly
    over the images. T tasks, K kinds.

    Without bounds the nearest shares can leave images out altogether: where all other images of a task bring labels of
    rarer tasks too, its remaining images are never needed. So an image is drawn at least as often as it would be for
    one of its tasks if labels came one at a time, divided by ``max_factor``, and at most ``max_factor`` times as often.

    Args:
        labels: (T, K) bool, whether images of a kind bring a label of a task; each has one at least.
        images: (K,) number of images of each kind.
        shares: (T,) wanted part of all labels, summing to 1.
        max_factor: At least 1. Infinity gives the nearest shares, whatever becomes of single images.

    Returns:
        (K,) the part of all drawn images that each kind has, summing to 1.
    """
    if (labels.sum(0) == 1).all() and (labels.sum(1) == 1).all():
        return labels.T @ shares  # a task, a kind
    rates = shares / (labels @ images)  # of an image, for each task alone
    lowest = np.where(labels, rates[:, None], np.inf).min(0) * images / max_factor
    highest = np.where(labels, rates[:, None], 0.0).max(0) * images * max_factor
    parts = images / images.sum()
    uneven = (np.eye(len(images)) - parts[:, None]) / np.sqrt(parts)[:, None]  # 0 for draws in proportion to images
    system = np.vstack([labels.astype(float), _EVENNESS * uneven])
    wanted = np.concatenate([shares, np.zeros(len(images))])
    # Bounds that coincide, as of a task that is not wanted at all, are parted a little: SciPy refuses them.
    solution = lsq_linear(system, wanted, (lowest, np.maximum(highest, lowest + 1e-12)), method='bvls')
    drawn = solution.x.clip(min=0.0)
    return drawn / drawn.sum()


def label_shares(labels: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """(T,) the part of all labels that each task gets, from ``labels`` (T, K) and the parts (K,) of the images."""
    found = labels @ drawn
    return found / found.sum()


def label_matrix(tasks: Sequence[str], kinds: Sequence[tuple[str, ...]]) -> np.ndarray:
    """(T, K) bool, whether images of a kind bring a label of a task."""
    return np.array([[task in kind for kind in kinds] for task in tasks])
