"""A training as a job of submitit, which is requeued when it is preempted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aurora_mm.errors import AuroraError, PreemptedError

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

_POLL = 0.2  # seconds
_WAIT_FOR_THE_END = 600  # seconds until a scheduler has surely ended the other processes of a requeued job


class TrainJob:
    """Runs ``aurora-mm train ... --resume`` as a process of its own, and follows submitit's protocol of checkpoints.

    Before a time limit or a preemption, Slurm sends a signal. submitit then calls :meth:`checkpoint` in the first
    process of the job and requeues the job; the requeued job goes on from the checkpoint.

    Args:
        arguments: Arguments of ``aurora-mm train``, without ``--resume``.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = list(arguments)
        self._child: subprocess.Popen[bytes] | None = None

    def __call__(self) -> str:
        """Train until the end.

        Returns:
            'trained'.

        Raises:
            AuroraError: If the training failed; its output says why.
        """
        command = [sys.executable, '-m', 'aurora_mm', 'train', *self.arguments, '--resume']
        self._child = subprocess.Popen(command)
        while self._child.poll() is None:
            time.sleep(_POLL)
        status = self._child.returncode
        if status == PreemptedError.exit_status:
            self._ask_to_be_requeued()
        if status:
            raise AuroraError(f'aurora-mm train ended with status {status}')
        return 'trained'

    def checkpoint(self) -> DelayedSubmission:
        """Let the training save and stop, and return the job that goes on; called by submitit in a signal handler."""
        from submitit.helpers import DelayedSubmission

        if self._child is not None:
            try:
                self._child.send_signal(signal.SIGUSR1)
                # Popen.wait would wait for a lock that the interrupted code may hold.
                os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOWAIT)
            except ChildProcessError:  # it has ended before
                pass
        return DelayedSubmission(TrainJob(self.arguments))

    def _ask_to_be_requeued(self) -> None:
        """Ask submitit to requeue the job, for a signal that only the training got."""
        from submitit import JobEnvironment

        environment = JobEnvironment()
        signal.raise_signal(environment._usr_sig())
        # Only reached in the other processes of the job: if one of them ended now, the first one could not requeue it.
        time.sleep(_WAIT_FOR_THE_END)
