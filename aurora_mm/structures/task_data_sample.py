"""What is known and what is predicted of one image for one task."""

from __future__ import annotations

import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData

from aurora_mm.structures.mask_view import MaskViews


def _field(name: str, kind: type, doc: str) -> property:
    """A typed data field: reading an absent one raises AttributeError, writing checks the type."""
    private = f'_{name}'

    def getter(self: BaseDataElement):
        return getattr(self, private)

    def setter(self: BaseDataElement, value) -> None:
        self.set_field(value, private, dtype=kind)

    def deleter(self: BaseDataElement) -> None:
        delattr(self, private)

    return property(getter, setter, deleter, doc)


class TaskDataSample(BaseDataElement):
    """Annotations and predictions of one image for one task.

    A :class:`MultiTaskDataSample` holds one of these for each task of its image.

    Field names are those that mmdet's and mmseg's metrics read. Predictions are always in pixels of the original
    image. Annotations are in pixels of the network's input while training and of the original image while testing;
    the metainfo key ``gt_coordinates`` says which (``'network'`` or ``'original'``), and losses and metrics check it.

    Coordinates are continuous: x = 0 is the left edge of the leftmost pixel, x = width the right edge of the
    rightmost; a normalised coordinate is ``x / width``.

    Legend: K points, C classes, H x W the image's size (original or network, see above), N boxes.

    Metainfo:
        task (str), task_type (str): Name and type of the task.
        img_id (int): Position in the data set. img_path (str): The file that was read.
        ori_shape, img_shape (tuple): (height, width) of the original image and of the network's input.
        homography_matrix (np.ndarray): (3, 3) affine map from original to network pixels (continuous coordinates).
        flip (bool): Whether the network saw the image mirrored, left for right.
        scale_factor (tuple): (x, y) network pixels per original pixel, where the map has no rotation.
        gt_coordinates (str): Coordinates of the annotations.
        instances (list[dict]): For detection, what ``mmdet.CocoMetric`` reads:
            ``bbox`` (xyxy, original pixels), ``bbox_label``, ``ignore_flag``.

    Example:
        >>> sample = TaskDataSample(metainfo=dict(task='breast_2cls', task_type='classification'))
        >>> sample.gt_label = torch.tensor([1])
        >>> sample.task, int(sample.gt_label)
        ('breast_2cls', 1)
    """

    gt_sem_seg = _field('gt_sem_seg', PixelData, '``data`` (1, H, W) int64: the true class index of each pixel.')
    pred_sem_seg = _field('pred_sem_seg', PixelData, '``data`` (1, H, W) int64: the predicted class of each pixel.')
    mask_views = _field('mask_views', MaskViews, 'The probabilities behind ``pred_sem_seg``.')
    gt_instances = _field('gt_instances', InstanceData, '``bboxes`` (N, 4) xyxy in pixels, ``labels`` (N,).')
    pred_instances = _field('pred_instances', InstanceData, '``bboxes`` (N, 4) xyxy, ``scores`` (N,), ``labels`` (N,).')
    gt_label = _field('gt_label', torch.Tensor, '(1,) int64: the true class.')
    pred_label = _field('pred_label', torch.Tensor, '(1,) int64: the predicted class.')
    pred_scores = _field('pred_scores', torch.Tensor, '(C,): the probability of each class, summing to 1.')
    gt_landmarks = _field('gt_landmarks', torch.Tensor, '(K, 2) float: x, y of each point in pixels.')
    pred_landmarks = _field('pred_landmarks', torch.Tensor, '(K, 2) float: x, y of each point in pixels.')
    landmark_views = _field('landmark_views', torch.Tensor, '(V, K, 2) float: the points of each merged view.')
