"""Signals to real processes: a training on several ranks stops as one, and goes on on as many or on fewer."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from mmengine.hooks import Hook

from aurora_mm.apis import last_checkpoint
from aurora_mm.checkpoints import load_checkpoint_file
from aurora_mm.errors import ConfigError
from tests.faults import jobs
from tests.faults.test_command_line import CONFIG, LONG, start  # noqa: F401
from tests.fixtures.stopped_training import STEPS, SignalAt, assert_same_checkpoint, read, run, stopped

pytestmark = pytest.mark.long


class Record(Hook):
    """Writes the images of each step, with what augmentation made of them; without dropout, which differs by rank."""

    def __init__(self, file):
        self.file, self.steps = file, {}

    def before_train(self, runner):
        for module in runner.model.modules():
            if isinstance(module, torch.nn.Dropout | torch.nn.Dropout2d):
                module.p = 0.0

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        sums = [round(image.double().sum().item(), 6) for image in data_batch['inputs']]
        names = [f'{sample.img_path} {",".join(task.task for task in sample)}' for sample in data_batch['data_samples']]
        self.steps[runner.iter] = list(zip(names, sums, strict=True))

    def after_loop(self, runner):
        self.file.write_text(json.dumps(self.steps))


def train_on_ranks(rank: int, ranks: int, folder: Path, data: Path, jobs_to_do: dict[str, tuple]) -> None:
    """Trains in one process of several: by name of the run, the step of a signal to the last rank, and the start."""
    jobs.log_to(folder / f'{ranks}_{rank}.log')
    os.environ['LOCAL_RANK'] = str(rank)
    dist.init_process_group('gloo', init_method=f'file://{folder}/store_{ranks}', rank=rank, world_size=ranks)
    for name, (signal_at, resume) in jobs_to_do.items():
        cfg = read(folder / name, data)
        hooks = [Record(folder / f'{name}_{rank}.json')]
        begin = None if resume is None else folder / resume
        if signal_at is None:
            run(cfg, *hooks, resume=begin)
        else:
            stopped(cfg, *hooks, *([SignalAt(signal_at)] if rank == ranks - 1 else []), resume=begin)
        dist.barrier()
    dist.destroy_process_group()


def on_ranks(server, ranks, folder, data, **jobs_to_do):
    processes = [
        server.Process(target=train_on_ranks, args=(rank, ranks, folder, data, jobs_to_do)) for rank in range(ranks)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(LONG)
        process.kill()
    assert [process.exitcode for process in processes] == [0] * ranks, (folder / f'{ranks}_0.log').read_text()[-3000:]


@pytest.fixture(scope='module')
def folder(server, generated, tmp_path_factory):
    """Runs on four ranks, and one of them resumed on two."""
    made = tmp_path_factory.mktemp('ranks')
    runs = dict(unbroken=(None, None), stopped=(6, None), resumed=(None, 'stopped/iter_8.pth'))
    on_ranks(server, 4, made, generated, **runs)
    on_ranks(server, 2, made, generated, fewer=(None, 'stopped/iter_8.pth'), epoch=(None, 'unbroken/epoch_1.pth'))
    return made


def images(folder, name, ranks):
    """The images of all ranks, in the order of the ranks, by step."""
    found = [json.loads((folder / f'{name}_{rank}.json').read_text()) for rank in range(ranks)]
    assert all(of_rank.keys() == found[0].keys() for of_rank in found), 'every rank made the same steps'
    return {int(step): [tuple(one) for of_rank in found for one in of_rank[step]] for step in found[0]}


def test_all_ranks_stop_after_the_same_update(folder):
    """The signal comes at step 6; the others hear of it at 7, and an update is made at 8."""
    assert sorted(images(folder, 'stopped', 4)) == list(range(8))
    assert last_checkpoint(folder / 'stopped').name == 'iter_8.pth'
    meta = load_checkpoint_file(folder / 'stopped/iter_8.pth')['meta']
    assert (meta['epoch'], meta['iter'], meta['position']['steps']) == (1, 8, 3)
    assert len(meta['position']['random_states']) == 4


def test_as_many_ranks_end_as_an_unbroken_run(folder):
    assert_same_checkpoint(folder / 'unbroken/epoch_2.pth', folder / 'resumed/epoch_2.pth')


@pytest.mark.parametrize(('name', 'begun'), [('fewer', 8), ('epoch', STEPS)])
def test_fewer_ranks_see_the_same_images(folder, name, begun):
    """The same images with the same augmentation in the same step, twice as many on each rank."""
    whole, fewer = images(folder, 'unbroken', 4), images(folder, name, 2)
    assert fewer == {step: batch for step, batch in whole.items() if step >= begun}
    assert all(len(batch) == 4 * 2 for batch in fewer.values())
    tasks = [Counter(one.rpartition(' ')[2] for step in steps.values() for one, _ in step) for steps in (whole, fewer)]
    assert tasks[0].total() == 2 * STEPS * 8
    first, second = (load_checkpoint_file(folder / f'{run}/epoch_2.pth') for run in ('unbroken', name))
    for key in ('images_drawn',):
        assert first['message_hub']['runtime_info'][key] == second['message_hub']['runtime_info'][key]
    assert first['state_dict']['tracker.seen'].tolist() == second['state_dict']['tracker.seen'].tolist()
    assert (second['meta']['drawn_for'], second['meta']['ranks']) == ([4, 2], 2)
    assert first['meta']['iter'] == second['meta']['iter']
    assert_close(first['state_dict'], second['state_dict'])
    rates = [checkpoint['message_hub']['log_scalars']['train/lr'].data[0] for checkpoint in (first, second)]
    assert rates[0].tolist() == rates[1].tolist()


def assert_close(first, second):
    for name, value in first.items():
        assert torch.allclose(value.double(), second[name].double(), rtol=1e-3, atol=2e-3, equal_nan=True), name


def test_a_number_of_ranks_that_does_not_fit_is_refused(folder, generated, monkeypatch, tmp_path):
    monkeypatch.setattr('aurora_mm.datasets.samplers.task_aware_batch_sampler.get_dist_info', lambda: (0, 3))
    with pytest.raises(ConfigError, match='takes 8 images a step, and 3 ranks cannot share them equally'):
        run(read(tmp_path, generated), resume=folder / 'unbroken/epoch_1.pth')


def test_the_command_ends_with_its_own_status_and_goes_on(start, generated, tmp_path):  # noqa: F811
    config, out = tmp_path / 'tiny.py', tmp_path / 'run'
    config.write_text(CONFIG.replace('num_batches=2', 'num_batches=20').replace('val_interval=1', 'val_interval=99'))
    args = ('train', config, '--data-root', generated, '--work-dir', out)
    process, log = start(*args, '--cfg-options', 'train_cfg.max_epochs=99', 'default_hooks.logger.interval=1')
    for _ in range(LONG * 10):  # until some steps are made
        files = list(out.glob('*/vis_data/scalars.json'))
        if not process.is_alive() or (files and len(files[0].read_text().splitlines()) > 3):
            break
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGTERM)
    process.join(LONG)
    assert process.exitcode == 75, log.read_text()
    last = last_checkpoint(out)
    assert 'stopped by SIGTERM after step ' in log.read_text()
    assert f'add --resume to go on from {last}' in log.read_text()
    meta = load_checkpoint_file(last)['meta']
    options = [f'train_cfg.max_epochs={meta["epoch"] + 1}', 'default_hooks.logger.interval=1']
    process, log = start(*args, '--resume', '--cfg-options', *options)
    process.join(LONG)
    assert process.exitcode == 0, log.read_text()
    lines = [
        json.loads(line) for f in sorted(out.glob('*/vis_data/scalars.json')) for line in f.read_text().splitlines()
    ]
    steps = [line['step'] for line in lines if 'loss' in line]
    assert steps == list(range(1, 20 * (meta['epoch'] + 1) + 1)), 'each step is logged once'
