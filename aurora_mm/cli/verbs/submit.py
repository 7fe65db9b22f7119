"""Submit a training to Slurm; it is requeued and goes on after a preemption or the time limit.

aurora-mm submit --gpus 8 --cpus 8 --time 1440 -- configs/aurora_fmc.py --data-root DATA
aurora-mm submit --nodes 2 --gpus 8 --slurm partition=gpu account=us -- configs/aurora_fmc.py --data-root DATA
aurora-mm submit --cluster local -- configs/aurora_fmc_demo.py --data-root DATA        # tried out on this machine

What follows -- are the arguments of `aurora-mm train`. One process is started for each GPU. Needs submitit: pip install
'aurora_mm[scale]'. See docs/scaling.md.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.verbs import train
from aurora_mm.errors import ConfigError

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
    from aurora_mm.cluster.train_job import TrainJob
    from aurora_mm.extras import require_extra

    require_extra('scale', 'aurora-mm submit', 'submitit')
    import submitit

    arguments = _train_arguments(args)
    if args.cluster == 'slurm' and shutil.which('sbatch') is None:
        raise ConfigError('there is no sbatch on this machine: submit from a login node of the cluster')
    executor = submitit.AutoExecutor(args.logs, cluster=args.cluster, slurm_max_num_timeout=_REQUEUES)
    executor.update_parameters(
        name=args.name,
        nodes=args.nodes,
        tasks_per_node=max(args.gpus, 1),
        gpus_per_node=args.gpus,
        cpus_per_task=args.cpus,
        timeout_min=args.time,
        slurm_signal_delay_s=args.notice,
        slurm_additional_parameters=_options(args.slurm),
    )
    job = executor.submit(TrainJob(arguments))
    print(f'job {job.job_id}; output: {job.paths.stdout}', flush=True)
    if args.cluster == 'local':
        failed = job.exception()
        if failed is not None:
            print(f'the job failed, see {job.paths.stdout} and {job.paths.stderr}', file=sys.stderr)
            sys.exit(1)


def _train_arguments(args: argparse.Namespace) -> list[str]:
    """Check the arguments of ``aurora-mm train``, and return them with the launcher that the job needs."""
    parser = argparse.ArgumentParser(prog='aurora-mm train')
    train.add_arguments(parser)
    given = parser.parse_args(args.train)
    if given.resume is not None or given.launcher != 'none':
        raise ConfigError('a submitted training sets --resume and --launcher itself: leave them out')
    processes = args.nodes * max(args.gpus, 1)
    if processes > 1 and args.cluster == 'local':
        raise ConfigError('--cluster local runs one process: leave --nodes and --gpus out')
    return [*args.train, *(['--launcher', 'slurm'] if processes > 1 else [])]


def _options(pairs: list[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if '=' not in pair.strip('=')]
    if wrong:
        raise ConfigError(f'--slurm {wrong[0]}: an option is written KEY=VALUE')
    return dict(pair.split('=', 1) for pair in pairs)
