import json

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from aurora_mm.prediction_files.writer import PredictionWriter
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.tasks import Task, TaskTable


@pytest.mark.parametrize(
    ('task_type', 'scores', 'shown'),
    [
        ('detection', [0.9, 0.31, 0.29], [0.9, 0.31]),
        ('detection', [0.02, 0.01], [0.02]),
        ('multi_object_detection', [0.9, 0.3, 0.29], [0.9, 0.3]),
        ('multi_object_detection', [0.02, 0.01], []),
    ],
)
def test_coco_files_have_the_boxes_that_pictures_show(tmp_path, task_type, scores, shown):
    """An annotator would have to delete the others by hand; `predictions.json` has them all."""
    task = Task('find', task_type, classes=('head',))
    metainfo = dict(task=task.name, task_type=task.type, img_path='a.png', ori_shape=(40, 40))
    sample = TaskDataSample(metainfo=metainfo)
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([[i, i, i + 9.0, i + 9.0] for i in range(len(scores))]),
        labels=torch.zeros(len(scores), dtype=torch.int64),
        scores=torch.tensor(scores),
    )
    writer = PredictionWriter(tmp_path, TaskTable([task]), ['model.pth'], overlays=False)
    writer.add(0, np.zeros((40, 40, 3), np.uint8), MultiTaskDataSample([sample], metainfo=metainfo))
    writer.finish([])
    coco = json.loads((tmp_path / 'coco' / 'find.json').read_text())
    assert [one['score'] for one in coco['annotations']] == shown
    (image,) = json.loads((tmp_path / 'predictions.json').read_text())['images']
    assert [box['score'] for box in image['predictions'][0]['boxes']] == scores
