"""What the script makes of its arguments; whole runs are in tests/test_chain.py."""

import importlib.util
from pathlib import Path

import pytest
from mmengine.runner import Runner

from aurora_mm.datasets.synthetic import make_dataset
from aurora_mm.tasks import TaskTable

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Runs the script up to the training itself, and gives the config that it would run with."""
    spec = importlib.util.spec_from_file_location('train_tool', REPO / 'tools/train.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    make_dataset(tmp_path / 'data', TaskTable([dict(name='find', type='detection', classes=['a'])]), images_per_task=2)
    met = []

    class NoTraining:
        def train(self):
            """Ends at once."""

    monkeypatch.setattr(Runner, 'from_cfg', lambda cfg: met.append(cfg) or NoTraining())

    def run(*args):
        module.main([f'{REPO}/configs/aurora_fmc_demo.py', '--data-root', str(tmp_path / 'data'), *args])
        return met[-1]

    return run


@pytest.mark.parametrize('kind', ['OptimWrapper', 'AccumulatingOptimWrapper', 'AutocastOptimWrapper'])
def test_amp_autocasts_whatever_was_in_full_precision(configured, kind):
    cfg = configured('--amp', '--cfg-options', f'optim_wrapper.type={kind}')
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.on_cpu) == ('AutocastOptimWrapper', True)


def test_amp_keeps_a_wrapper_that_can_autocast(configured):
    cfg = configured('--amp', '--cfg-options', 'optim_wrapper.type=GradientSurgeryOptimWrapper')
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.on_cpu) == ('GradientSurgeryOptimWrapper', True)


@pytest.mark.parametrize('kind', ['AmpOptimWrapper', 'NoSuchWrapper'])
def test_amp_refuses_a_wrapper_that_is_not_its_own(configured, capsys, kind):
    with pytest.raises(SystemExit):
        configured('--amp', '--cfg-options', f'optim_wrapper.type={kind}')
    assert f'--amp cannot give {kind}' in capsys.readouterr().err
