"""Fits the calibration of a checkpoint to validation data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from rich.progress import track

from aurora_mm.apis.checkpoint import read_checkpoint
from aurora_mm.apis.config import adopt_checkpoint, load_weights
from aurora_mm.apis.pipelines import without_annotations
from aurora_mm.calibration.calibration import CALIBRATION, Calibration
from aurora_mm.calibration.calibrator import calibrator_of
from aurora_mm.calibration.conformal import check_coverage
from aurora_mm.calibration.evaluation import cross_fit
from aurora_mm.calibration.feature_distance import FeatureDistance, pool
from aurora_mm.calibration.observations import Observations
from aurora_mm.checkpoints import write_checkpoint
from aurora_mm.errors import DataError
from aurora_mm.registry import MODELS
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
        OutputError: If ``out`` cannot be written.
    """
    check_coverage(coverage)
    adopt_checkpoint(cfg, checkpoint, data_root, loaders=('train_dataloader', 'val_dataloader'))
    tasks = TaskTable(cfg.tasks)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        model = MODELS.build(cfg.model)
    load_weights(model, [checkpoint])
    model.to(get_device()).eval()
    observations = Observations(tasks)
    model.calibration = Calibration(tasks, observations=observations)
    with torch.no_grad(), DefaultScope.overwrite_default_scope('aurora_mm'):
        for batch in track(Runner.build_dataloader(cfg.val_dataloader), 'validation images'):
            model.test_step(batch)
        training = training_features(model, cfg)
    found = observations.gather()
    if not found:
        raise DataError(
            f'no task of the validation data can be calibrated: {"; ".join(observations.left_out.values())}'
        )
    distance = FeatureDistance.fit(training, observations.features(), 1 - FLAGGED)
    states = {name: calibrator_of(tasks[name]).fit(found[name].observations, tasks[name], coverage) for name in found}
    calibration = Calibration(tasks, states, coverage, distance)
    content = read_checkpoint(checkpoint)
    meta = content['meta'] | {CALIBRATION: calibration.plain()}
    write_checkpoint(out, dict(meta=meta, state_dict=content['state_dict']))
    return Calibrated(calibration, cross_fit(found, tasks, coverage, repeats), observations.left_out)


def training_features(model: Any, cfg: Config) -> np.ndarray:
    """Return the pooled features ``(N, D)`` of the training images of a config, each image once.

    Of more than 4,000 rows, that many are taken at equal intervals.

    Args:
        model: A :class:`aurora_mm.models.MultiTaskModel` in eval mode.
        cfg: A config with data root and tasks. Images are prepared as in validation.
    """
    pipeline = without_annotations(cfg.val_dataloader.dataset.pipeline)
    dataset = cfg.train_dataloader.dataset | dict(pipeline=pipeline, test_mode=True)
    loader_cfg = dict(cfg.val_dataloader) | dict(dataset=dataset)
    features: dict[str, np.ndarray] = {}
    loader = Runner.build_dataloader(loader_cfg)
    for batch in track(loader, 'training images'):
        paths = [sample.img_path for sample in batch['data_samples']]
        if len(features) >= _MOST_IMAGES or all(path in features for path in paths):
            continue
        inputs = model.data_preprocessor(batch)['inputs']
        features.update(zip(paths, pool(model.extract_feat(inputs)), strict=True))
    return np.stack([features[path] for path in sorted(features)])
