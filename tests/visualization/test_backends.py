"""MMEngine's visualisation backends behind our visualiser, by config."""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from aurora_mm.registry import VISBACKENDS, VISUALIZERS
from tests.models.conftest import SEG, make_sample


def draw(backend, save_dir):
    """Scalars and a picture of a sample; MLflow's backend takes the name for a file's, so it has a suffix."""
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


def test_weights_and_biases_offline(tmp_path, monkeypatch):
    pytest.importorskip('wandb')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('WANDB_MODE', 'offline')
    draw(dict(type='WandbVisBackend', init_kwargs=dict(project='aurora_mm')), tmp_path)
    assert list(tmp_path.rglob('*.wandb'))


def test_mlflow_in_a_folder(tmp_path, monkeypatch):
    """Pictures go to the current folder unless it is told otherwise."""
    pytest.importorskip('mlflow')
    monkeypatch.chdir(tmp_path)
    uri = 'sqlite:///runs.db'
    backend = dict(type='MLflowVisBackend', exp_name='aurora_mm', tracking_uri=uri, artifact_location='pictures')
    draw(backend, tmp_path / 'out')
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name('aurora_mm').experiment_id])
    assert run.data.metrics['score'] == 0.25
    assert len(list(tmp_path.rglob('pictures/**/seg.png'))) == 1
    assert not (tmp_path / 'mlruns').exists()


@pytest.mark.parametrize('name', ['WandbVisBackend', 'MLflowVisBackend', 'TensorboardVisBackend', 'ClearMLVisBackend'])
def test_backends_are_found_from_our_scope(name):
    assert VISBACKENDS.get(name).__name__ == name
