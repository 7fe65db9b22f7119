"""Sampling rates for images with labels of several tasks, so that each task gets its share of the labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import lsq_linear

_EVENNESS = 1e-5  # weight of the second term, which only decides between equally good solutions


def solve_draw(labels: np.ndarray, images: np.ndarray, shares: np.ndarray, max_factor: float) -> np.ndarray:
    """Compute how often to draw each kind of image, so that every task gets its share of the labels.

    Images are of one kind if they have labels of the same tasks. The solution of a least-squares problem with bounds
    comes closest to the wanted shares. If several solutions do, the one is taken that draws all images most evenly.

    Legend: T tasks, K kinds.

    Without bounds some images may never be drawn: if all other images of a task also have labels of rarer tasks, its
    remaining images are not needed to reach its share. Therefore the rate of each image is bounded. Each of its tasks
    gives a rate that the image would have if every image had one label. The bounds are the lowest of these rates
    divided by ``max_factor``, and the highest multiplied by ``max_factor``.

    Args:
        labels: (T, K) bool, whether images of a kind have a label of a task. Each kind has at least one.
        images: (K,) number of images of each kind.
        shares: (T,) wanted share of each task in all labels, summing to 1.
        max_factor: At least 1. With infinity there are no bounds.

    Returns:
        (K,) share of each kind in all drawn images, summing to 1.
    """
    if (labels.sum(0) == 1).all() and (labels.sum(1) == 1).all():
        return labels.T @ shares  # every kind is one task
    rates = shares / (labels @ images)  # rate of one image, for each task
    lowest = np.where(labels, rates[:, None], np.inf).min(0) * images / max_factor
    highest = np.where(labels, rates[:, None], 0.0).max(0) * images * max_factor
    fractions = images / images.sum()
    # 0 if kinds are drawn in proportion to their images.
    uneven = (np.eye(len(images)) - fractions[:, None]) / np.sqrt(fractions)[:, None]
    system = np.vstack([labels.astype(float), _EVENNESS * uneven])
    wanted = np.concatenate([shares, np.zeros(len(images))])
    # SciPy does not accept equal bounds, which a task with share 0 has.
    solution = lsq_linear(system, wanted, (lowest, np.maximum(highest, lowest + 1e-12)), method='bvls')
    drawn = solution.x.clip(min=0.0)
    return drawn / drawn.sum()


def label_shares(labels: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Compute the share of each task in all labels.

    Args:
        labels: (T, K) bool, whether images of a kind have a label of a task.
        drawn: (K,) share of each kind in all drawn images.

    Returns:
        (T,) shares, summing to 1.
    """
    found = labels @ drawn
    return found / found.sum()


def label_matrix(tasks: Sequence[str], kinds: Sequence[tuple[str, ...]]) -> np.ndarray:
    """Return whether images of each kind have a label of each task.

    Args:
        tasks: Names of T tasks.
        kinds: Names of the tasks of each of K kinds.

    Returns:
        (T, K) bool.
    """
    return np.array([[task in kind for kind in kinds] for task in tasks])
