"""Fits the calibration of a checkpoint to validation data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from rich.progress import track

from aurora_mm.calibration.calibration import CALIBRATION, Calibration
from aurora_mm.calibration.calibrator import calibrator_of
from aurora_mm.calibration.conformal import check_coverage
from aurora_mm.calibration.evaluation import cross_fit
from aurora_mm.calibration.feature_distance import FeatureDistance
from aurora_mm.calibration.observations import Observations
from aurora_mm.checkpoints import check_derived_file
from aurora_mm.errors import DataError
from aurora_mm.fitting.trained import image_features, trained_model, write_with_metadata
from aurora_mm.tasks import TaskTable

FLAGGED = 0.05  # fraction of images like the validation data that are flagged
_MOST_IMAGES = 4000  # training images whose features are computed


class Calibrated(NamedTuple):
    """The result of :func:`calibrate_checkpoint`.

    Args:
        calibration: The calibration, fitted to all validation images.
        measured: Content of ``calibration.json``, measured by cross-fitting.
        left_out: Tasks that cannot be calibrated, with the reason.
    """

    calibration: Calibration
    measured: dict[str, Any]
    left_out: dict[str, str]


def calibrate_checkpoint(
    cfg: Config,
    checkpoint: str | Path,
    out: str | Path,
    coverage: float = 0.9,
    data_root: str | None = None,
    repeats: int = 20,
) -> Calibrated:
    """Calibrate a model on the validation data of a config, and write its checkpoint with the calibration.

    Args:
        cfg: Changed in place. ``val_dataloader`` gives the images that probabilities and limits are fitted to, the data
            of ``train_dataloader`` those whose features an image is compared with.
        checkpoint: Path of a checkpoint of a training run. An earlier calibration in it is replaced.
        out: Path of the checkpoint to write. It has no training state.
        coverage: Fraction of new images whose truth the sets and margins shall contain.
        data_root: Data root of all FMC-UIA data sets of the config. None keeps those of the config.
        repeats: Number of random halves by which the calibration is measured.

    Raises:
        ConfigError: If ``coverage`` is not between 0 and 1, or there are too few images for the feature distance.
        DataError: If there is no data, or no task can be calibrated.
        WeightsError: If the file is not a checkpoint of aurora_mm.
        OutputError: If ``out`` cannot be written, or is a checkpoint of a training run.
    """
    check_coverage(coverage)
    check_derived_file(out, [checkpoint])
    model = trained_model(cfg, checkpoint, data_root)
    tasks = TaskTable(cfg.tasks)
    observations = Observations(tasks)
    model.calibration = Calibration(tasks, observations=observations)
    with torch.no_grad(), DefaultScope.overwrite_default_scope('aurora_mm'):
        for batch in track(Runner.build_dataloader(cfg.val_dataloader), 'validation images'):
            model.test_step(batch)
    found = observations.gather()
    if not found:
        raise DataError(
            f'no task of the validation data can be calibrated: {"; ".join(observations.left_out.values())}'
        )
    training, _ = image_features(model, cfg, 'train', _MOST_IMAGES)
    distance = FeatureDistance.fit(training, observations.features(), 1 - FLAGGED)
    states = {name: calibrator_of(tasks[name]).fit(found[name].observations, tasks[name], coverage) for name in found}
    calibration = Calibration(tasks, states, coverage, distance)
    write_with_metadata(checkpoint, out, CALIBRATION, calibration.plain())
    return Calibrated(calibration, cross_fit(found, tasks, coverage, repeats), observations.left_out)
