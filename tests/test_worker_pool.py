"""Workers of a pool end with the process that made them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import torch

from aurora_mm.worker_pool import worker_pool

_MAKES_A_POOL = """
import os, time
from aurora_mm.worker_pool import worker_pool

if __name__ == '__main__':
    pool = worker_pool(2)
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(600)
"""


def threads(_):
    return cv2.getNumThreads(), torch.get_num_threads()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f'/proc/{pid}/stat')
    return not stat.exists() or stat.read_text().rpartition(')')[2].split()[0] != 'Z'


def test_a_worker_computes_with_one_thread():
    with worker_pool(1) as pool:
        assert list(pool.map(threads, range(2))) == [(1, 1), (1, 1)]


def test_workers_end_with_a_process_that_is_killed(tmp_path):
    script = tmp_path / 'makes_a_pool.py'
    script.write_text(_MAKES_A_POOL)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as maker:
        worker = int(maker.stdout.readline())
        assert is_alive(worker)
        maker.send_signal(signal.SIGKILL)
    ends = time.monotonic() + 60
    while is_alive(worker) and time.monotonic() < ends:
        time.sleep(0.1)
    assert not is_alive(worker)
