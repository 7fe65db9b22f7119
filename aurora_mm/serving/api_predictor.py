"""What the API computes: from files to entries of ``predictions.json``."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.apis.task_groups import AUTO_TASKS
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.image_finder import Problem
from aurora_mm.measurements import measurements_of
from aurora_mm.prediction_files.contents import head_content, image_content, prediction_content
from aurora_mm.prediction_files.records import record_of
from aurora_mm.prediction_files.view_spread import measure
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.tasks import TaskTable

Row = Mapping[str, Any]
_SIDE = 64  # pixels of the image that the model predicts before it is asked


class ApiPredictor:
    """Predicts rows and describes the results as ``predictions.json`` does.

    Args:
        inferencer: The model.
        tasks: Its tasks, with the measurements to take.
        models: Paths of the files of the model. Only their names are answered.
        max_batch: Most images of one network size that go through the model together.
    """

    def __init__(
        self, inferencer: MultiTaskInferencer, tasks: TaskTable, models: Sequence[str | Path], max_batch: int = 8
    ) -> None:
        self.inferencer = inferencer
        self.tasks = tasks
        self.models = [Path(model).name for model in models]
        self.max_batch = max_batch
        self._measurements = {task.name: measurements_of(task) for task in tasks.values()}

    def asked(self, names: str) -> list[str] | str:
        """Return the tasks of a row.

        Args:
            names: Names of tasks, separated by commas; ``'all'``; or ``'auto'``, for the choice of the router.

        Raises:
            ConfigError: If the model does not have a task or a router, or a name is given twice.
        """
        if names == AUTO_TASKS:
            if self.inferencer.router is None:
                raise ConfigError("the model has no router, so tasks cannot be 'auto'")
            return AUTO_TASKS
        asked = 'all' if names == 'all' else [name.strip() for name in names.split(',')]
        known: list[str] = self.inferencer.task_names(asked)
        return known

    def predict(self, rows: Sequence[Row]) -> list[MultiTaskDataSample | DataError]:
        """Predict rows together. An answer does not depend on the other rows.

        Args:
            rows: See :meth:`MultiTaskInferencer.predict_rows`; with ``tasks``.

        Returns:
            For each row the prediction, or the error if the image cannot be used.
        """
        found = dict(self.inferencer.predict_rows(rows, self.max_batch))
        return [found[position] for position in range(len(rows))]

    def warm_up(self) -> None:
        """Predict a black image, so that the first request does not wait for what is only done once."""
        black = np.zeros((_SIDE, _SIDE, 3), np.uint8)
        self.predict([dict(img=black, img_path='', tasks=list(self.tasks))])

    def content(self, sample: MultiTaskDataSample, with_masks: bool = False) -> dict[str, Any]:
        """Describe the predictions of an image as an entry of ``images``.

        Args:
            sample: The predictions.
            with_masks: Whether ``mask`` holds the mask of class indices as a data URI of a PNG image.
        """
        return image_content(sample, [self._prediction(one, with_masks) for one in sample])

    def head(self, asked: Sequence[str] | str, problems: Sequence[Problem]) -> dict[str, Any]:
        """Describe everything but ``images``.

        Args:
            asked: Return value of :meth:`asked`.
            problems: What was left out.
        """
        names = list(self.tasks) if asked == AUTO_TASKS else asked
        return head_content(TaskTable(self.tasks[name] for name in names), self.models, problems)

    def _prediction(self, sample: TaskDataSample, with_masks: bool) -> dict[str, Any]:
        task = self.tasks[sample.task]
        content = prediction_content(sample, task, measure(self._measurements[task.name], sample))
        mask = record_of(task.type).mask(sample) if with_masks else None
        return content if mask is None else content | dict(mask=_data_uri(mask))


def _data_uri(mask: NDArray[np.uint8 | np.uint16]) -> str:
    encoded, data = cv2.imencode('.png', mask)
    assert encoded
    return f'data:image/png;base64,{base64.b64encode(data.tobytes()).decode()}'
