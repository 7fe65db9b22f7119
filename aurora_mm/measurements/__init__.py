"""Lengths, areas and angles in mm from what a model finds in an image."""

from __future__ import annotations

from aurora_mm.errors import ConfigError
from aurora_mm.measurements.box_measurements import BoxHeight, BoxMeasurement, BoxWidth
from aurora_mm.measurements.mask_measurements import (
    AngleOfProgression,
    Area,
    Circumference,
    EllipseMeasurement,
    LargestDiameter,
    LongAxis,
    MaskMeasurement,
    PerpendicularDiameter,
    ShortAxis,
)
from aurora_mm.measurements.measurement import Measured, Measurement
from aurora_mm.measurements.point_measurements import Angle, AxesCircumference, Distance, PointMeasurement
from aurora_mm.measurements.structure import Structure, structure_of
from aurora_mm.registry import MEASUREMENTS
from aurora_mm.tasks import Task

__all__ = [
    'Angle',
    'AngleOfProgression',
    'Area',
    'AxesCircumference',
    'BoxHeight',
    'BoxMeasurement',
    'BoxWidth',
    'Circumference',
    'Distance',
    'EllipseMeasurement',
    'LargestDiameter',
    'LongAxis',
    'MaskMeasurement',
    'Measured',
    'Measurement',
    'PerpendicularDiameter',
    'PointMeasurement',
    'ShortAxis',
    'Structure',
    'measurements_of',
    'structure_of',
]


def measurements_of(task: Task) -> list[Measurement]:
    """The measurements that a task's config names, built.

    Tasks also come from checkpoints and model folders, and MMEngine would import and call anything that a dotted
    ``type`` names. Therefore only what is registered is built.

    Raises:
        ConfigError: If one is not known, or its arguments are wrong; the message names the task.
    """
    MEASUREMENTS.import_from_location()
    built: list[Measurement] = []
    for config in task.measurements:
        arguments = dict(config, task=task)
        name = arguments.pop('type')
        kind = MEASUREMENTS.module_dict.get(name.removeprefix(f'{MEASUREMENTS.scope}.'))
        try:
            if kind is None:
                raise TypeError(f'{name!r} is not registered')
            built.append(kind(**arguments))
        except TypeError as error:
            known = ', '.join(sorted(MEASUREMENTS.module_dict))
            raise ConfigError(f'measurement {config} of task {task.name!r}: {error} (known are {known})') from error
    names = [measurement.name for measurement in built]
    if len(set(names)) != len(names):
        raise ConfigError(f'task {task.name!r} has two measurements of one name: {names}')
    return built
