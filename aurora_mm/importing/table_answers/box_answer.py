from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.importing.table_answers.class_cells import class_index
from aurora_mm.importing.table_answers.table_answer import TableAnswer, are_names
from aurora_mm.importing.table_file import TableRow

BOX_FORMATS = ('xyxy', 'xywh')


class BoxAnswer(TableAnswer):
    """``box``: the four columns of a box in pixels; ``box_format``: ``xyxy`` or ``xywh``; ``class``: that of classes.

    A row is a box; one whose four cells are blank says that the image has none. ``class`` may be left out if the task
    has one class.
    """

    keys = ('box', 'box_format', 'class')
    has_place = True

    def _columns(self) -> tuple[str, ...]:
        box: Any = self.fields.get('box')
        self._format = self.fields.get('box_format', 'xyxy')
        if not are_names(box, 4):
            raise ConfigError(f'{self.place}: box must be the four columns of a box, not {box!r}')
        if self._format not in BOX_FORMATS:
            raise ConfigError(f'{self.place}: box_format must be {" or ".join(BOX_FORMATS)}, not {self._format!r}')
        if 'class' not in self.fields and self.task.num_outputs > 1:
            raise ConfigError(f"{self.place}: there are several classes; name the column of those of boxes as 'class'")
        return (*box, self._column('class')) if 'class' in self.fields else tuple(box)

    def read(self, rows: Sequence[TableRow]) -> dict[str, Any] | None:
        """See :meth:`TableAnswer.read`."""
        filled = [row for row in rows if not row.is_blank(self.columns[:4])]
        boxes = [self._box(row) for row in filled]
        if self.task.type == 'multi_object_detection':
            return dict(bboxes=boxes, bboxes_labels=[self._label(row) for row in filled])
        if len(boxes) > 1:
            raise filled[1].fault(
                f'is a second box in the image of row {filled[0].line}, but task {self.task.name!r} has one box an '
                'image; tasks of type multi_object_detection have any number'
            )
        return dict(bbox=boxes[0]) if boxes else None

    def complete(self, said: dict[str, Any], image: str, row: TableRow) -> dict[str, Any]:
        """See :meth:`TableAnswer.complete`."""
        for box in said.get('bboxes', [said.get('bbox')]):
            self._check_inside('box', box, image, row)
        return said

    def _box(self, row: TableRow) -> list[float]:
        x1, y1, x2, y2 = (row.number(column) for column in self.columns[:4])
        if self._format == 'xywh':
            x2, y2 = x1 + x2, y1 + y2
        if not (x1 < x2 and y1 < y2):
            raise row.fault(f'the box from {(x1, y1)} to {(x2, y2)} has no area')
        return [x1, y1, x2, y2]

    def _label(self, row: TableRow) -> int:
        return class_index(self.task, row, self.columns[4]) if len(self.columns) > 4 else 0
