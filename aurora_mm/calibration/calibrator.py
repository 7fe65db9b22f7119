"""The base of calibrators: what differs between the calibrations of the task types."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from aurora_mm.calibration.conformal import conformal_limit
from aurora_mm.errors import ConfigError
from aurora_mm.structures import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

Observation = dict[str, NDArray[Any]]
State = Mapping[str, Any]


class Calibrator(ABC):
    """Calibrates the predictions of one task type. Instances have no state.

    A calibrator reads from each image of the validation data what it needs, an *observation*, and fits a *state* to
    the observations of a task: the parameters of its probabilities, and conformal limits. The state is a dict of plain
    values, which is kept in the checkpoint. Later it is applied to predictions.

    A subclass for a type of another package is registered as ``CALIBRATORS['age'] = AgeCalibrator()``. Tasks of types
    without a calibrator are left out of the calibration.

    Attributes:
        unit: Unit of a limit as users see it, ``'px'`` or ``'classes'``.
        parameter_names: Names of the parameters that :meth:`fit_probabilities` returns, if they are those of all tasks.
        statement: What the sets or margins say, in words. ``{size}`` stands for the limit with its unit.
    """

    unit: str
    statement: str
    parameter_names: tuple[str, ...] = ()

    def names_of_parameters(self, task: Task) -> tuple[str, ...]:
        """Return the names of the parameters of a task; by default :attr:`parameter_names`."""
        return self.parameter_names

    def unit_of(self, task: Task) -> str:
        """Return the unit of the limits of a task; by default :attr:`unit`."""
        return self.unit

    @abstractmethod
    def observe(self, sample: TaskDataSample, task: Task) -> Observation:
        """Read what calibration needs from one image.

        Args:
            sample: An uncalibrated prediction with its annotation, both in original coordinates.
            task: Its task.

        Returns:
            Arrays by name. They should be small, because those of all images are kept.

        Raises:
            ConfigError: If the head does not predict what is needed.
        """

    def fit_probabilities(self, observations: Sequence[Observation], task: Task) -> dict[str, float]:
        """Fit the parameters that calibrate probabilities; none by default."""
        return {}

    def confidences(
        self, observations: Sequence[Observation], parameters: State
    ) -> tuple[NDArray[np.floating], NDArray[np.bool_]] | None:
        """Return the confidences of all predictions and whether each is correct.

        Args:
            observations: Those of n predictions, or of n pixels.
            parameters: What :meth:`fit_probabilities` returns; empty for the probabilities as they were predicted.

        Returns:
            ``(n,)`` in [0, 1] and ``(n,)``; None if predictions of this type have no probability.
        """
        return None

    @abstractmethod
    def scores(self, observation: Observation, task: Task, parameters: State) -> dict[str, float]:
        """Return how far the prediction of an image is from the truth, by target, for conformal prediction.

        Args:
            observation: What :meth:`observe` returned.
            task: The task.
            parameters: What :meth:`fit_probabilities` returned.

        Returns:
            One number for each target, such as a class or a point: infinity if no set or margin contains the truth, and
            nan if the image has no such target, so that there is nothing to contain.
        """

    @abstractmethod
    def size(self, observation: Observation, target: str, limit: float, parameters: State) -> float:
        """Return the size of the set or margin of an image in :attr:`unit`, for reports.

        Args:
            observation: What :meth:`observe` returned.
            target: A key of :meth:`scores`.
            limit: Conformal limit of the target.
            parameters: What :meth:`fit_probabilities` returned.
        """

    @abstractmethod
    def apply(self, sample: TaskDataSample, task: Task, state: State) -> dict[str, Any]:
        """Calibrate the probabilities of a prediction in place, and describe its uncertainty.

        The predicted class, mask, boxes and points do not change.

        Args:
            sample: A prediction in original coordinates.
            task: Its task.
            state: What :meth:`fit` returned.

        Returns:
            Sets or margins as plain values, under the names that ``predictions.schema.json`` has for them.
        """

    def calibrate_tensors(self, tensors: dict[str, Tensor], parameters: State) -> dict[str, Tensor]:
        """Calibrate the probabilities of an exported model; by default it has none.

        Args:
            tensors: See :meth:`aurora_mm.models.heads.BaseTaskHead.tensors_by_feat`.
            parameters: What :meth:`fit_probabilities` returned.
        """
        return tensors

    def fit(self, observations: Sequence[Observation], task: Task, coverage: float) -> dict[str, Any]:
        """Fit the state of a task.

        Args:
            observations: Those of all images of the task.
            task: The task.
            coverage: Fraction of new images whose truth the sets and margins shall contain.

        Returns:
            ``parameters``, and ``limits`` by target. A limit is None if no limit reaches the coverage, because there
            are too few images or too many predictions without any overlap.
        """
        parameters = self.fit_probabilities(observations, task)
        scores: dict[str, list[float]] = {}
        for observation in observations:
            for target, score in self.scores(observation, task, parameters).items():
                scores.setdefault(target, []).extend([] if math.isnan(score) else [score])
        limits = {target: conformal_limit(np.array(values), coverage) for target, values in scores.items()}
        return dict(parameters=parameters, limits={k: v if math.isfinite(v) else None for k, v in limits.items()})


CALIBRATORS: ByTaskType[Calibrator] = ByTaskType('calibrator', 'aurora_mm.calibration.calibrators')


def calibrator_of(task: Task) -> Calibrator:
    """Return the calibrator of a task.

    Raises:
        ConfigError: If its type has none. The message says how to add one.
    """
    try:
        return CALIBRATORS[task.type]
    except ConfigError as error:
        raise ConfigError(
            f'task {task.name!r} cannot be calibrated: {error}; register a Calibrator for the type in '
            'aurora_mm.calibration.calibrator.CALIBRATORS'
        ) from error


def diagonal(sample: TaskDataSample) -> NDArray[np.float64]:
    """Return the diagonal of the original image in pixels, as an array for an observation.

    Distances are divided by it, so that one limit serves images of any resolution.
    """
    return np.array(math.hypot(*sample.ori_shape))


def pixels(limit: float | None, sample: TaskDataSample) -> float | None:
    """Return a limit that is relative to the diagonal of the image in original pixels."""
    return None if limit is None else round(limit * math.hypot(*sample.ori_shape), 2)
