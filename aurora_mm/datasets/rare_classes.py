"""How often to repeat images of rare classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError


def repeat_factors(items: Sequence[Mapping[str, Any]], threshold: float) -> np.ndarray:
    """Compute how often to repeat each image, by the rule of LVIS (https://arxiv.org/abs/1908.03195).

    The factor of a class is ``max(1, sqrt(threshold / f))``, where ``f`` is the share of its task's images that contain
    it. The factor of an image is that of its rarest class, rounded up as in MMEngine's ``ClassBalancedDataset``, which
    knows one task.

    Args:
        items: Items of a data set of tasks, of images with classes (classification) or boxes (detection). Items of
            other task types have no class that is known before their files are read, and are not repeated.
        threshold: The share of images below which a class is rare.

    Returns:
        ``(len(items),)``, int64, at least 1.

    Raises:
        ConfigError: If no item has a class.
    """
    images = Counter(item['task'] for item in items)
    counts = Counter(label for item in items for label in _labels(item))
    if not counts:
        raise ConfigError('ClassBalancedDataset knows the classes of images and of boxes, not of pixels or points')
    factor = {label: max(1.0, (threshold * images[label[0]] / count) ** 0.5) for label, count in counts.items()}
    rows = ((item, *item.get('other_rows', ())) for item in items)
    largest = [max((factor[label] for row in of_image for label in _labels(row)), default=1.0) for of_image in rows]
    return np.ceil(largest).astype(np.int64)


def _labels(row: Mapping[str, Any]) -> set[tuple[str, int]]:
    """Return the classes of one label, each with the name of its task."""
    if 'gt_label' in row:
        classes = [row['gt_label']]
    elif 'gt_labels' in row:
        classes = row['gt_labels']
    elif 'bboxes' in row:
        classes = row['bboxes_labels']
    else:
        classes = [0] if 'bbox' in row else []
    return {(row['task'], int(label)) for label in classes}
