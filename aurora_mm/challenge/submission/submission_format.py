"""How predictions of a task type stand in a submission."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from aurora_mm.challenge.submission.problems import Problem
from aurora_mm.structures import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

Entry = dict[str, Any]
"""What a JSON list holds of one image."""


class SubmissionFormat(ABC):
    """How predictions of a task type stand in a submission: as entries of a JSON list, or as files of their own.

    Attributes:
        list_file: Name of the JSON list; ``''`` if each image has a file of its own.
    """

    list_file = ''

    def entry(self, sample: TaskDataSample) -> Entry | None:
        """Makes the list's entry for a sample's prediction; None if there is no list.

        Raises:
            ConfigError: If the prediction is missing or not finite.
        """
        return None

    def write_file(self, folder: Path, sample: TaskDataSample) -> Path | None:
        """Writes a sample's prediction as a file of its own, whole or not at all; None if it has no such file.

        Args:
            folder: The submission's.
            sample: With its prediction in original pixels.

        Raises:
            ConfigError: If the prediction is missing.
            DataError: If there is no place for the file.
        """
        return None

    @abstractmethod
    def put(self, sample: TaskDataSample, task: Task, folder: Path, entry: Entry | None) -> list[Problem]:
        """Sets what a submission predicts as a sample's prediction.

        Args:
            sample: Of the image, without prediction.
            task: Of the sample.
            folder: The submission's.
            entry: The image's entry in the list, if there is a list and the image is in it.

        Returns:
            What is wrong with the prediction. If one of the problems is not ``scored``, nothing is set.
        """


SUBMISSION_FORMATS: ByTaskType[SubmissionFormat] = ByTaskType('place in a submission')
