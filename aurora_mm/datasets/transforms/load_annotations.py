from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.datasets.masks import read_mask
from aurora_mm.datasets.transforms.geometry_state import rows_of
from aurora_mm.errors import DataError
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
        DataError: If the mask cannot be read, has another size than the image or a value that is no class; if a box
            or a point lies outside the image; if the row has no label.
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
        mask = read_mask(path)
        if mask is None:
            raise self._error(results, f'mask {path} cannot be read')
        if mask.ndim == 3:
            if (mask[..., :3] != mask[..., :1]).any():
                raise self._error(results, f'mask {path} is a colour image; its value must be the class index')
            mask = mask[..., 0]
        if mask.shape != tuple(results['ori_shape']):
            raise self._error(
                results,
                f'mask {path} has (height, width) {mask.shape}, its image {results["img_path"]} '
                f'{tuple(results["ori_shape"])}',
            )
        classes = results['num_outputs']
        if mask.max() >= classes:
            values = np.unique(mask)
            raise self._error(
                results,
                f'mask {path} has values {values[values >= classes].tolist()}, but task {results["task"]!r} has '
                f'classes 0..{classes - 1}',
            )
        return mask.astype(np.uint8)

    def _check_inside(self, what: str, points: np.ndarray, results: dict[str, Any]) -> None:
        height, width = results['ori_shape']
        if (points < 0).any() or (points > (width, height)).any():
            raise self._error(
                results,
                f'{what} {points.ravel().tolist()} of {results["task"]!r} not within the image {results["img_path"]}, '
                f'{width} x {height} pixels',
            )

    @staticmethod
    def _error(results: dict[str, Any], message: str) -> DataError:
        return DataError(message, file=results.get('csv_file'), row=results.get('csv_row'))
