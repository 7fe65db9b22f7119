"""The threads of torch in a verb, each verb in a process of its own, because OpenMP reads its variables once."""

import os
import subprocess
import sys

import pytest

_VERB = """
from aurora_mm.cli.command import command

@command(lambda parser: None)
def main(args):
    import torch
    print('threads:', torch.get_num_threads())

main([])
"""


def run_verb(**variables):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(('OMP_', 'GOMP_'))}
    return subprocess.run(
        [sys.executable, '-c', _VERB], env=inherited | variables, capture_output=True, text=True, check=True
    )


@pytest.mark.parametrize(
    ('variables', 'spins'),
    [({}, 0), (dict(OMP_WAIT_POLICY='ACTIVE'), None), (dict(GOMP_SPINCOUNT='77'), 77)],
)
def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(variables, spins):
    shown = run_verb(OMP_DISPLAY_ENV='VERBOSE', **variables).stderr
    counts = {int(line.split("'")[1]) for line in shown.splitlines() if 'GOMP_SPINCOUNT' in line}
    if not counts:
        pytest.skip("torch uses another OpenMP than GNU's, which shows no GOMP_SPINCOUNT")
    (count,) = counts
    assert count == spins if spins is not None else count > 77


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason='a machine with one core has no more threads than that')
@pytest.mark.parametrize(('variables', 'threads'), [({}, 1), (dict(OMP_NUM_THREADS='2'), 2)])
def test_a_container_with_the_time_of_one_core_has_one_thread_unless_the_user_says_otherwise(variables, threads):
    # joblib reads the limits of a container, and this variable as one more limit.
    assert f'threads: {threads}\n' in run_verb(LOKY_MAX_CPU_COUNT='1', **variables).stdout
