from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.datasets.masks import read_class_indices
from aurora_mm.datasets.transforms.geometry_state import rows_of
from aurora_mm.errors import DataError
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.retries import read_with_retries
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadTaskAnnotations(BaseTransform):
    """Bring the annotation of a row into arrays, in pixels of the original image, and check it against the image.

    Placed before ApplyGeometry (training), annotations are warped with the image; placed after it (testing), they
    stay as they are. Comes after LoadUltrasoundImage.

    Sets in each of the image's rows ``gt_coordinates='original'`` and, by task type:
        gt_seg_map (np.ndarray): (H, W) uint8 class indices.
        gt_label (int): The class.
        gt_bboxes, gt_bboxes_labels (np.ndarray): (N, 4) float64 xyxy and (N,) int64; N = 1 for FMC-UIA.
        gt_landmarks (np.ndarray): (K, 2) float64 x, y, as the CSV has them to the last digit.

    Raises:
        DataError: If the mask cannot be read (see :func:`aurora_mm.datasets.masks.read_class_indices`) or has another
            size than the image; if a box or a point lies outside the image; if the image is stored turned, as EXIF
            says, but for a mask that is stored so too and for classes; if a COCO file lists the image with another
            size (``listed_shape``, (H, W)); if the row has no label.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        for row in rows_of(results):
            self._load(row)
        return results

    def _load(self, results: dict[str, Any]) -> None:
        if 'seg_map_path' in results:
            results['gt_seg_map'] = self._mask(results)
        elif 'bbox' in results:
            box = np.array(results['bbox'], np.float64).reshape(1, 4)
            self._check_inside('box', box.reshape(-1, 2), results)
            results.update(gt_bboxes=box, gt_bboxes_labels=np.zeros(1, np.int64))
        elif 'bboxes' in results:
            boxes = np.array(results['bboxes'], np.float64).reshape(-1, 4)
            self._check_inside('boxes', boxes.reshape(-1, 2), results)
            results.update(gt_bboxes=boxes, gt_bboxes_labels=np.array(results['bboxes_labels'], np.int64))
        elif 'points' in results:
            points = np.array(results['points'], np.float64).reshape(-1, 2)
            self._check_inside('points', points, results)
            results['gt_landmarks'] = points
        elif 'gt_label' not in results:
            raise self._error(results, 'no label was read; leave LoadTaskAnnotations out of a pipeline for such data')
        results['gt_coordinates'] = 'original'

    def _mask(self, results: dict[str, Any]) -> np.ndarray:
        path = results['seg_map_path']
        try:
            mask, orientation = read_with_retries(read_class_indices, path, results['num_outputs'], results['task'])
        except BadImage as bad:
            raise self._error(results, f'mask {path} {bad}') from bad
        stored = results.get('orientation', 1)
        if orientation != stored:
            raise self._error(
                results,
                f'image {results["img_path"]} is stored in orientation {stored} by its EXIF data, its mask {path} in '
                f'{orientation}: they may not lie on each other. Save both upright without EXIF data',
            )
        if mask.shape != tuple(results['ori_shape']):
            raise self._error(
                results,
                f'mask {path} has (height, width) {mask.shape}, its image {results["img_path"]} '
                f'{tuple(results["ori_shape"])}',
            )
        return mask

    def _check_inside(self, what: str, points: np.ndarray, results: dict[str, Any]) -> None:
        height, width = results['ori_shape']
        if results.get('orientation', 1) != 1:
            raise self._error(
                results,
                f'image {results["img_path"]} is stored in orientation {results["orientation"]} by its EXIF data: '
                f'{what} of {results["task"]!r} may be of the picture before or after it is turned. Save the image '
                'without EXIF data, as it was when it was labelled',
            )
        if tuple(results.get('listed_shape', (height, width))) != (height, width):
            raise self._error(
                results,
                f'image {results["img_path"]} has (height, width) {(height, width)}, but is listed with '
                f'{tuple(results["listed_shape"])}, so that its {what} of {results["task"]!r} may lie elsewhere',
            )
        if (points < 0).any() or (points > (width, height)).any():
            raise self._error(
                results,
                f'{what} {points.ravel().tolist()} of {results["task"]!r} not within the image {results["img_path"]}, '
                f'{width} x {height} pixels',
            )

    @staticmethod
    def _error(results: dict[str, Any], message: str) -> DataError:
        return DataError(message, file=results.get('csv_file'), row=results.get('csv_row'))
