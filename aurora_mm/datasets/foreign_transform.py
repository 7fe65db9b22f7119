"""Checks what a transform of another package does to the results of a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets.transforms.geometry_state import COMPOSED, FOREIGN_GEOMETRY, SHARED_KEYS, USE_OURS, rows_of
from aurora_mm.errors import AuroraError, ConfigError
from aurora_mm.images.shared_channels import own_channels
from aurora_mm.misfits import MISFITS, reason_of

_DTYPES = ('uint8', 'float32', 'float64')
_BRIGHTEST = 4 * 255  # distortions of mmdet and mmseg may leave 0 to 255, but do not leave these
_NORMALISED = 4.0  # in standard deviations
_DARK = 16  # of 255: a darker image may look like one that was normalised
_OF_A_ROW = ('task', 'task_type', 'num_outputs', 'flip_indices', 'point_order', 'gt_coordinates')
_PACKED = ('inputs', 'data_samples')


class ForeignTransform(BaseTransform):
    """Calls a transform of another package, and checks that the results are still ones that our transforms can read.

    Grey images are loaded with channels that share memory, see :mod:`aurora_mm.images.shared_channels`. Other
    transforms may write to an image, so each channel is given memory of its own before.

    A transform that stands before :class:`LoadUltrasoundImage`, or that packs the results, is not checked.

    Args:
        step: The transform.

    Raises:
        ConfigError: If the transform raises an error that says that it does not fit here; if it returns no dict,
            removes a field, moves the pixels without the matrix, or leaves an image or an annotation that cannot be
            right. The message names the transform, the image and the row.
    """

    def __init__(self, step: Callable[..., Any]) -> None:
        self.step = step

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if 'img' in results:
            results['img'] = own_channels(results['img'])
        if 'img_coordinates' not in results:
            return self._called(results, results)
        before = dict(results, homography_matrix=results['homography_matrix'].copy())
        brightest = results['img'].max()
        rows = [set(row) for row in rows_of(results)]
        after = self._called(results, before)
        if any(key in after for key in _PACKED):
            return after
        fault = (
            _missing(after, before, rows)
            or _moved(after, before)
            or _image_fault(after['img'], before['img'], brightest)
            or _annotation_fault(after)
        )
        if fault is not None:
            raise self._error(fault, before)
        after['img_shape'] = tuple(after['img_shape'][:2])  # some set that of the array, with its channels
        return after

    def _called(self, results: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        try:
            after = self.step(results)
        except AuroraError:
            raise
        except (*MISFITS, cv2.error) as error:
            raise self._error(f'cannot be used here: {reason_of(error)}', before) from error
        if not isinstance(after, dict):
            kind = 'None' if after is None else f'a {type(after).__name__}'
            raise self._error(f'returned {kind}, and must return the dict of results', before)
        return after

    def _error(self, fault: str, before: Mapping[str, Any]) -> ConfigError:
        places = [f'image {before["img_path"]}'] if 'img_path' in before else []
        if 'csv_row' in before:
            places.append(f'{before["csv_file"]}, row {before["csv_row"]}')
        place = f' ({"; ".join(places)})' if places else ''
        return ConfigError(f'transform {type(self.step).__name__} {fault}{place}')

    def __repr__(self) -> str:
        return repr(self.step)


def _missing(after: dict[str, Any], before: Mapping[str, Any], rows: list[set[str]]) -> str | None:
    """Name the fields of the image, or of the annotation of a task, that were removed."""
    gone = [key for key in ('img', *SHARED_KEYS) if key in before and key not in after]
    if not gone:
        for row, keys in zip(rows_of(after), rows, strict=True):
            gone += [key for key in sorted(keys - row.keys()) if key in _OF_A_ROW or key.startswith('gt_')]
    return f'removes {", ".join(gone)} from the results' if gone else None


def _moved(after: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """Name the signs that pixels were moved, or are said to lie elsewhere, without :func:`compose`."""
    matrix = after['homography_matrix']
    composed = after.get(COMPOSED) is matrix and matrix is not before.get(COMPOSED)
    moved = set(FOREIGN_GEOMETRY & after.keys())
    if not composed:
        if not np.array_equal(matrix, before['homography_matrix']):
            moved.add('homography_matrix')
        if tuple(after['img_shape'][:2]) != before['img_shape']:
            moved.add('img_shape')
        if after['flip'] != before['flip']:
            moved.add('flip')
    if after['ori_shape'] != before['ori_shape']:
        moved.add('ori_shape')
    if not moved:
        same = all(after.get(key) == before.get(key) for key in ('img_coordinates', 'crop', 'warped_shape'))
        shape, old = np.shape(after['img'])[:2], before['img'].shape[:2]
        if not same or shape == old:
            return None
        return f'moved the pixels (its image has the size {shape} and not {old}); {USE_OURS}'
    return f'moved the pixels ({", ".join(sorted(moved))}); {USE_OURS}'


def _image_fault(image: Any, before: np.ndarray, brightest: float) -> str | None:
    """Say why an image cannot be packed, or would be normalised wrongly."""
    if not isinstance(image, np.ndarray):
        return f'makes the image a {type(image).__name__}, and must leave it an array (height, width, 3)'
    if image.ndim != 3 or image.shape[2] != before.shape[2]:
        return f'makes the image an array of the shape {image.shape}, and must leave it (height, width, 3)'
    if image.dtype.name not in _DTYPES:
        return f'makes the image {image.dtype}, and must leave it uint8 or floating-point numbers from 0 to 255'
    if image.dtype == np.uint8:
        return None
    low, high = float(image.min()), float(image.max())
    if not np.isfinite([low, high]).all():
        return 'leaves pixels that are not finite'
    scaled = max(-low, high) <= _NORMALISED and brightest > _DARK
    if scaled or max(-low, high) > _BRIGHTEST:
        return (
            f'leaves pixels from {low:.3g} to {high:.3g}: they go from 0 to 255, and the data preprocessor of the '
            'model normalises them'
        )
    return None


def _annotation_fault(results: dict[str, Any]) -> str | None:
    for row in rows_of(results):
        if 'gt_coordinates' in row:
            fault = ANNOTATIONS[row['task_type']].fault(row)
            if fault is not None:
                return f'leaves an annotation of {row["task"]!r} that cannot be right: {fault}'
    return None
