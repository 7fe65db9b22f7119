from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from aurora_mm.annotations import ANNOTATIONS, row_error
from aurora_mm.datasets.transforms.geometry_state import require_loaded, rows_of
from aurora_mm.errors import ConfigError
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadTaskAnnotations(BaseTransform):
    """Load the annotations of an image as arrays, in original coordinates, and check that they fit the image.

    Must come after LoadUltrasoundImage. Before ApplyGeometry (training), annotations are warped together with the
    image. After it (testing), they stay in original coordinates. The annotations of the item's task and of
    ``other_rows`` are loaded. How depends on the task type, see :class:`aurora_mm.annotations.Annotation`.

    Sets, by task type:
        gt_coordinates (str): ``'original'``, for all task types.
        gt_seg_map (np.ndarray): (H, W) uint8 class indices, with the background as class 0.
        gt_class_masks (np.ndarray): (C, H, W) uint8, 1 in the pixels of each class, which may overlap.
        gt_label (int): The class.
        gt_bboxes (np.ndarray): (N, 4) float64, xyxy in pixels. N is 1 for FMC-UIA data.
        gt_bboxes_labels (np.ndarray): (N,) int64 classes from 0, without background.
        gt_landmarks (np.ndarray): (K, 2) float64 x, y in pixels; nan for a point that is not labelled.

    Raises:
        DataError: If an item has no annotation; if a mask cannot be read (see
            :func:`aurora_mm.datasets.masks.read_class_indices`), or its size or EXIF orientation is not that of the
            image; if boxes or points lie outside the image, or the EXIF orientation of their image is not 1, or the
            image does not have the size in the annotation file.
        ConfigError: If the image was not loaded, or its annotations already were.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        require_loaded(results, self)
        if 'gt_coordinates' in results:
            raise ConfigError('LoadTaskAnnotations must come once in the pipeline')
        for row in rows_of(results):
            self._load(row)
        return results

    def _load(self, row: dict[str, Any]) -> None:
        annotation = ANNOTATIONS[row['task_type']]
        if not any(key in row for key in annotation.keys):
            raise row_error(row, 'no label was read; leave LoadTaskAnnotations out of a pipeline for such data')
        annotation.load(row)
        row['gt_coordinates'] = 'original'
