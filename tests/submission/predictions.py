"""Data of many tasks, and predictions made by disturbing its truth."""

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage, PackMultiTaskInputs

PIPELINE = [LoadUltrasoundImage(), LoadTaskAnnotations(), PackMultiTaskInputs()]


def true_samples(root, tasks, **kwargs):
    kwargs = dict(split='all') | kwargs
    dataset = FMCUIADataset(str(root), tasks=tasks.to_config(), pipeline=PIPELINE, test_mode=True, **kwargs)
    return [sample for index in range(len(dataset)) for sample in dataset[index]['data_samples']]


def disturb(sample, task, rng):
    """Sets a prediction near the truth."""
    if sample.task_type == 'segmentation':
        mask = sample.gt_sem_seg.data[0].numpy().astype(np.uint8)
        sample.pred_sem_seg = PixelData(data=torch.from_numpy(disturbed_mask(mask, rng))[None].long())
    elif sample.task_type == 'classification':
        scores = rng.dirichlet(np.ones(task.num_outputs)) * 0.6
        scores[int(sample.gt_label)] += 0.4
        sample.pred_scores = torch.from_numpy(scores).float()
        sample.pred_label = sample.pred_scores.argmax().reshape(1)
    elif sample.task_type == 'detection':
        box = sample.gt_instances.bboxes[0].numpy() + rng.normal(0, 6, 4)
        limit = np.tile(sample.ori_shape[::-1], 2)
        boxes = torch.from_numpy(np.clip([box, box + 3], 0, limit)).float()
        sample.pred_instances = InstanceData(
            bboxes=boxes, scores=torch.tensor([0.9, 0.1]), labels=torch.zeros(2).long()
        )
    else:
        points = sample.gt_landmarks.numpy() + rng.normal(0, 5, sample.gt_landmarks.shape)
        sample.pred_landmarks = torch.from_numpy(np.clip(points, 0, sample.ori_shape[::-1])).float()


def disturbed_mask(mask, rng):
    """The mask moved, with a speck far off, or without one of its classes, or without any."""
    kind = rng.integers(4)
    if kind == 0:
        return np.zeros_like(mask)
    shift = np.float32([[1, 0, rng.integers(-9, 10)], [0, 1, rng.integers(-9, 10)]])
    moved = cv2.warpAffine(mask, shift, mask.shape[::-1], flags=cv2.INTER_NEAREST)
    if kind == 1:
        moved[moved == rng.integers(1, 3)] = 0
    if kind == 2:
        moved[rng.integers(mask.shape[0]), rng.integers(mask.shape[1])] = 1
    return moved
