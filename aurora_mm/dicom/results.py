from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aurora_mm.dicom.answer import Answer
from aurora_mm.dicom.equipment import Equipment
from aurora_mm.dicom.packages import require_packages
from aurora_mm.dicom.report import make_report
from aurora_mm.dicom.segmentation import make_segmentation
from aurora_mm.dicom.source import DicomSource
from aurora_mm.errors import DataError
from aurora_mm.files import whole_file
from aurora_mm.measurements import Measured, Measurement
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task
from aurora_mm.visualization.drawers import SHOWN_SCORE, drawer_of

if TYPE_CHECKING:
    from pydicom import Dataset

# What highdicom raises on headers whose values the standard does not allow; it has no error of its own.
_ERRORS = (ValueError, TypeError, AttributeError, KeyError)


class DicomResults:
    """Collects the answers to DICOM files and makes one SEG a task with masks, and one SR, of each file.

    Args:
        equipment: What made the answers.

    Raises:
        ConfigError: If the extra ``dicom`` is not installed.
    """

    def __init__(self, equipment: Equipment) -> None:
        require_packages('pydicom', 'highdicom')
        self.equipment = equipment
        self._answers: dict[str, list[Answer]] = {}

    def add(
        self,
        path: str | Path,
        frame: int | None,
        task: Task,
        sample: TaskDataSample,
        measured: Sequence[tuple[Measurement, Measured]],
    ) -> None:
        """Keep one task's answer to one picture.

        Args:
            path: Of the file.
            frame: Counted from 0; None where the file holds one picture.
            task: The task.
            sample: Its prediction. Of its boxes those are kept that pictures show.
            measured: What was measured.
        """
        shown = drawer_of(task).select(sample, SHOWN_SCORE)
        self._answers.setdefault(str(path), []).append(Answer.of(task, frame or 0, shown, measured))

    @property
    def files(self) -> list[str]:
        """The files that have answers."""
        return list(self._answers)

    def make(self, path: str | Path) -> dict[str, Dataset]:
        """Make the objects of one file, whose answers are forgotten then.

        Args:
            path: Of the file, one with answers.

        Returns:
            The SEGs by the names of their tasks, and the SR as ``''``, the last.

        Raises:
            BadImage: If the file cannot be read any more.
            DataError: If its header holds values of patient or study that the standard does not allow.
        """
        source = DicomSource(path)
        answers = sorted(self._answers.pop(str(path)), key=lambda answer: answer.frame)
        by_task: dict[str, list[Answer]] = {}
        for answer in answers:
            by_task.setdefault(answer.task.name, []).append(answer)
        masked = {name: found for name, found in by_task.items() if found[0].packed_masks is not None}
        try:
            with _without_warnings():
                objects = {
                    name: make_segmentation(source, found, self.equipment, number)
                    for number, (name, found) in enumerate(masked.items(), 1)
                }
                objects[''] = make_report(source, answers, objects.copy(), self.equipment)
        except _ERRORS as error:
            raise DataError(f'has a header from which no DICOM result can be made ({error})', file=path) from error
        return objects


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep highdicom from printing names of patients that are spelt in an unusual way."""
    logger = logging.getLogger('highdicom.base')
    was_disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.disabled = was_disabled


def save(result: Dataset, file: Path) -> None:
    """Write a DICOM object as a file, whole or not at all."""
    with whole_file(file) as partial:
        result.save_as(partial, enforce_file_format=True)
