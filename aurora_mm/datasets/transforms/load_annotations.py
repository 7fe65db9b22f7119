from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from aurora_mm.annotations import ANNOTATIONS, row_error
from aurora_mm.datasets.transforms.geometry_state import rows_of
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadTaskAnnotations(BaseTransform):
    """Load the annotation of a row as arrays, in pixels of the original image, and check it against the image.

    Placed before ApplyGeometry (training), annotations are warped with the image; placed after it (testing), they
    stay as they are. Comes after LoadUltrasoundImage.

    What is read and checked is up to the row's type of task, see :class:`aurora_mm.annotations.Annotation`.

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

    def _load(self, row: dict[str, Any]) -> None:
        annotation = ANNOTATIONS[row['task_type']]
        if not any(key in row for key in annotation.keys):
            raise row_error(row, 'no label was read; leave LoadTaskAnnotations out of a pipeline for such data')
        annotation.load(row)
        row['gt_coordinates'] = 'original'
