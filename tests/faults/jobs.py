"""What is killed at random moments; imported by the server of the processes, so that each starts at once."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import sys
from pathlib import Path

import torch

from aurora_mm.analysis.report import write_html_report
from aurora_mm.analysis.results_folder import write_results
from aurora_mm.apis import hold_work_dir, last_checkpoint
from aurora_mm.checkpoints import write_checkpoint
from aurora_mm.cli.main import main
from aurora_mm.converters import coco_to_fmc
from aurora_mm.evaluation import score_rows
from aurora_mm.models import MultiTaskModel
from aurora_mm.submission import SubmissionWriter
from aurora_mm.visualization import MultiTaskVisualizer  # noqa: F401  the report's, imported once
from tests.engine.hooks.tiny_run import tiny_config, tiny_run
from tests.fixtures.config_text import skip_formatting
from tests.fixtures.golden_predictions import golden_samples
from tests.fixtures.run_folder import TASKS, make_rows

EPOCHS = 4
HOOKS = [dict(type='EMAHook', momentum=0.3), dict(type='ReproducibleEpochHook'), dict(type='ResumeValidationHook')]
LOGS = [dict(type='LocalVisBackend')]


def quiet() -> None:
    torch.set_num_threads(1)
    skip_formatting()
    sys.stdout = sys.stderr = open(os.devnull, 'w')  # noqa: SIM115, PTH123


def log_to(file: Path) -> None:
    """As :func:`quiet`, with the output in a file."""
    torch.set_num_threads(1)
    skip_formatting()
    stream = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(stream, number)
    sys.stdout = open(1, 'w', closefd=False)  # noqa: SIM115
    sys.stderr = open(2, 'w', closefd=False, buffering=1)  # noqa: SIM115


def train(folder: Path) -> None:
    """Trains some epochs, from the last checkpoint if there is one, with a checkpoint and a validation after each."""
    quiet()
    with hold_work_dir(folder):
        last = last_checkpoint(folder)
        begun = 0 if last is None else int(last.stem.removeprefix('epoch_'))
        # A resumed run begins with the validation of the epoch that it was resumed from.
        scores = [(0.1 * epoch, 0.1, 0.1) for epoch in range(max(begun, 1), EPOCHS + 1)]
        hook = dict(type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='seg/primary', rule='greater')
        tiny_run(
            'run',
            folder,
            MultiTaskModel(**tiny_config()),
            scores,
            epochs=EPOCHS,
            hooks=HOOKS,
            default_hooks=dict(checkpoint=hook, logger=dict(type='LoggerHook', interval=1)),
            visualizer=dict(type='Visualizer', vis_backends=LOGS),
            resume=last is not None,
            load_from=None if last is None else str(last),
        ).train()


def checkpoints(folder: Path) -> None:
    """Writes one checkpoint over the other; each tensor and the epoch of one file hold one number."""
    quiet()
    for number in itertools.count():
        state = {name: torch.full((400, 500), float(number)) for name in 'abc'}
        meta = dict(epoch=number, iter=number, cfg='', dataset_meta=dict(tasks=[]))
        write_checkpoint(folder / 'a.pth', dict(meta=meta, state_dict=state))


def results(folder: Path) -> None:
    """Writes the results of a test over those of another one, again and again."""
    quiet()
    rows = make_rows()
    both = [score_rows(part, TASKS) for part in (rows, [row for row in rows if row.img_id])]
    for result in itertools.cycle(both):
        write_results(folder, result)


def submission(folder: Path) -> None:
    """Writes submissions, each in a folder of its own."""
    quiet()
    samples = golden_samples()
    for sample in samples:
        sample.set_metainfo(dict(mask_path=sample.image_path))
    for number in itertools.count():
        writer = SubmissionWriter(folder / f'{number:04d}')
        for sample in samples:
            writer.add(sample)
        writer.finish()


def report(folder: Path) -> None:
    """Writes one report over the other."""
    quiet()
    while True:
        write_html_report(folder)


def convert(folder: Path) -> None:
    """Converts a COCO data set, again and again, each time into a folder of its own."""
    quiet()
    for number in itertools.count():
        coco_to_fmc(folder / 'source', folder / f'{number:04d}', name='lump', task_type='segmentation')


def command_line(args: list[str], log: Path, most_bytes: int | None = None) -> None:
    """Runs ``aurora-mm`` with its output in a file.

    Args:
        args: Verb and arguments.
        log: The file, for both streams.
        most_bytes: Size beyond which no file can be written, as on a disk that is full.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background processes ignore Ctrl-C
    log_to(log)
    if most_bytes is None:
        main(args)
        return
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        main(args)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)  # coverage writes its file after this
