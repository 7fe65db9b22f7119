"""What keeps an image, its homography matrix and the annotations of all its tasks in step.

``results`` of a pipeline hold what concerns the image: ``img``, ``img_path``, ``ori_shape``, ``homography_matrix`` and
so on. What concerns one task of it, from the name of the task to its annotation, stands in a dict of its own in
``results['rows']``, one for each task: a row of the CSV file.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError

# The matrix as this package's transforms left it: mmdet's write the key ``homography_matrix`` too.
COMPOSED = 'composed_matrix'

# What concerns the image. Rows get a copy of it, so that whatever reads a row finds all in one place.
_SHARED = (
    'img_path',
    'img_coordinates',
    'ori_shape',
    'img_shape',
    'orientation',
    'warped_shape',
    'homography_matrix',
    'flip',
)
_IMAGE_KEYS = {'img', COMPOSED, 'scale_factor', 'flip_direction', 'pad_shape', 'crop_size', *_SHARED}


def compose(results: dict[str, Any], matrix: np.ndarray) -> None:
    """Put ``matrix``, (3, 3), network coordinates to new network coordinates, behind what was composed so far."""
    results['homography_matrix'] = results[COMPOSED] = matrix @ results['homography_matrix']


def rows_of(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Return ``results['rows']``, brought up to date with the image.

    A data set's item is flat: it has the fields of its own row, and under ``other_rows`` further rows of the same
    image. The first call takes them apart.
    """
    if 'rows' not in results:
        others = results.pop('other_rows', [])
        own = {key: results.pop(key) for key in [*results] if key not in _IMAGE_KEYS}
        results['rows'] = [own, *others]
    for row in results['rows']:
        row.update({key: results[key] for key in _SHARED if key in results})
    return results['rows']


def require_unwarped(results: dict[str, Any], transform: object) -> None:
    """Check that the image was not warped yet.

    Raises:
        ConfigError: If it was: a change of ``matrix`` would no longer reach it.
    """
    if results['img_coordinates'] != 'original':
        raise ConfigError(
            f'{type(transform).__name__} must come before ApplyGeometry in the pipeline, which comes once'
        )
