"""Names and units of the numbers of a metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

TASK_UNIT = 'units'
"""Stands for the unit of a task in the columns of a metric, which serve all tasks."""


@dataclass(frozen=True)
class Column:
    """Name and unit of one number that a metric computes for a task or for a target in an image.

    Args:
        name: Key of the number in results, files and tables.
        unit: ``''`` for a number without unit in [0, 1], otherwise the unit, such as ``'px'`` for original pixels, or
            :data:`TASK_UNIT` for the unit of the task.
        higher_is_better: Whether higher numbers are better.
        brief: Whether tables with few columns show the number.
        undefined: What the official scorer takes where the score of a task is not defined, which is nan here; nan if it
            takes nothing.
        title: Name of the number in charts; ``name`` by default.
        digits: Number of decimal places of a number with a unit.
        optional: Whether only some images have the number, such as one in mm, for which the size of pixels must be
            known. It is a mean over these images, and tables leave it out where no image has it.
        is_count: Whether the number counts images. It has no interval and is added up over tasks.
    """

    name: str
    unit: str = ''
    higher_is_better: bool = True
    brief: bool = True
    undefined: float = math.nan
    title: str = ''
    digits: int = 1
    optional: bool = False
    is_count: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, 'title', self.title or self.name)

    @property
    def unit_beside_name(self) -> str:
        """The unit as heads of tables show it beside the name: ``''`` if the name ends with it, as ``HD95_mm``."""
        return '' if self.name.endswith(f'_{self.unit}') else self.unit

    def of_unit(self, unit: str) -> Column:
        """Return the column with the unit of a task in place of :data:`TASK_UNIT`, if the task has one."""
        return replace(self, unit=unit) if unit and self.unit == TASK_UNIT else self

    def text(self, value: float | None) -> str:
        """Format a number with its unit, such as ``'0.912'`` or ``'12.3 px'``; None and nan become ``'-'``."""
        if value is None or math.isnan(value):
            return '-'
        if self.is_count:
            return f'{value:.0f}'
        return f'{value:.{self.digits}f} {self.unit}' if self.unit else f'{value:.3f}'

    def named_text(self, value: float | None) -> str:
        """Format name and number, such as ``'DSC 0.912'``."""
        return f'{self.name} {self.text(value)}'
