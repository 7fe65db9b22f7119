"""Collects what calibration needs from the predictions of a labelled data set."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from mmengine.dist import all_gather_object
from mmengine.logging import print_log
from torch import Tensor

from aurora_mm.calibration.calibrator import Observation, calibrator_of
from aurora_mm.calibration.feature_distance import pool
from aurora_mm.errors import ConfigError
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import TaskTable


class TaskObservations(NamedTuple):
    """The observations of one task.

    Args:
        observations: One for each image, see :class:`Calibrator`.
        groups: Name of the group of each image; images of one patient are one group. Without a name, an image is a
            group of its own.
    """

    observations: list[Observation]
    groups: list[str]


class Observations:
    """Collects an observation of each image and task, and the pooled features of each image.

    Args:
        tasks: The tasks of the model.

    Attributes:
        left_out (dict[str, str]): Tasks that cannot be calibrated, with the reason.
    """

    def __init__(self, tasks: TaskTable) -> None:
        self.tasks = tasks
        self.left_out: dict[str, str] = {}
        self._of_task: dict[str, dict[int, tuple[str, Observation]]] = {}
        self._features: dict[str, np.ndarray] = {}
        for task in tasks.values():
            try:
                calibrator_of(task)
            except ConfigError as error:
                self._leave_out(task.name, str(error))

    def add(self, maps: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample]) -> None:
        """Add the predictions of a batch, before they are calibrated.

        Args:
            maps: Maps of the encoder, ``(B, C_i, h_i, w_i)``.
            data_samples: One for each image. Annotations in network coordinates are not compared.
        """
        for image, features in zip(data_samples, pool(maps), strict=True):
            self._features[image.img_path] = features
            for sample in image:
                if sample.task in self.left_out or sample.get('gt_coordinates') != 'original':
                    continue
                task = self.tasks[sample.task]
                try:
                    observed = calibrator_of(task).observe(sample, task)
                except ConfigError as error:
                    self._leave_out(task.name, str(error))
                    continue
                group = str(sample.get('group') or '') or f'image {sample.img_id}'
                self._of_task.setdefault(task.name, {})[sample.img_id] = (group, observed)

    def gather(self) -> dict[str, TaskObservations]:
        """Return the observations of all processes by task, in table order, each image once."""
        merged: dict[str, dict[int, tuple[str, Observation]]] = {}
        for part in all_gather_object(self._of_task):
            for name, images in part.items():
                merged.setdefault(name, {}).update(images)
        found = {}
        for name in self.tasks:
            if name in merged and name not in self.left_out:
                images = [merged[name][i] for i in sorted(merged[name])]
                found[name] = TaskObservations([o for _, o in images], [group for group, _ in images])
        return found

    def features(self) -> np.ndarray:
        """Return the pooled features of the images of all processes, ``(N, D)``, each image once."""
        merged: dict[str, np.ndarray] = {}
        for part in all_gather_object(self._features):
            merged |= part
        return np.stack([merged[path] for path in sorted(merged)])

    def _leave_out(self, task: str, reason: str) -> None:
        self.left_out[task] = reason
        print_log(reason, logger='current', level=logging.WARNING)


def halves(groups: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split images in two halves of about the same number of groups, at random.

    Args:
        groups: Group of each of n images.
        seed: Seed of the random numbers.

    Returns:
        Indices of the images of both halves; all images of a group are in one half.
    """
    names = sorted(set(groups))
    order = np.random.default_rng(seed).permutation(len(names))
    first = {names[i] for i in order[: (len(names) + 1) // 2]}
    inside = np.array([group in first for group in groups], dtype=bool)
    return np.flatnonzero(inside), np.flatnonzero(~inside)


def taken(values: Sequence[Any], indices: np.ndarray) -> list[Any]:
    """Return the values at some indices."""
    return [values[i] for i in indices]
