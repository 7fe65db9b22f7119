from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData

from aurora_mm.engine import ValidationPicturesHook
from aurora_mm.registry import VISUALIZERS
from aurora_mm.structures import MultiTaskDataSample
from tests.models.conftest import SEG, make_sample


def run(folder, backends, validations=2):
    """Validations of two batches of two images; the visualiser."""
    cv2.imwrite(str(folder / 'image.png'), np.full((64, 64, 3), 90, np.uint8))
    sample = make_sample(SEG, ori_shape=(64, 64), frame='original')
    sample.set_metainfo(dict(img_path=str(folder / 'image.png')))
    sample.pred_sem_seg = PixelData(data=torch.ones(1, 64, 64, dtype=torch.long))
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        visualizer = VISUALIZERS.build(
            dict(type='MultiTaskVisualizer', name=str(folder), save_dir=str(folder / 'vis'), vis_backends=backends)
        )
    visualizer.dataset_meta = dict(tasks=[SEG.to_config()])
    hook = ValidationPicturesHook(per_task=3)
    for validation in range(1, validations + 1):
        runner = SimpleNamespace(visualizer=visualizer, iter=10 * validation)
        hook.before_val_epoch(runner)
        for batch in range(2):
            hook.after_val_iter(runner, batch, None, [MultiTaskDataSample([sample])] * 2)
    visualizer.close()


def test_tensorboard_gets_the_same_images_at_each_validation(tmp_path):
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(tmp_path, [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
    (file,) = tmp_path.rglob('events.out.tfevents*')
    events = EventAccumulator(str(file)).Reload()
    names = [f'{SEG.name}_{number}.png' for number in (1, 2, 3)]
    assert sorted(events.Tags()['images']) == names
    assert [event.step for event in events.Images(names[0])] == [10, 20]


def test_files_alone_get_none(tmp_path):
    run(tmp_path, [dict(type='LocalVisBackend')])
    assert not list((tmp_path / 'vis').rglob('*.png'))
