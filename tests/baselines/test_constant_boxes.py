"""The best constant answer for tasks with several boxes an image."""

import torch

from aurora_mm.baselines import CONSTANT_ANSWERS
from aurora_mm.tasks import Task
from tests.evaluation.metrics.test_box_ap_metric import CLASSES, sample_of

TASK = Task('finds', 'multi_object_detection', classes=CLASSES)


def fitted(*samples):
    answer = CONSTANT_ANSWERS[TASK.type](TASK)
    for sample in samples:
        answer.add(sample.to_dict())
    answer.finish()
    again = CONSTANT_ANSWERS[TASK.type](TASK)
    again.load_state(answer.state())
    return again


def test_images_without_boxes_do_not_count():
    answer = fitted(sample_of([], []), sample_of([(1, [8, 6, 40, 30])], []))
    sample = sample_of([], [])
    answer.put(sample)
    assert sample.pred_instances.labels.tolist() == [1]
    torch.testing.assert_close(sample.pred_instances.bboxes, torch.tensor([[8.0, 6.0, 40.0, 30.0]]))
    answer.put_fallback(sample)
    assert len(sample.pred_instances) == 0


def test_no_box_anywhere():
    sample = sample_of([], [(0, 0.5, [0, 0, 5, 5])])
    fitted(sample_of([], [])).put(sample)
    assert len(sample.pred_instances) == 0
