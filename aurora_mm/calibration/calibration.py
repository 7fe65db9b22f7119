"""The calibration of a model, which is kept in its checkpoint and applied to its predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from aurora_mm.calibration.calibrator import calibrator_of
from aurora_mm.calibration.feature_distance import FeatureDistance, pool
from aurora_mm.calibration.observations import Observations
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import TaskTable

CALIBRATION = 'calibration'  # key of the metadata of a checkpoint
CALIBRATED_FIELDS = ('uncertainty', 'out_of_distribution')
"""Keys that a calibration adds to the metainfo of a task sample."""


class Calibration:
    """Calibrates the predictions of a model: it is the model's ``calibration``, which ``predict`` calls.

    Probabilities are replaced by calibrated ones. The metainfo of each task sample gets ``uncertainty``, a dict with
    ``coverage`` and the sets or margins of its type (see :meth:`Calibrator.apply`), and the metainfo of each image and
    its task samples gets ``out_of_distribution``, a dict with ``distance``, ``limit`` and ``flagged``.

    Args:
        tasks: The tasks of the model.
        states: State of each calibrated task by name, see :meth:`Calibrator.fit`. Other tasks stay as predicted.
        coverage: Fraction of new images whose truth the sets and margins contain.
        distance: Flags images that are unlike the training images; None flags none.
        observations: Collects the uncalibrated predictions; None collects nothing.
    """

    def __init__(
        self,
        tasks: TaskTable,
        states: Mapping[str, Mapping[str, Any]] | None = None,
        coverage: float = 0.9,
        distance: FeatureDistance | None = None,
        observations: Observations | None = None,
    ) -> None:
        self.tasks = tasks
        self.states = dict(states or {})
        self.coverage = coverage
        self.distance = distance
        self.observations = observations

    def __call__(self, maps: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample]) -> None:
        """Calibrate the predictions of a batch in place.

        Args:
            maps: Maps of the encoder, ``(B, C_i, h_i, w_i)``.
            data_samples: One for each image, with predictions.
        """
        if self.observations is not None:
            self.observations.add(maps, data_samples)
        distances = [None] * len(data_samples) if self.distance is None else self.distance(pool(maps)).tolist()
        for image, distance in zip(data_samples, distances, strict=True):
            flag = {} if distance is None else dict(out_of_distribution=self._flag(distance))
            image.set_metainfo(flag)
            for sample in image:
                sample.set_metainfo(flag)
                if sample.task in self.states:
                    task = self.tasks[sample.task]
                    described = calibrator_of(task).apply(sample, task, self.states[task.name])
                    sample.set_metainfo(dict(uncertainty=dict(coverage=self.coverage) | described))

    def _flag(self, distance: float) -> dict[str, Any]:
        limit = self.distance.limit if self.distance is not None else math.inf
        return dict(distance=round(distance, 4), limit=round(limit, 4), flagged=distance > limit)

    def plain(self) -> dict[str, Any]:
        """Return the calibration as plain values, for the metadata of a checkpoint."""
        return dict(
            coverage=self.coverage,
            tasks=self.states,
            distance=None if self.distance is None else self.distance.plain(),
        )

    @classmethod
    def from_plain(cls, values: Any, tasks: TaskTable, file: Any) -> Calibration:
        """Create a calibration from the metadata of a checkpoint.

        Args:
            values: What :meth:`plain` returned.
            tasks: The tasks of the model.
            file: Path of the checkpoint, for the error message.

        Raises:
            WeightsError: If the values are not those of a calibration of these tasks.
        """
        try:
            coverage = values['coverage']
            if not 0 < coverage < 1:
                raise ValueError(f'coverage is {coverage!r}')
            for name, state in values['tasks'].items():
                _check_state(name, state, tasks)
            distance = None if values['distance'] is None else FeatureDistance.from_plain(values['distance'])
            return cls(tasks, values['tasks'], float(coverage), distance)
        except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
            reason = f'{type(error).__name__}: {error}'
            raise WeightsError(f'the calibration in {file} cannot be used ({reason})') from error

    def sentence(self) -> str:
        """Say what the calibration does, in one sentence."""
        what = [f'sets and margins at {100 * self.coverage:g} % coverage for {len(self.states)} tasks']
        if self.distance is not None:
            what.append('a flag for images unlike the training images')
        return f'calibrated: probabilities, {" and ".join(what)}, as the checkpoint says'


def _check_state(name: str, state: Mapping[str, Any], tasks: TaskTable) -> None:
    if name not in tasks:
        raise ValueError(f'task {name!r} is none of the model')
    if set(state['parameters']) != set(calibrator_of(tasks[name]).names_of_parameters(tasks[name])):
        raise ValueError(f'task {name!r} has the parameters {sorted(state["parameters"])}')
    for value in state['parameters'].values():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f'a parameter of task {name!r} is {value!r}')
    for value in state['limits'].values():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0):
            raise ValueError(f'a limit of task {name!r} is {value!r}')
