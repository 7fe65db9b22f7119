"""Processes that work on the items of a list."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection

import cv2
import torch


def worker_pool(workers: int | None) -> ProcessPoolExecutor:
    """Make a pool of processes, each with one thread of OpenCV and of torch.

    Each is a fresh interpreter: a fork of a process that has threads, such as OpenCV's, may hang. They end with the
    process that made them, also if it is killed; the pool's own workers would wait for it without end.

    Args:
        workers: Number of processes; None makes as many as there are cores.
    """
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context('spawn'), initializer=_begin)


def _begin() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
