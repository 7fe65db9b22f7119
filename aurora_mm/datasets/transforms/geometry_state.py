"""Functions that the geometric transforms share.

In a pipeline, ``results`` contains the image, its geometry and the annotation of the item's task. With several tasks
per image, ``results['other_rows']`` is a list of dicts with the annotations of the other tasks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError

# Copy of ``homography_matrix``, which transforms of mmdet also change. A difference shows that they were used.
COMPOSED = 'composed_matrix'

# Keys that geometric transforms of other packages add to the results.
FOREIGN_GEOMETRY = frozenset({'scale_factor', 'flip_direction', 'pad_shape', 'crop_size'})
USE_OURS = 'use FitToSize, RandomGeometry and ApplyGeometry for that'  # ends the error about one of these

# Keys that all rows of an image share.
SHARED_KEYS = (
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
    """Apply a further map after those that ``homography_matrix`` already contains.

    Args:
        results: Changed in place.
        matrix: (3, 3), from the network coordinates so far to new network coordinates.
    """
    results['homography_matrix'] = results[COMPOSED] = matrix @ results['homography_matrix']


def rows_of(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the image: ``results`` and ``other_rows``, to which the keys of the image are copied."""
    others = results.get('other_rows', [])
    for other in others:
        other.update({key: results[key] for key in SHARED_KEYS if key in results})
    return [results, *others]


def require_loaded(results: dict[str, Any], transform: object) -> None:
    """Check that the image was loaded, and with it its geometry.

    Args:
        results: The results of the pipeline so far.
        transform: The transform that needs this, for the error message.

    Raises:
        ConfigError: If the image was not loaded by LoadUltrasoundImage.
    """
    if 'img_coordinates' not in results:
        raise ConfigError(f'{type(transform).__name__} must come after LoadUltrasoundImage in the pipeline')


def require_unwarped(results: dict[str, Any], transform: object) -> None:
    """Check that the image was not warped yet, so that ``homography_matrix`` may still change.

    Args:
        results: The results of the pipeline so far.
        transform: The transform that needs this, for the error message.

    Raises:
        ConfigError: If the image was not loaded, or already warped.
    """
    require_loaded(results, transform)
    if results['img_coordinates'] != 'original':
        raise ConfigError(
            f'{type(transform).__name__} must come before ApplyGeometry in the pipeline, which comes once'
        )
