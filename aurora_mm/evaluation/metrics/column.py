"""What a number is called and how it is read."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One kind of number that a metric gives, of a task or of a target in an image.

    Args:
        name: Its key in results, files and tables.
        unit: ``''`` for a fraction; else the unit, such as ``'px'`` for pixels of the original image.
        higher_is_better: Whether a higher number is the better one.
        brief: Whether tables of few columns show it.
        undefined: What a task's score counts as where it is not defined; nan leaves it undefined.
        title: What charts call it; ``name`` by default.
    """

    name: str
    unit: str = ''
    higher_is_better: bool = True
    brief: bool = True
    undefined: float = math.nan
    title: str = ''

    def __post_init__(self) -> None:
        object.__setattr__(self, 'title', self.title or self.name)

    def text(self, value: float | None) -> str:
        """The number with its unit, such as ``'0.912'`` or ``'12.3 px'``; ``'-'`` for None."""
        if value is None:
            return '-'
        return f'{value:.1f} {self.unit}' if self.unit else f'{value:.3f}'

    def named_text(self, value: float | None) -> str:
        """Name and number, such as ``'DSC 0.912'``."""
        return f'{self.name} {self.text(value)}'
