"""A model without weights that answers a mirrored image with the mirrored answer, exactly."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import ImgDataPreprocessor
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData, PixelData
from torch import nn

from aurora_mm.apis import use_tta
from aurora_mm.models import BaseTaskHead, MultiTaskModel, MultiTaskTTAModel
from aurora_mm.models.utils.original_coordinates import boxes_to_original, mask_from_views, points_to_original
from aurora_mm.registry import TRANSFORMS
from aurora_mm.structures import MaskView, MaskViews, task_samples_of
from aurora_mm.tasks import Task

TASKS = [
    # In a mirrored image the left half is called right, and the points trade their names.
    Task('halves', 'segmentation', classes=('background', 'left', 'right'), swaps=[('left', 'right')]),
    Task('side', 'classification', classes=('left', 'right'), swaps=[('left', 'right')]),
    Task('side_fixed', 'classification', classes=('left', 'right'), flip=False),
    Task('spot', 'detection', classes=('spot',)),
    Task('ends', 'landmark', points=('left', 'right'), swaps=[('left', 'right')]),
]
PIPELINE = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=64),
    dict(type='ApplyGeometry'),
    dict(type='PackMultiTaskInputs'),
]


class Identity(nn.Module):
    """The image's mean channel at its own size: a map ``(B, 1, h, w)``."""

    out_channels, strides = [1], [1]

    def forward(self, x):
        return (x.mean(1, keepdim=True),)


class ToyHead(BaseTaskHead):
    """Its one task's answer is what `forward` gives."""

    def task_outputs(self, feats, batches):
        return [batch.take(self(feats)) for batch in batches]

    def loss_by_feat(self, output, data_samples, task):
        raise NotImplementedError


class Halves(ToyHead):
    """Bright pixels are foreground: 'left' in the left half of what it is shown, 'right' in the right one."""

    task_type = 'segmentation'

    def forward(self, feats):
        bright = feats[0][:, 0]
        left = torch.linspace(1, 0, bright.shape[-1]).expand_as(bright)
        return torch.stack([1 - bright, bright * left, bright * (1 - left)], dim=1)

    def predict_by_feat(self, output, data_samples, task):
        for probs, sample in zip(output, data_samples, strict=True):
            sample.mask_views = MaskViews([MaskView(probs, sample.homography_matrix, sample.img_shape)])
            sample.pred_sem_seg = PixelData(data=mask_from_views(sample.mask_views, sample.ori_shape))


class Side(ToyHead):
    """The share of light in the left and the right half."""

    task_type = 'classification'

    def forward(self, feats):
        halves = F.adaptive_avg_pool2d(feats[0], (1, 2)).flatten(1)
        return halves / halves.sum(1, keepdim=True)

    def predict_by_feat(self, output, data_samples, task):
        for scores, sample in zip(output, data_samples, strict=True):
            sample.pred_scores, sample.pred_label = scores, scores.argmax(0, keepdim=True)


def _extent(bright):
    """x1, y1, x2, y2 of the bright pixels of (h, w)."""
    rows, columns = (bright > 0.5).nonzero(as_tuple=True)
    return torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()


class Spot(ToyHead):
    """The box around all light."""

    task_type = 'detection'

    def forward(self, feats):
        return torch.stack([_extent(image) for image in feats[0][:, 0]])

    def predict_by_feat(self, output, data_samples, task):
        for box, sample in zip(output, data_samples, strict=True):
            sample.pred_instances = InstanceData(
                bboxes=boxes_to_original(box[None], sample.homography_matrix, sample.ori_shape),
                scores=torch.tensor([0.75]),
                labels=torch.tensor([0]),
            )


class Ends(ToyHead):
    """The leftmost and the rightmost end of the light, at a third of its height."""

    task_type = 'landmark'

    def forward(self, feats):
        boxes = torch.stack([_extent(image) for image in feats[0][:, 0]])
        y = boxes[:, 1] + (boxes[:, 3] - boxes[:, 1]) / 3
        return torch.stack([torch.stack([boxes[:, 0], y], 1), torch.stack([boxes[:, 2], y], 1)], dim=1)

    def predict_by_feat(self, output, data_samples, task):
        for points, sample in zip(output, data_samples, strict=True):
            sample.pred_landmarks = points_to_original(points, sample.homography_matrix)


@pytest.fixture
def toy_model():
    heads = dict(segmentation=Halves, classification=Side, detection=Spot, landmark=Ends)
    return MultiTaskModel(
        tasks=[task.to_config() for task in TASKS],
        backbone=dict(type=Identity),
        heads={name: dict(type=head) for name, head in heads.items()},
        data_preprocessor=dict(type=ImgDataPreprocessor, mean=[0.0] * 3, std=[255.0] * 3),
    ).eval()


@pytest.fixture
def image():
    """64 x 64 pixels, a bright patch that is not symmetric."""
    pixels = np.zeros((64, 64), np.uint8)
    pixels[10:30, 6:40] = 200
    pixels[20:50, 12:20] = 160
    return pixels


@pytest.fixture
def predict(tmp_path):
    """Predictions of a model for an image, one of each task; ``tta`` holds scales, None is without."""

    def run(model, pixels, tasks, tta=None):
        file = str(tmp_path / 'image.png')
        cv2.imwrite(file, pixels)
        cfg = Config(dict(model=dict(), test_dataloader=dict(dataset=dict(pipeline=PIPELINE))))
        if tta is not None:
            use_tta(cfg, tta)
            model = MultiTaskTTAModel(model)
        with DefaultScope.overwrite_default_scope('aurora_mm'):
            steps = [TRANSFORMS.build(step) for step in cfg.test_dataloader.dataset.pipeline]
        rows = []
        for i, task in enumerate(tasks):
            row = dict(img_path=file, img_id=i) | task.item_fields()
            for step in steps:
                row = step(row)
            rows.append(row)
        return list(task_samples_of(model.test_step(pseudo_collate(rows))))

    return run
