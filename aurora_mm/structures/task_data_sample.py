"""The data sample of an image for one task."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData

from aurora_mm.structures.mask_view import MaskViews

LABEL_THRESHOLD = 0.5
"""Probability from which a class is predicted where an image may have several."""
IGNORED = 255
"""Value of pixels in a true mask that do not count, as in mmseg; a mask of one class is full of it if not labelled."""


def _field(name: str, kind: type, doc: str) -> property:
    """Create a property for a data field. Reading a missing field raises AttributeError, setting it checks the type."""
    private = f'_{name}'

    def getter(self: BaseDataElement) -> Any:
        return getattr(self, private)

    def setter(self: BaseDataElement, value: Any) -> None:
        self.set_field(value, private, dtype=kind)

    def deleter(self: BaseDataElement) -> None:
        delattr(self, private)

    return property(getter, setter, deleter, doc)


class TaskDataSample(BaseDataElement):
    """Annotations and predictions of an image for one task.

    A :class:`MultiTaskDataSample` contains one of these for each task of its image.

    The fields have the names that metrics of mmdet and mmseg expect. Predictions are always in original coordinates.
    Annotations are in network coordinates in training and in original coordinates in testing. The metainfo key
    ``gt_coordinates`` is ``'network'`` or ``'original'`` accordingly, and losses and metrics check it.

    Coordinates are continuous: x = 0 is the left edge of the leftmost pixel, and x = width is the right edge of the
    rightmost pixel. A normalised coordinate is ``x / width``.

    Legend: K points, C classes (the background counted in segmentation), N boxes, V views, H x W pixels of the original
    image or of the network input, see above.

    Metainfo:
        task (str): Name of the task.
        task_type (str): Type of the task.
        num_outputs (int): Number of outputs of the task, such as its classes.
        img_id (int): Index in the data set.
        img_path (str): Path of the image file.
        ori_shape (tuple): (height, width) of the original image.
        img_shape (tuple): (height, width) of the network input.
        homography_matrix (np.ndarray): (3, 3) affine map from original to network coordinates.
        flip (bool): Whether the network input is mirrored horizontally.
        scale_factor (tuple): (x, y) network pixels per original pixel, if the map is only a scaling.
        gt_coordinates (str): Coordinates of the annotations.
        instances (list[dict]): Boxes in original coordinates as ``mmdet.CocoMetric`` reads them: ``bbox`` (xyxy),
            ``bbox_label`` and ``ignore_flag``.

    Example:
        >>> sample = TaskDataSample(metainfo=dict(task='breast_2cls', task_type='classification'))
        >>> sample.gt_label = torch.tensor([1])
        >>> sample.task, int(sample.gt_label)
        ('breast_2cls', 1)
    """

    outputs_are_finite = _field(
        'outputs_are_finite',
        torch.Tensor,
        '() bool: whether all outputs of the head, from which the prediction follows, are finite.',
    )
    gt_sem_seg = _field('gt_sem_seg', PixelData, '``data``, (1, H, W) int64: annotated class index of each pixel.')
    pred_sem_seg = _field('pred_sem_seg', PixelData, '``data``, (1, H, W) int64: predicted class index of each pixel.')
    mask_views = _field(
        'mask_views',
        MaskViews,
        'Class probabilities of each view, from which predicted masks are computed.',
    )
    gt_class_masks = _field(
        'gt_class_masks',
        PixelData,
        '``data``, (C, H, W) uint8: 1 in the pixels of each class, 0 in the others, 255 if the class is not labelled.',
    )
    pred_class_masks = _field(
        'pred_class_masks', PixelData, '``data``, (C, H, W) uint8: 1 in the predicted pixels of each class.'
    )
    gt_instances = _field('gt_instances', InstanceData, '``bboxes`` (N, 4) xyxy in pixels, ``labels`` (N,).')
    pred_instances = _field('pred_instances', InstanceData, '``bboxes`` (N, 4) xyxy, ``scores`` (N,), ``labels`` (N,).')
    gt_label = _field('gt_label', torch.Tensor, '(1,) int64: annotated class.')
    pred_label = _field('pred_label', torch.Tensor, '(1,) int64: predicted class.')
    gt_scores = _field(
        'gt_scores',
        torch.Tensor,
        '(C,) float: 1 for each class of the image, 0 for the others; the fraction of each class in a mixed image.',
    )
    pred_scores = _field(
        'pred_scores',
        torch.Tensor,
        '(C,) float: probability of each class; they sum to 1 unless an image may have several classes.',
    )
    gt_value = _field('gt_value', torch.Tensor, '(1,) float64: annotated number.')
    pred_value = _field('pred_value', torch.Tensor, '(1,) float: predicted number.')
    gt_landmarks = _field(
        'gt_landmarks', torch.Tensor, '(K, 2) float: x, y of each point in pixels; nan if it is not labelled.'
    )
    pred_landmarks = _field('pred_landmarks', torch.Tensor, '(K, 2) float: x, y of each point in pixels.')
    landmark_views = _field(
        'landmark_views', torch.Tensor, '(V, K, 2) float: x, y of each point in pixels, for each view.'
    )
