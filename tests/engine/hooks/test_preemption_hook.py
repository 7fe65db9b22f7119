"""A training that is stopped by a real signal and resumed equals one that was never stopped, bit for bit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from mmengine.hooks import Hook

from aurora_mm.apis import last_checkpoint
from aurora_mm.checkpoints import load_checkpoint_file
from aurora_mm.engine import PreemptionHook
from aurora_mm.engine.stop_signals import StopSignals
from aurora_mm.errors import ConfigError
from tests.fixtures.stopped_training import SignalAt, assert_same_checkpoint, logged, read, run, stopped
from tests.fixtures.waiting import LONG

SURGERY = dict(type='GradientSurgeryOptimWrapper', combiner=dict(type='PCGradCombiner'))


@pytest.fixture(scope='module')
def unbroken(generated, tmp_path_factory):
    folder = tmp_path_factory.mktemp('unbroken')
    run(read(folder, generated))
    return folder


def checkpoints(folder):
    return sorted(file.name for file in folder.glob('*.pth') if not file.name.startswith('best'))


@pytest.mark.parametrize(
    ('hook', 'left'),
    [
        (SignalAt(1), 'iter_1.pth'),  # within an accumulation
        (SignalAt(4, number=signal.SIGTERM), 'iter_4.pth'),
        (SignalAt(5), 'epoch_1.pth'),  # the last step of an epoch
        (SignalAt(7), 'iter_7.pth'),  # in the second epoch, within an accumulation that began in the first
        (SignalAt(10), 'epoch_2.pth'),
        (SignalAt(validation=True), 'epoch_1.pth'),
    ],
    ids=['accumulation', 'SIGTERM', 'end', 'second', 'last', 'validation'],
)
@pytest.mark.long
def test_a_stopped_run_ends_as_an_unbroken_one(hook, left, unbroken, generated, tmp_path):
    message = stopped(read(tmp_path, generated), hook)
    assert message.startswith(f'stopped by {signal.Signals(hook.number).name} after step ')
    assert message.endswith(f'add --resume to go on from {tmp_path / left}')
    assert last_checkpoint(tmp_path) == tmp_path / left
    resumed = tmp_path / 'resumed'  # not to mix two starts of the same second
    run(read(resumed, generated), resume=tmp_path / left)
    ended = tmp_path if left == 'epoch_2.pth' else resumed
    assert_same_checkpoint(unbroken / 'epoch_2.pth', ended / 'epoch_2.pth')
    assert logged(tmp_path) + logged(resumed) == logged(unbroken)


@pytest.mark.long
def test_a_run_that_is_stopped_again_and_again_ends_as_an_unbroken_one(unbroken, generated, tmp_path):
    """In one folder, from which the checkpoints of unfinished epochs vanish."""
    stopped(read(tmp_path, generated), SignalAt(2))
    stopped(read(tmp_path, generated), SignalAt(3), resume=last_checkpoint(tmp_path))
    assert checkpoints(tmp_path) == ['iter_3.pth']
    stopped(read(tmp_path, generated), SignalAt(8), resume=last_checkpoint(tmp_path))
    assert checkpoints(tmp_path) == ['epoch_1.pth', 'iter_8.pth']
    run(read(tmp_path, generated), resume=last_checkpoint(tmp_path))
    assert checkpoints(tmp_path) == checkpoints(unbroken) == ['epoch_1.pth', 'epoch_2.pth']
    assert_same_checkpoint(unbroken / 'epoch_2.pth', tmp_path / 'epoch_2.pth')


@pytest.mark.long
def test_gradient_surgery_keeps_its_gradients_and_cosines(generated, tmp_path):
    run(read(tmp_path / 'unbroken', generated, SURGERY))
    stopped(read(tmp_path / 'stopped', generated, SURGERY), SignalAt(3))
    content = load_checkpoint_file(tmp_path / 'stopped/iter_3.pth')['optimizer']
    assert {'pending', 'cosines'} <= content.keys()
    run(read(tmp_path / 'resumed', generated, SURGERY), resume=tmp_path / 'stopped/iter_3.pth')
    assert_same_checkpoint(tmp_path / 'unbroken/epoch_2.pth', tmp_path / 'resumed/epoch_2.pth')
    assert logged(tmp_path / 'stopped') + logged(tmp_path / 'resumed') == logged(tmp_path / 'unbroken')


def test_an_epoch_without_a_checkpoint_of_its_own_gets_one(generated, tmp_path):
    stopped(read(tmp_path, generated, interval=9), SignalAt(5))
    assert checkpoints(tmp_path) == ['epoch_1.pth']


def test_a_validation_goes_on_where_its_epoch_has_no_checkpoint(generated, tmp_path):
    message = stopped(read(tmp_path, generated, interval=9), SignalAt(validation=True))
    assert 'after step 6' in message
    assert load_checkpoint_file(tmp_path / 'iter_6.pth')['message_hub']['runtime_info']['last_validated_epoch'] == 1


def test_workers_outlive_a_signal_to_all_processes(unbroken, generated, tmp_path):
    cfg = read(tmp_path, generated)
    cfg.train_dataloader.num_workers = 1

    class ToWorkers(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if batch_idx == 1:
                for worker in torch.multiprocessing.active_children():
                    for name in ('TERM', 'USR1'):  # sent by another process, as a scheduler does
                        subprocess.run(['kill', f'-{name}', str(worker.pid)], check=True)

    run(cfg, ToWorkers())
    assert_same_checkpoint(unbroken / 'epoch_2.pth', tmp_path / 'epoch_2.pth')


def test_handlers_are_as_before(unbroken, generated, tmp_path):
    """After a training, after a stop and after an error."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1)

    class Broken(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            assert signal.getsignal(signal.SIGTERM) != before[0]
            raise ValueError('broken')

    with pytest.raises(ValueError, match='broken'):
        run(read(tmp_path, generated), Broken())
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1)) == before


