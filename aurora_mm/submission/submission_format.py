"""The interface of submission formats, one for each task type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.structures import TaskDataSample
from aurora_mm.submission.problems import Problem
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

Entry = dict[str, Any]
"""An entry of a JSON list, which is for one image."""


class SubmissionFormat(ABC):
    """Base class: the format of the predictions of one task type, which are entries of a JSON list or separate files.

    Attributes:
        list_file: File name of the JSON list; ``''`` if each image has a separate file.
    """

    list_file = ''

    def entry(self, sample: TaskDataSample) -> Entry | None:
        """Create the list entry for the prediction of a sample.

        Args:
            sample: Sample with its prediction in original coordinates.

        Returns:
            The entry; None if the format has no list.

        Raises:
            ConfigError: If the prediction is missing or not finite.
        """
        return None

    def write_file(self, folder: Path, sample: TaskDataSample) -> Path | None:
        """Write the prediction of a sample to a separate file, atomically.

        Args:
            folder: Folder of the submission.
            sample: Sample with its prediction in original coordinates.

        Returns:
            Path of the file; None if the format has no separate files.

        Raises:
            ConfigError: If the prediction is missing.
            DataError: If the row has no valid path for the file.
        """
        return None

    @abstractmethod
    def put(self, sample: TaskDataSample, task: Task, folder: Path, entry: Entry | None) -> list[Problem]:
        """Set the prediction of a sample from a submission.

        Args:
            sample: Sample of the image without prediction. Changed in place.
            task: Task of the sample.
            folder: Folder of the submission.
            entry: Entry of the image in the list, if there is one.

        Returns:
            The problems of the prediction. If one of them is not ``scored``, no prediction is set.
        """


SUBMISSION_FORMATS: ByTaskType[SubmissionFormat] = ByTaskType('place in a submission')


def require_submission_formats(tasks: Mapping[str, Task]) -> None:
    """Check that every task has a place in a submission.

    Args:
        tasks: Tasks by name.

    Raises:
        ConfigError: If a task is of a type that the challenge does not have.
    """
    for task in tasks.values():
        if task.type not in SUBMISSION_FORMATS:
            raise ConfigError(
                f'task {task.name!r} is of type {task.type}, which has no place in a submission to the challenge; it '
                f'has {", ".join(SUBMISSION_FORMATS)}. Leave the task out by --tasks, or do without --submission'
            )
