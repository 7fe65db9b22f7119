"""The small model of a page without a model."""

import subprocess

import pytest

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.errors import AuroraError
from aurora_mm.version import __version__
from aurora_mm.web import phantom_model as module
from aurora_mm.web.phantom_model import TASKS, phantom_model


def test_it_is_trained_once(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    file = tmp_path / 'aurora_mm' / f'phantom_model_{__version__}.pth'
    file.parent.mkdir()
    file.write_bytes(b'kept')
    monkeypatch.setattr(subprocess, 'run', lambda *_, **__: pytest.fail('trained again'))
    assert phantom_model() == file


def test_a_training_that_fails_leaves_no_model(tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'make_dataset', lambda *_, **__: None)
    monkeypatch.setattr(subprocess, 'run', lambda command, **_: subprocess.CompletedProcess(command, 1))
    with pytest.raises(AuroraError, match='could not be trained'):
        phantom_model(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_model_that_is_trained_here(tmp_path):
    file = phantom_model(tmp_path, images=2, epochs=1)
    assert tuple(MultiTaskInferencer(file, device='cpu').tasks) == TASKS
    assert list(tmp_path.iterdir()) == [file]
