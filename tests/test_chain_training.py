"""The ways to train beyond one process and one run, as a user runs them."""

import json
import os
import subprocess
import sys

import pytest

from tests.fixtures.verbs import run, run_apart
from tests.fixtures.waiting import LONG
from tests.test_chain import folder, state  # noqa: F401  folder is a fixture

pytestmark = pytest.mark.slow


def torchrun(verb, *args):
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2']
    command += ['-m', 'aurora_mm', verb, *map(str, args), '--launcher', 'pytorch']
    env = os.environ | {'OMP_NUM_THREADS': '1'}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_two_processes_train_and_score_as_one(folder, tmp_path):  # noqa: F811
    config, data, work_dir = folder / 'config.py', folder / 'data', tmp_path / 'train'
    torchrun('train', config, '--data-root', data, '--work-dir', work_dir)
    checkpoint = work_dir / 'epoch_3.pth'
    assert state(work_dir)['tracker.seen'].sum() == 2 * 3 * 5 * 4  # ranks, epochs, batches, images
    torchrun('test', config, checkpoint, '--data-root', data, '--out-dir', tmp_path / 'two', '--overlays', '0')
    run('test', config, checkpoint, '--data-root', data, '--out-dir', tmp_path / 'one', '--overlays', '0')
    one, two = (json.loads((tmp_path / name / 'metrics.json').read_text()) for name in ('one', 'two'))
    assert one['score'] == pytest.approx(two['score'], abs=1e-5)
    assert one['tasks'].keys() == two['tasks'].keys()
    for task, scores in one['tasks'].items():  # rounding differs with the images that share a batch
        assert scores == pytest.approx(two['tasks'][task], rel=1e-4, abs=1e-5), task


def test_flexible_runner_trains_as_the_runner_does(folder, tmp_path):  # noqa: F811
    """What the FSDP config needs of the hooks, without FSDP."""
    args = ('--data-root', folder / 'data', '--cfg-options', 'optim_wrapper.accumulative_counts=1')
    run_apart('train', folder / 'config.py', '--work-dir', tmp_path / 'runner', *args)
    flexible = ('runner_type=FlexibleRunner', 'strategy.type=SingleDeviceStrategy')
    run_apart('train', folder / 'config.py', '--work-dir', tmp_path / 'flexible', *args, *flexible)
    first, second = state(tmp_path / 'runner'), state(tmp_path / 'flexible')
    assert first.keys() == second.keys()
    assert all((first[name] == second[name]).all() for name in first)


def test_a_search_for_weights_and_a_comparison_of_its_trials(folder, tmp_path):  # noqa: F811
    args = (folder / 'config.py', '--data-root', folder / 'data', '--out', tmp_path, '--trials', '2')
    output = run_apart('search-weights', *args, '--epochs', '1', '3', '--keep', '0.5')
    assert (tmp_path / 'search.md').read_text() in output
    assert "type='FixedLossBalancer'" in output
    trials = json.loads((tmp_path / 'search.json').read_text())
    assert sorted(len(trial['scores']) for trial in trials) == [1, 2]
    again = run_apart('search-weights', *args, '--epochs', '1', '3', '--keep', '0.5')
    assert (tmp_path / 'search.md').read_text() in again
    assert 'Epoch(train)' not in again
    settings = json.loads((tmp_path / 'settings.json').read_text())
    assert (settings['--trials'], settings['--seed']) == (2, 0)
    runs = [tmp_path / trial['name'] for trial in trials]
    output = run('compare', *runs, '--out', tmp_path / 'compare')
    assert '| score at the best validation | trial_00 | trial_01 |' in output
    assert (tmp_path / 'compare' / 'compare.png').stat().st_size > 10_000
