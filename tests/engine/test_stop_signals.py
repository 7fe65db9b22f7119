import signal
import subprocess
import sys

import pytest

SCRIPT = """
import functools, signal, sys
from torch.utils.data import DataLoader
from aurora_mm.engine.hooks.preemption_hook import _start_worker
from aurora_mm.engine.stop_signals import StopSignals, kill_workers_at_exit


class Items:
    def __len__(self):
        return 4

    def __getitem__(self, index):
        if len(sys.argv) > 2 and index == 1:
            raise ValueError('no such item')
        return index


if __name__ == '__main__':
    kill_workers_at_exit()
    init = functools.partial(_start_worker, StopSignals(['SIGTERM', 'SIGUSR1']), None)
    loader = DataLoader(
        Items(),
        num_workers=1,
        persistent_workers=True,
        worker_init_fn=init,
        multiprocessing_context=sys.argv[1],
        collate_fn=list,
    )
    batches = iter(loader)
    print(next(batches))
    for worker in batches._workers:
        worker.terminate()  # which they ignore
    print(list(batches))
"""


@pytest.mark.parametrize('context', ['fork', 'spawn'])
@pytest.mark.skipif(not hasattr(signal, 'SIGUSR1'), reason='the platform has no such signals')
def test_a_process_ends_though_its_workers_ignore_signals(context, tmp_path):
    """Multiprocessing ends them by SIGTERM and waits for them, so that it would wait for ever."""
    script = tmp_path / 'script.py'
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), context]
    whole, failing = (
        subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=300)
        for more in ([], ['fails'])
    )
    assert (whole.returncode, whole.stdout) == (0, '[0]\n[[1], [2], [3]]\n')
    assert whole.stderr == ''
    assert failing.returncode == 1
    assert failing.stderr.rstrip().endswith('ValueError: no such item')
