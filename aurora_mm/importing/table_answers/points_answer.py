from __future__ import annotations

from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.importing.table_answers.one_row_answer import OneRowAnswer
from aurora_mm.importing.table_answers.table_answer import are_names
from aurora_mm.importing.table_file import TableRow


class PointsAnswer(OneRowAnswer):
    """``columns``: the columns of x and y of each point, by its name; ``NAME_x`` and ``NAME_y`` where none are given.

    Coordinates are in pixels of the image as it is stored, with (0, 0) at the outer corner of its first pixel.
    """

    keys = ('columns',)
    has_place = True

    def _columns(self) -> tuple[str, ...]:
        pairs = self._by_output(lambda name: [f'{name}_x', f'{name}_y'])
        for pair in pairs:
            if not are_names(pair, 2):
                raise ConfigError(f'{self.place}: {pair!r} must be the columns of x and y of a point')
        return tuple(column for pair in pairs for column in pair)

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        numbers = [row.number(column) for column in self.columns]
        return dict(points=[list(pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)])

    def complete(self, said: dict[str, Any], image: str, row: TableRow) -> dict[str, Any]:
        """See :meth:`TableAnswer.complete`."""
        self._check_inside('points', said['points'], image, row)
        return said
