import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.datasets.transforms import ApplyGeometry, RandomGeometry
from aurora_mm.errors import ConfigError
from aurora_mm.models.predictions import Prediction, prediction_of
from aurora_mm.models.test_time_augs.merge_predictions import merge_task_predictions
from aurora_mm.structures import MaskView, MaskViews, TaskDataSample
from aurora_mm.tasks import Task

PAIR = dict(swaps=[('a', 'b')])


def test_points_and_masks_that_training_renamed_come_back():
    """The transform that training mirrors by, and its undoing, on the same annotations."""
    for swaps in ([('a', 'b')], [('a', 'c')]):
        task = Task('points', 'landmark', points=('a', 'b', 'c'), swaps=swaps)
        points = np.array([[1.0, 2.0], [10.0, 4.0], [20.0, 6.0]], np.float32)
        results = dict(
            img=np.zeros((32, 64, 3), np.uint8),
            img_coordinates='original',
            img_shape=(32, 64),
            ori_shape=(32, 64),
            homography_matrix=np.eye(3),
            flip=False,
            gt_coordinates='original',
            gt_landmarks=points,
        )
        results |= task.item_fields()
        results = ApplyGeometry()(RandomGeometry(flip_prob=1.0, prob=0.0)(results))
        found = torch.from_numpy(results['gt_landmarks'])
        sample = TaskDataSample()
        sample.pred_landmarks = torch.stack([64 - found[:, 0], found[:, 1]], dim=1)
        prediction_of(task.type).unflip(sample, task)
        np.testing.assert_array_equal(sample.pred_landmarks.numpy(), points)


@pytest.mark.parametrize('task_type', ['segmentation', 'classification', 'detection'])
def test_classes_by_hand(task_type):
    task = Task('organs', task_type, classes=('background', 'a', 'b', 'c'), **PAIR)
    assert task.flip_indices == [0, 2, 1, 3]  # output 1 of a mirrored image stands for class 2
    sample = TaskDataSample(metainfo=dict(task='organs'))
    sample.pred_sem_seg = PixelData(data=torch.tensor([[[0, 1, 2, 3]]]))
    sample.mask_views = MaskViews([MaskView(torch.eye(4).reshape(4, 1, 4), np.eye(3), (1, 4))])
    sample.pred_scores = torch.tensor([0.1, 0.5, 0.3, 0.1])
    sample.pred_label = torch.tensor([1])
    sample.pred_instances = InstanceData(bboxes=torch.zeros(2, 4), scores=torch.ones(2), labels=torch.tensor([1, 3]))
    prediction_of(task_type).unflip(sample, task)
    if task_type == 'segmentation':
        assert sample.pred_sem_seg.data.tolist() == [[[0, 2, 1, 3]]]
        assert next(iter(sample.mask_views)).probs.argmax(0).tolist() == [[0, 2, 1, 3]]
    elif task_type == 'classification':
        torch.testing.assert_close(sample.pred_scores, torch.tensor([0.1, 0.3, 0.5, 0.1]))
        assert sample.pred_label.tolist() == [2]
    else:
        assert sample.pred_instances.labels.tolist() == [2, 3]


def test_a_type_that_registered_nothing_is_refused_and_still_given_as_plain_values():
    task = Task('organs', 'classification', classes=('a', 'b'), **PAIR)
    sample = TaskDataSample(metainfo=dict(task='organs', task_type='age'))
    sample.pred_age, sample.gt_age = torch.tensor([31.5]), 30.0
    with pytest.raises(ConfigError, match="'organs' has swaps, but predictions of type 'classification' cannot be ren"):
        Prediction().unflip(sample, task)
    with pytest.raises(ConfigError, match="'organs': predictions of type 'age' cannot be merged"):
        merge_task_predictions([sample, sample])
    assert prediction_of('age').plain(sample, task) == dict(age=[31.5])
