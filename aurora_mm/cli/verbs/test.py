"""Score a checkpoint on labelled data, or write its predictions as a submission, or both.

    aurora-mm test configs/aurora_fmc.py work_dirs/aurora_fmc/best_score_epoch_20.pth --data-root DATA
    aurora-mm test configs/aurora_fmc.py work_dirs/aurora_fmc/epoch_20.pth --data-root DATA --submission
    aurora-mm test configs/aurora_fmc.py seed_*/epoch_20.pth --data-root DATA --tta    # an ensemble, mirrored too

Writes OUT/metrics.json, OUT/per_image.csv, OUT/report.md and some pictures of each task under OUT/overlays; with
--submission the predictions under OUT/submission. A calibrated checkpoint predicts calibrated probabilities, and
OUT/calibration.json says what they reach, see docs/calibration.md. Of data without labels all rows are predicted and
none is scored.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_run_options, config_of
from aurora_mm.cli.speed_options import add_speed_options
from aurora_mm.cli.trust_option import add_trust_option
from aurora_mm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mmengine.config import Config
    from mmengine.runner import Runner


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument(
        'checkpoint',
        metavar='MODEL',
        nargs='+',
        help='checkpoint of a training run, model folder, or hub id; several answer as an ensemble',
    )
    parser.add_argument('--out-dir', help='where results go (default: the folder `test` beside the model)')
    parser.add_argument(
        '--tta',
        nargs='*',
        type=float,
        metavar='SCALE',
        help='average over views of each image: mirrored where the task allows it, and at these scales (default: 1)',
    )
    add_speed_options(parser)
    parser.add_argument('--overlays', type=int, default=3, metavar='N', help='pictures of each task (default: 3)')
    parser.add_argument(
        '--constant', action='store_true', help='also score the best constant answer, found on the training data'
    )
    parser.add_argument('--submission', action='store_true', help='write the predictions to OUT/submission')
    parser.add_argument(
        '--split',
        choices=['all', 'train', 'val', 'test'],
        help="rows to test (default: the config's, or all of a root that the model was not trained on)",
    )
    parser.add_argument(
        '--by',
        nargs='+',
        default=[],
        metavar='COLUMN',
        help='also score the images of each value of these columns of the CSV files, such as centre or scanner',
    )
    parser.add_argument(
        '--robustness',
        action='store_true',
        help='also score corrupted images: gain, depth attenuation, shadow, speckle, haze and blur at five strengths, '
        'which takes 30 times as long',
    )
    parser.add_argument('--tasks', nargs='+', metavar='NAME', help='tasks to test (default: all)')
    add_trust_option(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from mmengine.dist import is_main_process

    from aurora_mm.apis import (
        adopt_checkpoint,
        adopt_ensemble,
        choose_test_rows,
        hold_work_dir,
        other_input_size,
        predict_without_labels,
        use_tta,
    )
    from aurora_mm.checkpoints import find_models, path_for_results

    place = path_for_results(args.checkpoint[0])
    args.checkpoint = find_models(args.checkpoint)
    loaders = ('test_dataloader', 'train_dataloader') if args.constant else ('test_dataloader',)
    cfg = adopt_checkpoint(config_of(args), args.checkpoint[0], args.data_root, args.tasks, loaders)
    if len(args.checkpoint) > 1:
        adopt_ensemble(cfg, args.checkpoint)
    out_dir = Path(args.out_dir or place.parent / 'test')
    cfg.work_dir = str(out_dir)
    unlabelled = predict_without_labels(cfg)
    if unlabelled and not args.submission:
        raise ConfigError('no row of the data has a label: there is nothing to score; --submission writes predictions')
    said = '' if unlabelled else choose_test_rows(cfg, args.checkpoint, args.split)
    other_size = other_input_size(cfg, args.checkpoint[0])
    for line in filter(None, (said, other_size)):
        if is_main_process():
            print(line)
    if args.tta is not None:
        use_tta(cfg, args.tta)
    hooks = [dict(type='OverlayHook', out_dir=str(out_dir / 'overlays'), per_task=args.overlays)]
    if args.submission:
        hooks.append(dict(type='SubmissionHook', out_dir=str(out_dir / 'submission')))
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), *hooks]
    with hold_work_dir(out_dir):
        _test(cfg, args, out_dir, unlabelled)


def _test(cfg: Config, args: argparse.Namespace, out_dir: Path, unlabelled: bool) -> None:
    from mmengine.dist import is_main_process

    from aurora_mm.analysis.results_folder import RESULT_FILES, write_results
    from aurora_mm.apis import build_runner, load_weights, read_checkpoint
    from aurora_mm.apis.fast_prediction import speed_up
    from aurora_mm.apis.robustness import score_corrupted
    from aurora_mm.baselines import score_constant_predictor
    from aurora_mm.calibration.evaluation import measure
    from aurora_mm.calibration.observations import Observations
    from aurora_mm.calibration.report import write_calibration
    from aurora_mm.models.utils.model_weights import weights_checksum
    from aurora_mm.visualization import contact_sheet

    values = _columns(cfg, args.by)
    runner = build_runner(cfg)
    if args.constant:
        _check_constant_answers(runner)
    calibration = load_weights(runner.model, args.checkpoint)
    speed_up(runner.model, args.compile, args.amp)
    if calibration is not None:
        calibration.observations = Observations(calibration.tasks)
        if is_main_process():
            print(calibration.sentence())
    runner.test()
    calibrated = None
    if calibration is not None:
        if calibration.observations is not None and not unlabelled:
            calibrated = measure(calibration, calibration.observations)
        calibration.observations = None
    if unlabelled:
        if is_main_process():
            print(f'no row of the data has a label: nothing was scored; predictions are in {out_dir / "submission"}')
        return
    result = runner.test_loop.evaluator.result
    robustness = None
    if args.robustness:
        robustness = score_corrupted(runner, cfg, result, print if is_main_process() else lambda _: None)
    if not is_main_process():
        return
    if robustness is not None and result.rows:
        _write_examples(out_dir, result.rows[0].img_path)
    constant = score_constant_predictor(cfg) if args.constant else None
    tested = dict(
        weights=[weights_checksum(read_checkpoint(file)['state_dict']) for file in args.checkpoint],
        views=args.tta is not None,
        calibrated=calibration is not None,
    )
    table = write_results(out_dir, result, constant, values, robustness, tested)
    pictures = [sorted((out_dir / 'overlays' / name).glob('*.png'))[:1] for name in result.tasks]
    if any(pictures):
        contact_sheet([file for files in pictures for file in files], out_dir / 'overlays.png')
    print(table)
    if calibrated is not None:
        print(write_calibration(out_dir, calibrated))
    written = [*RESULT_FILES, 'overlays/', *(['submission/'] if args.submission else [])]
    written += ['robustness/'] if robustness is not None else []
    written += ['calibration.json', 'calibration.md'] if calibrated is not None else []
    print(f'written to {out_dir}: {", ".join(written)}')


def _check_constant_answers(runner: Runner) -> None:
    """Check before the test, which may take hours, that there is a constant answer for the types of the tasks.

    Raises:
        ConfigError: If there is none for a type.
    """
    from aurora_mm.baselines import CONSTANT_ANSWERS
    from aurora_mm.tasks import TaskTable

    tasks = TaskTable(runner.cfg.tasks)
    images: Mapping[str, int] = runner.test_loop.dataloader.dataset.metainfo.get('images_per_task', {})
    for name, count in images.items():
        if count:
            CONSTANT_ANSWERS[tasks[name].type]


def _write_examples(out_dir: Path, source: str) -> None:
    """Write a strip of pictures of each corruption: an image as it is and at each strength, 200 pixels wide each."""
    import cv2
    import numpy as np

    from aurora_mm.analysis.report.robustness_section import EXAMPLES
    from aurora_mm.apis.robustness import corrupted_examples
    from aurora_mm.files import write_image

    for title, pictures in corrupted_examples(source).items():
        height = max(round(200 * pictures[0].shape[0] / pictures[0].shape[1]), 1)
        small = [cv2.resize(np.ascontiguousarray(one), (200, height), interpolation=cv2.INTER_AREA) for one in pictures]
        write_image(out_dir / EXAMPLES / f'{title.replace(" ", "_")}.jpg', np.hstack(small))


def _columns(cfg: Config, names: Sequence[str]) -> dict[str, dict[tuple[str, str], str]]:
    """Read columns of the tested data.

    Raises:
        ConfigError: If there is no such column, or the data has no CSV files.
    """
    if not names:
        return {}
    from aurora_mm.apis.data_tasks import fmc_folder
    from aurora_mm.challenge.csv_columns import column_values
    from aurora_mm.config_variables import FMC_DATASETS

    dataset = cfg.test_dataloader.dataset
    if dataset.type not in FMC_DATASETS:
        raise ConfigError(f'--by reads columns of CSV files, which a data set of type {dataset.type} has not')
    return column_values(fmc_folder(dataset), names)