def test_a_run_that_cannot_go_on_within_an_epoch_waits_for_no_signal(generated, tmp_path):
    cfg = read(tmp_path, generated)
    cfg.train_cfg.type = 'mmengine.EpochBasedTrainLoop'
    (hook,) = (hook for hook in run(cfg).hooks if isinstance(hook, PreemptionHook))
    assert not hook._active
    (log,) = tmp_path.glob('*/*.log')
    assert 'cannot go on within an epoch, so it does not wait for signals' in log.read_text()


def test_another_batch_size_within_an_epoch_is_refused(generated, tmp_path):
    stopped(read(tmp_path, generated), SignalAt(2))
    with pytest.raises(ConfigError, match='from within an epoch and cannot be resumed with another batch size'):
        run(read(tmp_path, generated, batch_size=4), resume=tmp_path / 'iter_2.pth')


def test_another_thread_installs_no_handler():
    signals = StopSignals(['SIGUSR1'])
    thread = threading.Thread(target=signals.watch)
    before = signal.getsignal(signal.SIGUSR1)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGUSR1) == before


def test_a_signal_of_another_platform_is_left_out():
    signals = StopSignals(['SIGNONE', 'SIGUSR1'])
    signals.watch()
    os.kill(os.getpid(), signal.SIGUSR1)
    signals.release()
    assert signals.received == 'SIGUSR1'


def fail(*_):
    sys.exit(143)


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='nothing is forked here')
@pytest.mark.parametrize('handler', [signal.SIG_DFL, fail])
def test_a_process_that_is_forked_meanwhile_ends_by_the_signals(handler):
    """Pools, such as that of mmdet's VOCMetric in a validation, end their processes by SIGTERM and wait for them."""
    before = signal.signal(signal.SIGTERM, handler)
    signals = StopSignals(['SIGTERM'])
    signals.watch()
    try:
        for _ in range(20):  # the signal comes early in the life of the process
            child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(LONG,))
            child.start()
            child.terminate()
            child.join(LONG)
            assert child.exitcode == -signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) == signals._note
        assert signals.received is None
    finally:
        signals.release()
        assert signal.signal(signal.SIGTERM, before) == handler
