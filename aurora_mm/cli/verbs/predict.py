"""Predict images: overlays, masks, measurements, JSON and COCO files; or the challenge's submission.

    aurora-mm predict work_dirs/run/epoch_12.pth scan.dcm clip.mp4 folder 'more/*.png' --out OUT
    aurora-mm predict work_dirs/run/epoch_12.pth scans --recursive --tasks fetal_head --spacing 0.12 --out OUT
    aurora-mm predict MODEL --challenge DATA_ROOT --out OUT    # the container's entry point

Writes OUT, whole or not at all: predictions.json, measurements.csv, and the folders overlays, masks and coco. What
cannot be read is listed on stderr and in predictions.json, and left out; the exit status is then 3. With --challenge
every row of an unlabelled data root gets an answer, see docs/inference.md.
"""

from __future__ import annotations

import argparse
import json
import sys

from aurora_mm.cli.command import command
from aurora_mm.cli.speed_options import add_speed_options
from aurora_mm.cli.trust_option import add_trust_option
from aurora_mm.cli.whole_numbers import count
from aurora_mm.errors import ConfigError
from aurora_mm.prediction_files.spacing import parse_spacing

SOME_LEFT_OUT = 3  # exit status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'model',
        metavar='MODEL',
        nargs='?',
        help='checkpoint, model folder, hub id OWNER/NAME, or a folder of model folders that answer as an ensemble; '
        'may be left out with --challenge, see docs/inference.md',
    )
    parser.add_argument(
        'inputs',
        metavar='INPUT',
        nargs='*',
        help='image, DICOM, NIfTI, MetaImage or video file, one picture of it as FILE#frame=N, a folder, or a pattern',
    )
    parser.add_argument('--out', required=True, help='folder to write; without --challenge it must be new or empty')
    parser.add_argument('--members', nargs='+', default=[], metavar='MODEL', help='further members of an ensemble')
    parser.add_argument(
        '--tasks',
        default='all',
        metavar='A,B',
        help="names of tasks, or 'auto': those that fit-router chooses (default: all)",
    )
    parser.add_argument('--recursive', action='store_true', help='go into the folders of folders')
    parser.add_argument('--every', type=count, default=1, metavar='N', help='of videos, every N-th frame')
    parser.add_argument(
        '--spacing', type=_spacing, metavar='MM', help='side of a pixel in mm, or HEIGHT,WIDTH (default: as files say)'
    )
    parser.add_argument(
        '--measurements',
        metavar='FILE',
        help="config file with a list `tasks` whose measurements are taken (default: the model's own)",
    )
    parser.add_argument(
        '--crop',
        action='store_true',
        help='crop images to the part that shows ultrasound, for a model trained on images of `import-data --crop`',
    )
    parser.add_argument('--no-overlays', action='store_true', help='draw no pictures')
    parser.add_argument(
        '--dicom',
        action='store_true',
        help='also write masks as DICOM SEG and the rest as DICOM SR; inputs must be DICOM files, see docs/dicom.md',
    )
    parser.add_argument('--batch-size', type=count, default=8, metavar='N', help='default: 8')
    parser.add_argument('--tta', nargs='*', type=float, metavar='SCALE', help='test-time views, as `test` has them')
    add_speed_options(parser)
    parser.add_argument('--device', help="'cpu', 'cuda', ... (default: a GPU if there is one)")
    parser.add_argument('--challenge', metavar='DATA_ROOT', help='data root with csv_files/, to answer as a submission')
    parser.add_argument('--problems', metavar='FILE', help='with --challenge: JSON list of what could not be answered')
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    if args.challenge is not None:
        _answer_challenge(args)
    else:
        _predict(args)


def _predict(args: argparse.Namespace) -> None:
    from aurora_mm.apis import MultiTaskInferencer
    from aurora_mm.prediction_files.asked_tasks import asked_tasks
    from aurora_mm.prediction_files.predict_files import predict_files

    if not args.model or not args.inputs:
        raise ConfigError('say what is predicted: aurora-mm predict MODEL INPUT... --out OUT')
    if args.problems:
        raise ConfigError('--problems goes with --challenge; predictions.json lists what was left out')
    models = _models(args)
    inferencer = MultiTaskInferencer(models, args.device, args.tta, compile=args.compile, amp=args.amp, crop=args.crop)
    tasks = asked_tasks(inferencer, args.tasks, args.measurements)
    if inferencer.calibration is not None:
        print(inferencer.calibration.sentence())
    done, problems = predict_files(
        inferencer,
        args.inputs,
        args.out,
        tasks,
        models,
        spacing=args.spacing,
        every=args.every,
        recursive=args.recursive,
        batch_size=args.batch_size,
        overlays=not args.no_overlays,
        is_routed=args.tasks == 'auto',
        dicom=args.dicom,
    )
    for problem in problems:
        print(f'left out: {problem}', file=sys.stderr)
    print(f'wrote {args.out}: {done} images, {len(problems)} left out')
    if problems:
        sys.exit(SOME_LEFT_OUT)


def _answer_challenge(args: argparse.Namespace) -> None:
    from aurora_mm.files import write_text
    from aurora_mm.prediction_files.challenge_model import Model

    for option in ('dicom', 'crop'):
        if getattr(args, option):
            raise ConfigError(f'--{option} does not go with --challenge')
    if args.inputs:
        raise ConfigError(f'--challenge answers the rows of its data root and no further input, here {args.inputs[0]}')
    weights = [args.model, *args.members] if args.members else args.model
    problems = Model(weights, args.tta, args.device, args.compile, args.amp).predict(
        args.challenge, args.out, args.batch_size
    )
    for problem in problems:
        answered = 'answered without looking' if problem.has_fallback else 'no answer'
        print(f'{problem.message} ({answered})', file=sys.stderr)
    if args.problems:
        write_text(args.problems, json.dumps([problem._asdict() for problem in problems], indent=2) + '\n')
    print(f'wrote {args.out}; problems: {len(problems)}')


def _models(args: argparse.Namespace) -> list[str]:
    """Return the weights files of the model, several for an ensemble."""
    from aurora_mm.checkpoints import find_models

    return [str(file) for given in (args.model, *args.members) for file in find_models(given)]


def _spacing(text: str) -> tuple[float, float]:
    try:
        return parse_spacing(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
