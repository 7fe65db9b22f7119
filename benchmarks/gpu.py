"""Everything that is to be measured on a GPU, in one go of at most nine minutes.

    python benchmarks/gpu.py --out work_dirs/gpu --data-root DATA
    python benchmarks/gpu.py --out work_dirs/gpu --device cpu --preset tiny --size 64    # all of it once, to try it out

Draws images where none are given, and runs, each in a process of its own and within its share of --minutes: training
steps of aurora_fmc_plus.py, plain, compiled and with channels last, and their memory; the encoder against transformers,
plain and compiled; the tests that need an accelerator, on the real one; and a small chain of commands: a training that
torchrun starts, one that is sharded, a test and predictions. What does not end in time is interrupted, so that it can
say how far it came, and is killed if it does not end then. What fails is noted and the rest goes on. --out gets, after
each part, ``figures.json`` and ``figures.md`` with the machine's name, and the output of each part. The status is 1 if
a part did not end well.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch

REPO = Path(__file__).resolve().parents[1]
# What is not asked for. On a CPU each part only shows that it works.
DEFAULTS = dict(
    cuda=dict(batch=[1, 4, 16], repeats=5, steps=20, tests=['tests/accelerator'], processes=8, minutes=9.0),
    cpu=dict(
        batch=[2],
        repeats=1,
        steps=2,
        tests=['tests/accelerator/test_pretend_accelerator.py'],
        processes=2,
        minutes=30.0,
    ),
)
LAST_LINES = 25  # of the output of a part that did not end well
LAST_WORDS = 10.0  # seconds from the interruption of a part to its end


class Part(NamedTuple):
    """A program to run: its name, its command, and its share of the time."""

    name: str
    command: list[str]
    share: float


def parts(args: argparse.Namespace, out: Path) -> list[Part]:
    """What is run, the most important first."""
    python, on_gpu = sys.executable, args.device == 'cuda'
    model = ['--device', args.device, '--preset', args.preset, '--size', str(args.size)]
    batches = list(map(str, args.batch))
    steps = [python, 'benchmarks/training.py', *model, '--batch', batches[-1], '--steps', str(args.steps)]
    steps += [] if on_gpu else ['--workers', '0']
    root = args.data_root or str(out / 'data')
    steps += ['--data-root', root]
    memory = [python, 'benchmarks/memory.py', *model, '--recompute', 'none', 'all', '--batch']
    memory += ['2', '4', '8', '16', '32'] if on_gpu else batches
    encoder = [python, 'benchmarks/encoder.py', '--only', 'steps', '--presets', args.preset, '--device', args.device]
    encoder += ['--size', str(args.size), '--batch', *reversed(batches)]  # as trained, then smaller ones
    encoder += ['--compile', '--repeats', str(args.repeats)]
    encoder += ['--dtype', 'bfloat16' if on_gpu else 'float32']
    tests = [python, '-m', 'pytest', '-q', '--tb=short', '-p', 'no:cacheprovider', *args.tests]
    if args.processes > 1 and importlib.util.find_spec('xdist'):
        tests += ['-n', str(args.processes)]
    drawn = [python, '-m', 'aurora_mm', 'make-demo-data', root, '--images-per-task', '2', '--val-images-per-task', '1']
    return [
        *([] if args.data_root else [Part('data', drawn, 0.2)]),
        training(steps, out, 'training', 0.18),
        training([*steps, '--compile'], out, 'training_compiled', 0.2),
        Part('memory', memory, 0.1),
        Part('encoder', encoder, 0.2),
        Part('tests', tests, 0.15),
        Part('commands', ['sh', '-c', commands(root, out / 'commands')], 0.1),
        training([*steps, '--channels-last'], out, 'training_channels_last', 0.07),
    ]


def commands(root: str, folder: Path) -> str:
    """A chain of commands, each on a small model, as a script of a shell; the first that fails ends it."""
    aurora = [sys.executable, '-m', 'aurora_mm']
    first, sharded = folder / 'first', folder / 'sharded'
    ranks = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '1', '-m', 'aurora_mm']
    options = [
        'train_cfg.max_epochs=1',
        'train_dataloader.batch_sampler.num_batches=3',
        'train_dataloader.batch_size=4',
    ]
    options += ['train_dataloader.num_workers=2', 'val_dataloader.num_workers=2']
    small = ['model.backbone.preset=tiny', 'img_size=128', 'strategy.sharded_checkpoints=True']
    lines = [['rm', '-rf', str(folder)]]
    for config, work_dir, more in (('aurora_fmc_demo', first, []), ('aurora_fmc_32b', sharded, small)):
        train = [*ranks, 'train', f'configs/{config}.py', '--launcher', 'pytorch', '--pretrained', 'none']
        lines.append([*train, '--data-root', root, '--work-dir', str(work_dir), '--cfg-options', *options, *more])
    model = str(first / 'epoch_1.pth')
    lines.append([*aurora, 'test', 'configs/aurora_fmc_demo.py', model, '--data-root', root, '--amp'])
    images = shlex.quote(str(folder / 'images'))
    found = f'find {shlex.quote(root)} -type f -path "*image*" \\( -name "*.png" -o -name "*.jpg" \\) | head -n 2'
    copied = f'mkdir {images}; {found} | while read -r file; do cp "$file" {images}; done'
    predict = [*aurora, 'predict', model, str(folder / 'images'), '--out', str(folder / 'predictions')]
    return '\n'.join(['set -e', *map(shlex.join, lines), copied, shlex.join([*predict, '--amp', '--compile'])])


def training(command: list[str], out: Path, name: str, share: float) -> Part:
    """Training steps, whose figures go to a file."""
    return Part(name, [*command, '--json', str(out / f'{name}.json')], share)


def run_part(part: Part, seconds: float, args: argparse.Namespace, out: Path) -> dict:
    """Runs a part, with its output in a file; whether it ended well, its seconds, and the figures that it wrote."""
    env = os.environ | dict(AURORA_DEVICE='cuda' if args.device == 'cuda' else 'pretend', PYTHONUNBUFFERED='1')
    env['PYTHONPATH'] = os.pathsep.join([str(REPO), *filter(None, [env.get('PYTHONPATH')])])
    figures = out / f'{part.name}.json'
    figures.unlink(missing_ok=True)  # those of an earlier run
    start = time.perf_counter()
    with (out / f'{part.name}.txt').open('w') as stream:
        process = subprocess.Popen(
            part.command,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=REPO,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        )
        try:
            status = process.wait(max(seconds - LAST_WORDS, 1.0))
            ended = 'ok' if status == 0 else f'exit status {status}'
        except subprocess.TimeoutExpired:
            ended = f'stopped after {seconds:.0f} s'
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LAST_WORDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with the processes that it started
        process.wait()
    outcome: dict = dict(ended=ended, seconds=round(time.perf_counter() - start, 1))
    if figures.exists():
        try:
            outcome['figures'] = json.loads(figures.read_text())
        except json.JSONDecodeError as error:  # stopped while it wrote them
            outcome['ended'] += f', {figures.name} cannot be read: {error}'
    return outcome


def markdown(machine: str, ran: dict[str, dict], out: Path) -> str:
    """All figures, by part."""
    lines = [f'# {machine}', '']
    for name, outcome in ran.items():
        lines += [f'## {name}: {outcome["ended"]}, {outcome["seconds"]} s', '']
        text = (out / f'{name}.txt').read_text().splitlines()
        tables = '\n'.join(line if line.startswith('|') else '' for line in text).strip('\n')
        tables = re.sub('\n{2,}', '\n\n', tables)  # what was between them parts them
        lines += [tables, ''] if tables else []
        if outcome['ended'] != 'ok' or not tables:
            lines += ['```text', *text[-LAST_LINES:], '```', '']
    return '\n'.join(lines)


def default(name: str) -> str:
    """A default for the help text, where it depends on the device."""
    values = (DEFAULTS['cuda'][name], DEFAULTS['cpu'][name])
    on_gpu, on_cpu = (' '.join(map(str, v)) if isinstance(v, list) else f'{v:g}' for v in values)
    return f'(default: {on_gpu}; on a CPU {on_cpu})'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', required=True, help='folder for the figures')
    parser.add_argument('--data-root', help='root of the data (default: generated images)')
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cuda')
    parser.add_argument('--preset', default='8b', help="the encoder's size (default: 8b)")
    parser.add_argument('--size', type=int, default=448, help='height and width of the images (default: 448)')
    parser.add_argument('--batch', type=int, nargs='+', help=f'the last one is for training {default("batch")}')
    parser.add_argument('--repeats', type=int, help=f'of a step of the encoder {default("repeats")}')
    parser.add_argument('--steps', type=int, help=f'of training {default("steps")}')
    parser.add_argument('--tests', nargs='*', help=f'what pytest runs {default("tests")}')
    parser.add_argument('--processes', type=int, help=f'of the tests, with pytest-xdist {default("processes")}')
    parser.add_argument('--minutes', type=float, help=f'for all of it {default("minutes")}')
    args = parser.parse_args()
    for name, value in DEFAULTS[args.device].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('torch finds no CUDA device')
    out = Path(args.out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / 'data', ignore_errors=True)  # of an earlier run
    end = time.monotonic() + 60 * args.minutes
    machine = torch.cuda.get_device_name() if args.device == 'cuda' else 'CPU'
    machine = f'{machine}, torch {torch.__version__}, {os.cpu_count()} cores'
    ran: dict[str, dict] = {}
    left = parts(args, out)
    while left:
        part, *left = left
        # What earlier parts left over goes to those that follow.
        seconds = (end - time.monotonic()) * part.share / (part.share + sum(other.share for other in left))
        ran[part.name] = run_part(part, max(seconds, 1.0), args, out)
        print(part.name, ran[part.name]['ended'], ran[part.name]['seconds'], flush=True)
        (out / 'figures.json').write_text(json.dumps(dict(machine=machine, parts=ran), indent=2))
        (out / 'figures.md').write_text(markdown(machine, ran, out))
    sys.exit(any(outcome['ended'] != 'ok' for outcome in ran.values()))


if __name__ == '__main__':
    main()
