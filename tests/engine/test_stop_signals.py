import functools
import os
import signal
import subprocess
import sys
import time

import pytest
from torch.utils.data import DataLoader

from aurora_mm.engine.hooks.preemption_hook import _start_worker
from aurora_mm.engine.stop_signals import StopSignals


@pytest.mark.parametrize('context', ['fork', 'spawn'])
@pytest.mark.skipif(not hasattr(signal, 'sigwaitinfo'), reason='the platform does not tell who sent a signal')
def test_a_worker_ends_by_a_signal_of_its_main_process_alone(context):
    """A scheduler may send the signal to workers too, and a main process that exits joins workers that it ended."""
    init = functools.partial(_start_worker, StopSignals(['SIGTERM', 'SIGUSR1']), os.getpid(), None)
    loader = DataLoader(
        range(4), num_workers=1, persistent_workers=True, worker_init_fn=init, multiprocessing_context=context
    )
    batches = iter(loader)
    next(batches)
    worker = batches._workers[0]
    for number in (signal.SIGTERM, signal.SIGUSR1):
        send = f'import os; os.kill({worker.pid}, {int(number)})'
        subprocess.run([sys.executable, '-c', send], check=True)
    time.sleep(0.5)
    assert worker.is_alive()
    assert len(list(loader)) == 4
    worker.terminate()
    worker.join(timeout=20)
    assert worker.exitcode == 0
