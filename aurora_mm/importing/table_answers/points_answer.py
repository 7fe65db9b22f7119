from __future__ import annotations

from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.importing.table_answers.one_row_answer import OneRowAnswer
from aurora_mm.importing.table_answers.table_answer import are_names
from aurora_mm.importing.table_file import TableRow
from aurora_mm.structures import points_array


class PointsAnswer(OneRowAnswer):
    """``columns``: the columns of x and y of each point, by its name; ``NAME_x`` and ``NAME_y`` where none are given.

    Coordinates are in pixels of the image as it is stored, with (0, 0) at the outer corner of its first pixel. With
    ``missing_points``: true, points whose two cells are blank are not labelled; without it they are an error.
    """

    keys = ('columns', 'missing_points')
    has_place = True

    def _columns(self) -> tuple[str, ...]:
        self.may_miss = self.fields.get('missing_points', False)
        if not isinstance(self.may_miss, bool):
            raise ConfigError(f'{self.place}: missing_points is {self.may_miss!r}, neither true nor false')
        pairs = self._by_output(lambda name: [f'{name}_x', f'{name}_y'])
        for pair in pairs:
            if not are_names(pair, 2):
                raise ConfigError(f'{self.place}: {pair!r} must be the columns of x and y of a point')
        return tuple(column for pair in pairs for column in pair)

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        pairs = zip(self.columns[::2], self.columns[1::2], strict=True)
        return dict(points=[self._point(row, pair) for pair in pairs])

    def _point(self, row: TableRow, pair: tuple[str, str]) -> list[float] | None:
        if row.is_blank(pair):
            if not self.may_miss:
                raise row.fault(
                    f"columns {pair[0]!r} and {pair[1]!r} are blank; 'missing_points': true in the map reads that as a "
                    'point that is not labelled'
                )
            return None
        return [row.number(column) for column in pair]

    def complete(self, said: dict[str, Any], image: str, row: TableRow) -> dict[str, Any]:
        """See :meth:`TableAnswer.complete`."""
        self._check_inside('points', points_array(said['points']), image, row)
        return said
