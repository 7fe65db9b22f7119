"""Submit a training to Slurm; it is requeued and goes on after a preemption or the time limit.

aurora-mm submit --gpus 8 --cpus 8 --time 1440 -- configs/aurora_fmc.py --data-root DATA
aurora-mm submit --nodes 2 --gpus 8 --slurm partition=gpu account=us -- configs/aurora_fmc.py --data-root DATA
aurora-mm submit --cluster local -- configs/aurora_fmc_demo.py --data-root DATA        # tried out on this machine

What follows -- are the arguments of `aurora-mm train`. They, the data and the weights are checked before the job is
submitted. One process is started for each GPU. Needs submitit: pip install 'aurora_mm[scale]'. See docs/scaling.md.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.strict_parser import StrictParser
from aurora_mm.cli.verbs import train
from aurora_mm.errors import AuroraError, ConfigError

# Options of sbatch that follow from others, or that requeueing needs.
_OWN = (
    'nodes', 'ntasks_per_node', 'gpus_per_node', 'cpus_per_task', 'time', 'job_name', 'signal', 'output', 'error',
    'array', 'open_mode', 'ntasks', 'gpus', 'gpus_per_task', 'gres', 'cpus_per_gpu', 'requeue', 'no_requeue', 'wrap',
)  # fmt: skip
_KEY = re.compile(r'[A-Za-z]+([_-][A-Za-z]+)+|[A-Za-z]{2,}')  # of a long option of sbatch
_MOST = 100_000  # of anything that is counted; submitit lists the processes of a job
_REQUEUES = 100  # by time limits; preemptions are not counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('train', nargs='+', metavar='-- TRAIN', help='arguments of `aurora-mm train`')
    parser.add_argument('--cluster', choices=['slurm', 'local'], default='slurm', help='(default: slurm)')
    parser.add_argument('--nodes', type=int, default=1, help='(default: 1)')
    parser.add_argument('--gpus', type=int, default=1, help='of each node; 0 trains on the CPU (default: 1)')
    parser.add_argument('--cpus', type=int, default=8, help='of each process (default: 8)')
    parser.add_argument('--time', type=int, default=1440, metavar='MIN', help='time limit in minutes (default: 1440)')
    parser.add_argument(
        '--notice', type=int, default=180, metavar='S', help='seconds before the limit to save and stop (default: 180)'
    )
    parser.add_argument('--slurm', nargs='+', default=[], metavar='KEY=VALUE', help='more options of sbatch')
    parser.add_argument('--name', default='aurora_mm', help='of the job (default: aurora_mm)')
    parser.add_argument('--logs', type=Path, default=Path('work_dirs/submitted'), help='(default: work_dirs/submitted)')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import read_config
    from aurora_mm.cluster.train_job import TrainJob
    from aurora_mm.extras import require_extra

    require_extra('scale', 'aurora-mm submit', 'submitit')
    import submitit
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    _check_numbers(args)
    options = _options(args.slurm)
    _check_text('--name', args.name)
    _check_text('--logs', str(args.logs))
    if '%' in str(args.logs):
        raise ConfigError(f'--logs {args.logs}: Slurm replaces what follows % in a path')
    given, arguments = _train_arguments(args)
    if args.cluster == 'slurm' and shutil.which('sbatch') is None:
        raise ConfigError('there is no sbatch on this machine: submit from a login node of the cluster')
    # A job may wait for hours before it finds out what is wrong with its config, data or weights.
    train.complete_config(given, read_config(given.config, given.cfg_options))
    executor = submitit.AutoExecutor(args.logs, cluster=args.cluster, slurm_max_num_timeout=_REQUEUES)
    executor.update_parameters(
        name=args.name,
        nodes=args.nodes,
        tasks_per_node=max(args.gpus, 1),
        gpus_per_node=args.gpus,
        cpus_per_task=args.cpus,
        timeout_min=args.time,
        slurm_signal_delay_s=args.notice,
        slurm_additional_parameters=options,
    )
    try:
        job = executor.submit(TrainJob(arguments))
    except (FailedJobError, FailedSubmissionError) as error:
        reason = (str(error).strip().splitlines() or ['it says nothing'])[0]
        raise AuroraError(f'sbatch did not take the job: {reason}') from error
    print(f'job {job.job_id}; output: {job.paths.stdout}', flush=True)
    if args.cluster == 'local':
        failed = job.exception()
        if failed is not None:
            print(f'the job failed, see {job.paths.stdout} and {job.paths.stderr}', file=sys.stderr)
            sys.exit(1)


def _train_arguments(args: argparse.Namespace) -> tuple[argparse.Namespace, list[str]]:
    """Check the arguments of ``aurora-mm train``; return them parsed, and as text with the launcher of the job."""
    parser = StrictParser(prog='aurora-mm train')
    train.add_arguments(parser)
    given = parser.parse_args(args.train)
    if given.resume is not None or given.launcher != 'none':
        raise ConfigError('a submitted training sets --resume and --launcher itself: leave them out')
    given.resume = 'auto'  # as the job has it
    processes = args.nodes * max(args.gpus, 1)
    if processes > 1 and args.cluster == 'local':
        raise ConfigError('--cluster local runs one process: leave --nodes and --gpus out')
    return given, [*args.train, *(['--launcher', 'slurm'] if processes > 1 else [])]


def _check_numbers(args: argparse.Namespace) -> None:
    least = dict(nodes=1, gpus=0, cpus=1, time=1, notice=1)
    for name, number in least.items():
        if not number <= getattr(args, name) <= _MOST:
            raise ConfigError(f'--{name} {getattr(args, name)}: a number from {number} to {_MOST} is needed')
    if args.notice >= 60 * args.time:
        raise ConfigError(f'--notice {args.notice}: the time limit has {60 * args.time} seconds')


def _check_text(option: str, text: str) -> None:
    # The end of a line would end a comment of the script, and begin a command.
    if not text.strip() or not text.isprintable():
        raise ConfigError(f'{option} {text!r} is not one printable line')


def _options(pairs: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        _check_text('--slurm', pair)
        key, equals, value = pair.partition('=')
        if not _KEY.fullmatch(key) or not equals or not value:
            raise ConfigError(f'--slurm {pair}: an option is written KEY=VALUE, with the long name of sbatch as KEY')
        if key in found:
            raise ConfigError(f'--slurm {pair}: {key} is there twice')
        if key.replace('-', '_') in _OWN:
            raise ConfigError(f'--slurm {pair}: this option is set by one of `aurora-mm submit`, see --help')
        found[key] = value
    return found
