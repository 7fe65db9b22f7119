import numpy as np
import pytest
import torch
from mmengine.model import ImgDataPreprocessor

from aurora_mm.errors import ConfigError
from aurora_mm.models import MultiTaskModel
from aurora_mm.models.test_time_augs.merge_predictions import merge_task_predictions
from tests.models import test_multi_task_model as real
from tests.models.test_time_augs.conftest import TASKS


def mirrored(task, sample, width=64):
    """What a prediction says of the mirrored image: places mirrored, names as the task swaps them."""
    order = torch.tensor(task.flip_indices).argsort()
    if task.type == 'segmentation':
        return order[sample.pred_sem_seg.data.flip(-1)]
    if task.type == 'classification':
        return sample.pred_scores[order]
    if task.type == 'detection':
        x1, y1, x2, y2 = sample.pred_instances.bboxes.unbind(-1)
        return torch.stack([width - x2, y1, width - x1, y2], dim=-1)
    points = sample.pred_landmarks[order]
    return torch.stack([width - points[:, 0], points[:, 1]], dim=1)


def answer(task, sample):
    if task.type == 'segmentation':
        return sample.pred_sem_seg.data
    if task.type == 'classification':
        return sample.pred_scores
    return sample.pred_instances.bboxes if task.type == 'detection' else sample.pred_landmarks


def test_an_equivariant_model_gains_and_loses_nothing(toy_model, image, predict):
    plain = predict(toy_model, image, TASKS)
    merged = predict(toy_model, image, TASKS, tta=())
    for task, without, with_tta in zip(TASKS, plain, merged, strict=True):
        torch.testing.assert_close(answer(task, with_tta), answer(task, without), atol=1e-5, rtol=0)
    assert sorted(plain[0].pred_sem_seg.data.unique().tolist()) == [0, 1, 2]
    assert merged[3].pred_instances.scores.tolist() == [0.75]
    assert [len(sample.get('mask_views', [])) for sample in merged] == [2, 0, 0, 0, 0]


def test_an_image_and_its_mirror_agree_whatever_the_model(image, predict):
    """A random network is not equivariant; its mean over the two mirror images is."""
    torch.manual_seed(0)
    preprocess = dict(type=ImgDataPreprocessor, mean=[127.5] * 3, std=[127.5] * 3)
    config = real.config(tasks=[task.to_config() for task in TASKS], data_preprocessor=preprocess)
    model = MultiTaskModel(**config).eval()
    tasks = [task for task in TASKS if task.flip]
    here = predict(model, image, tasks, tta=())
    there = predict(model, np.ascontiguousarray(image[:, ::-1]), tasks, tta=())
    plain = predict(model, image, tasks)
    changed = 0
    for task, sample, mirror, without in zip(tasks, here, there, plain, strict=True):
        expected, found = mirrored(task, sample).double(), answer(task, mirror).double()
        if task.type == 'segmentation':
            assert (expected == found).double().mean() > 0.999  # ties of two classes may fall either way
        else:
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
        changed += not torch.allclose(answer(task, without).double(), answer(task, sample).double(), atol=1e-4)
    assert changed >= 3, 'the views do not differ, so nothing was shown'


def test_a_task_that_must_not_be_mirrored_is_answered_as_without(toy_model, image, predict):
    task = TASKS[2]
    assert not task.flip
    plain, merged = predict(toy_model, image, [task])[0], predict(toy_model, image, [task], tta=())[0]
    torch.testing.assert_close(merged.pred_scores, plain.pred_scores)


def test_scales_come_back_to_the_original_pixels(toy_model, image, predict):
    plain = predict(toy_model, image, TASKS)
    merged = predict(toy_model, image, TASKS, tta=(1.0, 2.0))
    assert len(merged[0].mask_views) == 4
    assert merged[0].pred_sem_seg.data.shape == (1, 64, 64)
    torch.testing.assert_close(merged[3].pred_instances.bboxes, plain[3].pred_instances.bboxes, atol=0.3, rtol=0)
    torch.testing.assert_close(merged[4].pred_landmarks, plain[4].pred_landmarks, atol=0.3, rtol=0)


def test_a_mask_without_its_probabilities_is_refused(toy_model, image, predict):
    sample = predict(toy_model, image, TASKS[:1])[0]
    del sample.mask_views
    with pytest.raises(ConfigError, match="head of task 'halves' sets no mask_views"):
        merge_task_predictions([sample, sample])


def test_the_annotation_of_the_first_view_is_kept(toy_model, image, predict):
    samples = predict(toy_model, image, TASKS[1:2]) * 2
    samples[0].gt_label = torch.tensor([1])
    merged = merge_task_predictions(samples)
    assert merged.gt_label.tolist() == [1]
    assert merged.task == 'side'
