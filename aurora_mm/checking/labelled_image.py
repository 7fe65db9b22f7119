"""Images with their labels, gathered by task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from aurora_mm.checking.image_facts import ImageFacts
from aurora_mm.checking.label_facts import LabelFacts


class LabelledImage(NamedTuple):
    """An image with its row and its label of one task.

    Args:
        image: What is known of the image.
        row: The row of the task, as a data set lists it.
        label: What is known of the label.
    """

    image: ImageFacts
    row: dict[str, Any]
    label: LabelFacts

    @property
    def place(self) -> str:
        """File and row of the label."""
        return f'{self.row["csv_file"]}, row {self.row["csv_row"]}'


def by_task(facts: Sequence[ImageFacts]) -> dict[str, list[LabelledImage]]:
    """Gather the labels that can be read by task, in the order of the images; a task without any has none."""
    found: dict[str, list[LabelledImage]] = defaultdict(list)
    for fact in facts:
        for row in fact.rows:
            if row['task'] in fact.labels:
                found[row['task']].append(LabelledImage(fact, row, fact.labels[row['task']]))
    return found
