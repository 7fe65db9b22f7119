"""How many threads torch computes with, and how they wait for work."""

from __future__ import annotations

import os


def set_threads() -> None:
    """Set the environment variables that OpenMP reads when torch is imported, where the user has not set them.

    ``OMP_NUM_THREADS``: torch starts a thread for each core of the machine, also in a container that may use the time
    of only a few of them; there it is the number of those.

    ``OMP_WAIT_POLICY``: by default threads that wait for work keep their cores busy, so that two runs on the same cores
    hold up each other. These sleep. ``benchmarks/busy_cores.py`` measures it.
    """
    from joblib import cpu_count

    if cpu_count() < (os.cpu_count() or 1):
        os.environ.setdefault('OMP_NUM_THREADS', str(cpu_count()))
    if 'GOMP_SPINCOUNT' not in os.environ:  # GNU's own variable, which the other one would not change
        os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
