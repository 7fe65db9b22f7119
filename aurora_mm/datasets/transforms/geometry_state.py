"""What keeps an image, its homography matrix and the annotations of all its tasks in step.

``results`` of a pipeline hold the image, its geometry and the row of the task that the item is of. Rows of further
tasks on the same image stand in ``results['other_rows']``, a list of dicts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError

# The matrix as this package's transforms left it: mmdet's write the key ``homography_matrix`` too.
COMPOSED = 'composed_matrix'

# What the rows of an image have in common.
_SHARED = (
    'img_path',
    'img_coordinates',
    'ori_shape',
    'img_shape',
    'orientation',
    'warped_shape',
    'homography_matrix',
    'flip',
    'pixel_spacing',
)


def compose(results: dict[str, Any], matrix: np.ndarray) -> None:
    """Put ``matrix``, (3, 3), network coordinates to new network coordinates, behind what was composed so far."""
    results['homography_matrix'] = results[COMPOSED] = matrix @ results['homography_matrix']


def rows_of(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the image: ``results`` itself, then ``other_rows``, brought up to date with it."""
    others = results.get('other_rows', [])
    for other in others:
        other.update({key: results[key] for key in _SHARED if key in results})
    return [results, *others]


def require_unwarped(results: dict[str, Any], transform: object) -> None:
    """Check that the image was not warped yet.

    Raises:
        ConfigError: If it was: a change of ``matrix`` would no longer reach it.
    """
    if results['img_coordinates'] != 'original':
        raise ConfigError(
            f'{type(transform).__name__} must come before ApplyGeometry in the pipeline, which comes once'
        )
