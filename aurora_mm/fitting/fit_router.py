"""Fits the router of a checkpoint to the task labels of its training data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from numpy.typing import NDArray

from aurora_mm.calibration.conformal import conformal_limit
from aurora_mm.calibration.feature_distance import FeatureDistance
from aurora_mm.checkpoints import check_derived_file
from aurora_mm.fitting.trained import image_features, trained_model, write_with_metadata
from aurora_mm.routing.task_router import ROUTER, TaskRouter, check_confidence
from aurora_mm.tasks import TaskTable

UNKNOWN = 0.02  # fraction of validation images for which no task is chosen because they are unusual


class RoutingAccuracy(NamedTuple):
    """How well a router chooses the tasks of labelled images.

    Args:
        images: Number of images.
        first: Fraction whose likeliest task is one of their own.
        exact: Fraction for which exactly their own tasks are chosen.
        precision: Fraction of the chosen tasks that are right.
        recall: Fraction of the right tasks that are chosen.
        unknown: Fraction for which no task is chosen.
    """

    images: int
    first: float
    exact: float
    precision: float
    recall: float
    unknown: float

    @classmethod
    def measure(cls, router: TaskRouter, features: NDArray[np.floating], labels: NDArray[np.bool_]) -> RoutingAccuracy:
        """Measure a router on images with features ``(N, D)`` and labels ``(N, T)``."""
        chosen = router.choose(features)
        first = router.probabilities(features).argmax(1)
        right = int((chosen & labels).sum())
        return cls(
            len(labels),
            float(labels[np.arange(len(labels)), first].mean()),
            float((chosen == labels).all(1).mean()),
            right / max(int(chosen.sum()), 1),
            right / max(int(labels.sum()), 1),
            float((~chosen.any(1)).mean()),
        )


def fit_router(
    cfg: Config, checkpoint: str | Path, out: str | Path, confidence: float = 0.5, data_root: str | None = None
) -> tuple[TaskRouter, RoutingAccuracy]:
    """Fit a router to the training data of a config, and write the checkpoint with it.

    Args:
        cfg: Changed in place. The tasks of the images of ``train_dataloader`` are learned; those of ``val_dataloader``
            say how accurate the router is, and which distance from the training images is unusual.
        checkpoint: Path of a checkpoint of a training run. An earlier router in it is replaced.
        out: Path of the checkpoint to write. It has no training state.
        confidence: Least probability of a task that is chosen.
        data_root: Data root of all FMC-UIA data sets of the config. None keeps those of the config.

    Returns:
        The router, and its accuracy on the validation data.

    Raises:
        ConfigError: If ``confidence`` is not between 0 and 1, or there are too few training images.
        DataError: If there is no data.
        WeightsError: If the file is not a checkpoint of aurora_mm.
        OutputError: If ``out`` cannot be written, or is a checkpoint of a training run.
    """
    check_confidence(confidence)
    check_derived_file(out, [checkpoint])
    model = trained_model(cfg, checkpoint, data_root)
    tasks = TaskTable(cfg.tasks)
    training, validation = (labelled_features(model, cfg, loader, tasks) for loader in ('train', 'val'))
    distance = None
    if np.isfinite(conformal_limit(np.zeros(len(validation[0])), 1 - UNKNOWN)):
        distance = FeatureDistance.fit(training[0], validation[0], 1 - UNKNOWN)
    router = TaskRouter.fit(*training, list(tasks), confidence, distance)
    write_with_metadata(checkpoint, out, ROUTER, router.plain())
    return router, RoutingAccuracy.measure(router, *validation)


def labelled_features(
    model: Any, cfg: Config, loader: str, tasks: TaskTable
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Return the pooled features ``(N, D)`` and the tasks ``(N, T)`` of the images of a data set, each image once.

    Args:
        model: A :class:`aurora_mm.models.MultiTaskModel` in eval mode.
        cfg: A config with data root and tasks. Images are prepared as in validation.
        loader: 'train' or 'val'.
        tasks: The tasks of the model.
    """
    features, tasks_of_image = image_features(model, cfg, loader)
    return features, np.array([[name in found for name in tasks] for found in tasks_of_image])
