"""A baseline that does not look at the image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aurora_mm.baselines.constant_answers import CONSTANT_ANSWERS, ConstantAnswer
from aurora_mm.errors import ConfigError
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import TaskTable


class ConstantPredictor:
    """Predicts the same for every image of a task: the best prediction that the training annotations allow.

    A model that is not better has learned nothing about the images of that task.

    Args:
        tasks: The tasks to predict.

    Example:
        >>> predictor = ConstantPredictor(tasks)
        >>> predictor.fit(sample for i in range(len(dataset)) for sample in dataset[i]['data_samples'])
        >>> prediction = predictor.predict(sample)
    """

    def __init__(self, tasks: TaskTable) -> None:
        self._tasks = tasks
        self._answers: dict[str, ConstantAnswer] = {}

    def fit(self, samples: Iterable[TaskDataSample]) -> None:
        """Compute the prediction of each task in the samples; earlier predictions are dropped.

        Args:
            samples: Training samples with annotations in original coordinates. They are read once, one after the other.

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
        """Return the predictions by task as plain values; :meth:`load_state` restores them."""
        return {name: answer.state() for name, answer in self._answers.items()}

    def load_state(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Restore predictions that :meth:`state` returned, instead of calling :meth:`fit`."""
        self._answers = {}
        for name, values in state.items():
            self._answers[name] = CONSTANT_ANSWERS[self._tasks[name].type](self._tasks[name])
            self._answers[name].load_state(values)

    def predict(self, sample: TaskDataSample, readable: bool = True) -> TaskDataSample:
        """Predict for a sample.

        Args:
            sample: The sample. It needs ``task`` and, except for classification, ``ori_shape``.
            readable: Whether its image can be read; see :meth:`ConstantAnswer.put_fallback`.

        Returns:
            A copy of ``sample`` with predictions in original coordinates.

        Raises:
            ConfigError: If :meth:`fit` got no sample of the task.
        """
        if sample.task not in self._answers:
            raise ConfigError(f'no training sample of task {sample.task!r} was seen, so there is no answer for it')
        answered: TaskDataSample = sample.clone()
        answer = self._answers[sample.task]
        if readable:
            answer.put(answered)
        else:
            answer.put_fallback(answered)
        return answered
