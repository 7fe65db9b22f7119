"""Pictures of any number of boxes."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task
from aurora_mm.visualization import drawer_of
from aurora_mm.visualization.canvas import Canvas


@pytest.mark.parametrize(('scores', 'caption'), [([], '0 boxes'), ([0.1, 0.2], '0 boxes'), ([0.9, 0.2], '1 box')])
def test_only_sure_boxes_are_drawn(scores, caption):
    task = Task('finds', 'multi_object_detection', classes=('nodule',))
    sample = TaskDataSample(metainfo=dict(task='finds'))
    boxes = torch.tensor([[4.0, 5.0, 20.0, 22.0], [30.0, 6.0, 40.0, 20.0]])[: len(scores)]
    sample.pred_instances = InstanceData(
        bboxes=boxes, scores=torch.tensor(scores), labels=torch.zeros(len(scores), dtype=torch.int64)
    )
    drawer = drawer_of(task)
    canvas = Canvas(np.full((30, 50, 3), 90, np.uint8), 1.0)
    assert drawer.draw(canvas, drawer.select(sample, 0.3), 'pred', task, 0.4) == caption
    assert bool((canvas.pixels != 90).any()) == (caption == '1 box')
    assert len(sample.pred_instances) == len(scores)
