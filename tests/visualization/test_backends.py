"""MMEngine's visualisation backends behind our visualiser, by config."""

import json
import math
import struct
import time

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from aurora_mm.errors import ConfigError
from aurora_mm.registry import VISBACKENDS, VISUALIZERS
from aurora_mm.visualization.tracking import track
from tests.models.conftest import SEG, make_sample


def draw(backend, save_dir):
    """Scalars and a picture of a sample."""
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        visualizer = VISUALIZERS.build(
            dict(type='MultiTaskVisualizer', name=str(save_dir), save_dir=str(save_dir), vis_backends=[backend])
        )
    visualizer.dataset_meta = dict(tasks=[SEG.to_config()])
    visualizer.add_config(Config(dict(work_dir=str(save_dir))))  # the Runner does so first
    visualizer.add_scalars({'task_loss/seg': 0.5, 'score': 0.25}, step=3)
    image = np.zeros((64, 64, 3), np.uint8)
    visualizer.add_datasample('seg.png', image, make_sample(SEG), draw_pred=False, step=3)
    visualizer.close()


def test_tensorboard(tmp_path):
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    draw(dict(type='TensorboardVisBackend'), tmp_path)
    (file,) = tmp_path.rglob('events.out.tfevents*')
    events = EventAccumulator(str(file)).Reload()
    (scalar,) = events.Scalars('task_loss/seg')
    assert (scalar.step, scalar.value) == (3, 0.5)
    assert events.Images('seg.png')[0].step == 3


def wandb_records(file):
    """Yield the records of an offline run: LevelDB's log format behind a header of 7 bytes."""
    content, place, whole = file.read_bytes(), 7, b''
    while place < len(content):
        if 32768 - place % 32768 < 7:  # the rest of a block
            place += 32768 - place % 32768
        _, length, kind = struct.unpack_from('<IHB', content, place)
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield whole
            whole = b''


def tracked(work_dir, tool):
    """The backend that `aurora-mm train --track` adds."""
    cfg = Config(dict(work_dir=str(work_dir), visualizer=dict(vis_backends=[dict(type='LocalVisBackend')])))
    track(cfg, [tool])
    track(cfg, [tool])
    local, backend = cfg.visualizer.vis_backends
    assert local.type == 'LocalVisBackend'
    return dict(backend)


def log_twice(work_dir, tool):
    """A training, and one that was resumed, with a picture at two steps each."""
    backend = tracked(work_dir, tool)
    for start, resume in enumerate((False, True)):
        with DefaultScope.overwrite_default_scope('aurora_mm'):
            cfg = dict(type='MultiTaskVisualizer', name=f'{work_dir}{start}', save_dir=str(work_dir / str(start)))
            visualizer = VISUALIZERS.build(cfg | dict(vis_backends=[backend]))
        visualizer.add_config(Config(dict(work_dir=str(work_dir), resume=resume, long='x' * 9000)))
        for step in (10 * start + 1, 10 * start + 2):
            visualizer.add_scalars(
                {'task_loss/seg': torch.tensor(step / 4), 'data': 'text', 'nan': math.nan}, step=step
            )
            visualizer.add_image('seg_1.png', np.full((4, 6, 3), step, np.uint8), step)
        visualizer.add_scalar('val/score', 0.5, step=start)  # an epoch, which is less than the steps so far
        visualizer.close()
        ended = int(time.time())
        while int(time.time()) == ended:  # W&B names the folder of a start by its second
            time.sleep(0.05)


@pytest.mark.long
def test_mlflow_keeps_every_picture_and_goes_on_with_its_run(tmp_path, monkeypatch):
    mlflow = pytest.importorskip('mlflow', reason='the extra [track] is not installed')
    monkeypatch.delenv('MLFLOW_TRACKING_URI', raising=False)
    monkeypatch.chdir(tmp_path)
    uri = mlflow.get_tracking_uri()
    log_twice(tmp_path / 'run', 'mlflow')
    client = mlflow.MlflowClient(f'sqlite:///{tmp_path}/run/mlflow.db')
    (run,) = client.search_runs([client.get_experiment_by_name('aurora_mm').experiment_id])
    assert (run.info.run_name, run.info.status) == ('run', 'FINISHED')
    history = [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, 'task_loss/seg')]
    assert history == [(1, 0.25), (2, 0.5), (11, 2.75), (12, 3.0)]
    assert [one.step for one in client.get_metric_history(run.info.run_id, 'val/score')] == [0, 1]
    pictures = sorted((tmp_path / 'run' / 'mlflow_files').rglob('seg_1+step+*.png'))
    assert {int(file.name.split('+')[2]): cv2.imread(str(file))[0, 0, 0] for file in pictures} == {
        1: 1,
        2: 2,
        11: 11,
        12: 12,
    }
    assert mlflow.get_tracking_uri() == uri
    assert sorted(path.name for path in tmp_path.iterdir()) == ['run'], 'nothing is written elsewhere'


@pytest.mark.long
def test_wandb_keeps_the_steps_and_goes_on_with_its_run(tmp_path, monkeypatch):
    pytest.importorskip('wandb', reason='the extra [track] is not installed')
    from wandb.proto import wandb_internal_pb2

    monkeypatch.delenv('WANDB_MODE', raising=False)
    monkeypatch.chdir(tmp_path)
    log_twice(tmp_path / 'run', 'wandb')
    files = sorted((tmp_path / 'run').rglob('*.wandb'))
    assert len({file.name for file in files}) == 1, 'both have the id of one run'
    logged, pictures = [], 0
    for file in sorted(files, key=lambda file: file.stat().st_mtime_ns):
        for data in wandb_records(file):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            row = {item.key or '/'.join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            pictures += 'seg_1' in row or 'seg_1/_type' in row
            if 'task_loss/seg' in row:
                logged.append((row['step'], row['task_loss/seg']))
    assert logged == [(1, 0.25), (2, 0.5), (11, 2.75), (12, 3.0)]
    assert pictures == 4
    assert len(list((tmp_path / 'run').rglob('seg_1*.png'))) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ['run'], 'nothing is written elsewhere'


def test_tracking_without_the_package(monkeypatch):
    monkeypatch.setattr('aurora_mm.extras.find_spec', lambda name: None)
    with pytest.raises(ConfigError, match=r'--track wandb needs wandb: pip install .*aurora_mm\[track\]'):
        track(Config(dict(work_dir='x', visualizer=dict())), ['wandb'])


@pytest.mark.parametrize('name', ['WandbVisBackend', 'MLflowVisBackend', 'TensorboardVisBackend', 'ClearMLVisBackend'])
def test_backends_are_found_from_our_scope(name):
    assert VISBACKENDS.get(name).__name__ == name
