"""Measures calibrations: reliability before and after, and the coverage that sets and margins reach."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from aurora_mm.calibration.calibration import Calibration
from aurora_mm.calibration.calibrator import Calibrator, Observation, State, calibrator_of
from aurora_mm.calibration.observations import Observations, TaskObservations, halves, taken
from aurora_mm.calibration.reliability import Reliability
from aurora_mm.tasks import Task, TaskTable

Content = dict[str, Any]


def cross_fit(found: Mapping[str, TaskObservations], tasks: TaskTable, coverage: float, repeats: int = 20) -> Content:
    """Measure what calibrations reach on images that they were not fitted to.

    The images of each task are split in two by group. Each half is calibrated by a state that was fitted to the other
    half. This is repeated with other random halves, and results are averaged.

    Args:
        found: Observations of uncalibrated predictions.
        tasks: The tasks.
        coverage: Coverage of the sets and margins.
        repeats: Number of random splits.

    Returns:
        The content of ``calibration.json``, see docs/calibration.md.
    """
    content = {}
    for name, (observations, groups) in found.items():
        task = tasks[name]
        parts = []
        for seed in range(repeats):
            first, second = halves(groups, seed)
            for fitted, held_out in ((first, second), (second, first)):
                if len(fitted) and len(held_out):
                    state = calibrator_of(task).fit(taken(observations, fitted), task, coverage)
                    parts.append((taken(observations, held_out), state))
        content[name] = _measured(task, observations, parts)
    return dict(coverage=coverage, method=f'cross-fitting, {repeats} random halves', tasks=content)


def measure(calibration: Calibration, observations: Observations) -> Content:
    """Measure what the calibration of a checkpoint reaches on the images of a test.

    Args:
        calibration: The calibration, which was fitted to other images.
        observations: Observations of the uncalibrated predictions. All processes must call this function.

    Returns:
        See :func:`cross_fit`; in addition ``flagged``, the fraction of images that are flagged as unlike the training
        images.
    """
    found, states = observations.gather(), calibration.states
    content = dict(
        coverage=calibration.coverage,
        method='the calibration of the checkpoint',
        tasks={
            name: _measured(calibration.tasks[name], images.observations, [(images.observations, states[name])])
            for name, images in found.items()
            if name in states
        },
    )
    if calibration.distance is not None:
        flagged = calibration.distance(observations.features()) > calibration.distance.limit
        content['flagged'] = float(flagged.mean())
    return content


def _measured(task: Task, observations: list[Observation], parts: Sequence[tuple[list[Observation], State]]) -> Content:
    """Measure states on held-out observations.

    Args:
        task: The task.
        observations: All observations, for the reliability before calibration.
        parts: Held-out observations, each with a state that was fitted to others.
    """
    calibrator = calibrator_of(task)
    before = calibrator.confidences(observations, {})
    reliability: Content = dict(before=None, after=None)
    if before is not None and parts:
        reliability['before'] = Reliability.of(*before).plain()
        # Means over the splits: pooling them would hide errors that differ, and count each image several times.
        each = _by_split(calibrator, parts)
        confidence, correct = (np.concatenate(column) for column in zip(*each, strict=True))
        pooled = Reliability.of(confidence, correct)
        errors = [Reliability.of(*columns) for columns in each]
        reliability['after'] = pooled.plain() | {
            key: fmean(getattr(error, key) for error in errors) for key in ('ece', 'chance')
        }
    return dict(
        type=task.type,
        images=len(observations),
        unit=calibrator.unit_of(task),
        statement=calibrator.statement,
        reliability=reliability,
        coverage=_coverages(task, parts),
    )


def _by_split(
    calibrator: Calibrator, parts: Sequence[tuple[list[Observation], State]]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return confidences and correctness of each split, whose two halves together have each image once."""
    step = 2 if len(parts) > 1 else 1
    each = []
    for start in range(0, len(parts), step):
        pairs = [calibrator.confidences(o, state['parameters']) for o, state in parts[start : start + step]]
        confidence, correct = zip(*(pair for pair in pairs if pair is not None), strict=True)
        each.append((np.concatenate(confidence), np.concatenate(correct)))
    return each


def _coverages(task: Task, parts: Sequence[tuple[list[Observation], State]]) -> Content:
    """Return the coverage and the mean size of sets or margins by target."""
    calibrator = calibrator_of(task)
    inside: dict[str, list[bool]] = {}
    sizes: dict[str, list[float]] = {}
    for held_out, state in parts:
        for observation in held_out:
            for target, score in calibrator.scores(observation, task, state['parameters']).items():
                limit = state['limits'].get(target)
                if math.isnan(score):
                    continue
                limit = math.inf if limit is None else limit
                inside.setdefault(target, []).append(score <= limit)
                if math.isfinite(limit):
                    size = calibrator.size(observation, target, limit, state['parameters'])
                    sizes.setdefault(target, []).append(size)
    return {
        target: dict(
            reached=fmean(covered),
            size=fmean(sizes[target]) if target in sizes else None,
            unlimited=1 - len(sizes.get(target, ())) / len(covered),
        )
        for target, covered in inside.items()
    }
