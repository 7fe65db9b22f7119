"""Signals that ask a process to stop, and the agreement of several processes on the step after which they do."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist
from mmengine.dist import get_world_size


class StopSignals:
    """Notes signals instead of letting them end the process.

    Processes that are forked meanwhile, such as those of a pool, end by these signals, unless they were ignored before.

    Args:
        names: Names of the signals, such as 'SIGTERM'. Those that the platform does not have are left out.

    Attributes:
        received (str | None): Name of the first signal that came, None before.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.received: str | None = None
        self._signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._before: dict[int, Any] = {}

    def watch(self) -> None:
        """Install the handlers. Python only allows that in the main thread; in another one, nothing is done."""
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._note) for each in self._signals}
            _watching.append(self)

    def release(self) -> None:
        """Install the handlers that were there before."""
        if self in _watching:
            _watching.remove(self)
        for each, handler in self._before.items():
            signal.signal(each, handler)
        self._before = {}

    def start_forked(self) -> None:
        """Let these signals end this process, which was just forked from one that notes them."""
        _watching.remove(self)
        for each, handler in self._before.items():
            # A handler in Python could raise here, where Python ignores errors.
            signal.signal(each, signal.SIG_IGN if handler == signal.SIG_IGN else signal.SIG_DFL)
        self._before = {}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._signals)

    def ignore(self) -> None:
        """Ignore the signals in this process; for workers, to which a scheduler may send them as well.

        The main process ends its workers by SIGTERM when it ends itself, and waits for them. So it must call
        :func:`kill_workers_at_exit`.
        """
        for each in self._signals:
            signal.signal(each, signal.SIG_IGN)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received = signal.Signals(number).name


def kill_workers_at_exit() -> None:
    """Have this process kill its daemonic processes when it ends, such as workers that ignore signals."""
    atexit.unregister(_kill_workers)
    atexit.register(_kill_workers)  # runs before the function of multiprocessing, which waits for them


def _kill_workers() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler would raise an error about killed workers
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()


# Python drops a signal that comes to a forked process before it can run a handler, and whoever sent it, such as a pool
# that ends, then waits forever. So the signals are blocked until they end the forked process.
_watching: list[StopSignals] = []


def _block() -> None:
    for one in _watching:
        signal.pthread_sigmask(signal.SIG_BLOCK, one._signals)


def _unblock() -> None:
    for one in _watching:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, one._signals)


def _start_child() -> None:
    for one in list(_watching):
        one.start_forked()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_start_child)


class RankAgreement:
    """Tells all ranks at the same step that one of them wants to stop.

    The ranks exchange a number on the CPU, through a gloo group of their own. No rank waits for it: the exchange of one
    step is read at the next. With a single process nothing is exchanged.
    """

    def __init__(self) -> None:
        self._group = dist.new_group(backend='gloo') if get_world_size() > 1 else None
        self._flag: torch.Tensor | None = None
        self._work: Any = None

    def ask(self, wish: bool) -> bool:
        """Tell the other ranks whether this one wants to stop; every rank must call it at every step.

        Args:
            wish: Whether this rank wants to stop.

        Returns:
            Whether any rank had wanted to stop at the step before, the same on all ranks.
        """
        if self._group is None:
            return wish
        before = self.answer()
        self._flag = torch.tensor([int(wish)], device='cpu')
        self._work = dist.all_reduce(self._flag, dist.ReduceOp.MAX, group=self._group, async_op=True)
        return before

    def answer(self) -> bool:
        """Wait for the exchange of the last :meth:`ask`; the same on all ranks, False if there is none."""
        if self._work is None:
            return False
        self._work.wait()
        self._work = None
        return bool(self._flag)

    def wait_for_all(self) -> None:
        """Wait until every rank has called this method."""
        if self._group is not None:
            dist.barrier(group=self._group)

    def close(self) -> None:
        """Remove the group."""
        if self._group is not None:
            dist.destroy_process_group(self._group)
            self._group = None
