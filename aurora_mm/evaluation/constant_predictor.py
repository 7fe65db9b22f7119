"""A baseline that answers without looking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.constant_answers import CONSTANT_ANSWERS, ConstantAnswer
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import TaskTable


class ConstantPredictor:
    """Gives every image of a task the same answer, the best one that training annotations allow.

    A model that does not beat it has learned nothing about the images of that task.

    Args:
        tasks: The tasks to answer.

    Example:
        >>> predictor = ConstantPredictor(tasks)
        >>> predictor.fit(dataset[i]['data_samples'] for i in range(len(dataset)))
        >>> prediction = predictor.predict(sample)
    """

    def __init__(self, tasks: TaskTable) -> None:
        self._tasks = tasks
        self._answers: dict[str, ConstantAnswer] = {}

    def fit(self, samples: Iterable[TaskDataSample]) -> None:
        """Learns an answer for each task that occurs; what was learned before is dropped.

        Args:
            samples: Training samples with annotations in pixels of the original image. They are read once, in turn.

        Raises:
            DataError: If a sample has no annotation.
            ConfigError: If annotations are not in original coordinates or a task is not in the table.
        """
        answers: dict[str, ConstantAnswer] = {}
        for sample in samples:
            name = sample.task
            if name not in self._tasks:
                raise ConfigError(f'{sample.get("img_path")} is of task {name!r}, which is none of {self._tasks!r}')
            if name not in answers:
                answers[name] = CONSTANT_ANSWERS[self._tasks[name].type](self._tasks[name])
            answers[name].add(sample.to_dict())
        for answer in answers.values():
            answer.finish()
        self._answers = answers

    def state(self) -> dict[str, dict[str, Any]]:
        """The answers by task as plain values; :meth:`load_state` takes them back."""
        return {name: answer.state() for name, answer in self._answers.items()}

    def load_state(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Takes answers that :meth:`state` gave, in place of :meth:`fit`."""
        self._answers = {}
        for name, values in state.items():
            self._answers[name] = CONSTANT_ANSWERS[self._tasks[name].type](self._tasks[name])
            self._answers[name].load_state(values)

    def predict(self, sample: TaskDataSample) -> TaskDataSample:
        """The task's answer to a sample.

        Args:
            sample: Needs ``task`` and, but for classification, ``ori_shape``.

        Returns:
            A copy of ``sample`` with predictions in pixels of its original image.

        Raises:
            ConfigError: If :meth:`fit` saw no sample of the task.
        """
        if sample.task not in self._answers:
            raise ConfigError(f'no training sample of task {sample.task!r} was seen, so there is no answer for it')
        answered = sample.clone()
        self._answers[sample.task].put(answered)
        return answered
