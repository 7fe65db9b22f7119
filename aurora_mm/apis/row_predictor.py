"""Predicts rows in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from aurora_mm.apis.row_loader import Row, RowLoader
from aurora_mm.apis.task_groups import AUTO_TASKS, SampleJoiner, TaskGroup
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample, task_samples_of, to_host

Sample = TaskDataSample | MultiTaskDataSample


class RowPredictor:
    """Predicts any number of images with little memory.

    Images are grouped into batches by the size of their network input, so the order of the predictions differs from the
    order of the rows. Predictions of a batch come to the CPU together, so that those that a caller keeps take no memory
    of a GPU.

    Args:
        model: The model, in eval mode; a single one, an ensemble or one that averages over views.
        loader: Runs the test pipeline of the model.
        collate: Makes a batch of the results of the pipeline.
    """

    def __init__(self, model: Any, loader: RowLoader, collate: Callable[[Sequence[Row]], Any]) -> None:
        self._model = model
        self._loader = loader
        self._collate = collate

    def predict(self, rows: Iterable[Mapping[str, Any]], batch_size: int) -> Iterator[tuple[int, Sample | DataError]]:
        """Predict rows, and yield each prediction when it is ready.

        Args:
            rows: See :meth:`MultiTaskInferencer.predict_rows`.
            batch_size: Largest number of images in a batch.

        Yields:
            See :meth:`MultiTaskInferencer.predict_rows`.

        Raises:
            ConfigError: If the model does not have a task, or it has no router and a row needs one.
        """
        waiting: dict[Any, list[tuple[TaskGroup, Row]]] = {}
        joiner = SampleJoiner()
        failed = -1
        for group, item in self._loader.load(self._checked(rows)):
            if isinstance(item, DataError):
                if group.position != failed:  # all groups of a row have the same image
                    yield group.position, item
                failed = group.position
                continue
            size = _network_size(item)
            waiting.setdefault(size, []).append((group, item))
            if len(waiting[size]) == batch_size:
                yield from map(_checked_answer, joiner.add(self._answers(waiting.pop(size))))
        for batch in waiting.values():
            yield from map(_checked_answer, joiner.add(self._answers(batch)))

    def _checked(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Pass rows on, except those that need a router that is not there."""
        for row in rows:
            if row.get('tasks') == AUTO_TASKS and getattr(self._model, 'router', None) is None:
                raise ConfigError(
                    "'auto' needs one model with a router and no test-time views: `aurora-mm fit-router` fits one to a "
                    'checkpoint'
                )
            yield row

    @torch.no_grad()
    def _answers(self, batch: list[tuple[TaskGroup, Row]]) -> Iterator[tuple[TaskGroup, MultiTaskDataSample]]:
        samples = to_host(self._model.test_step(self._collate([row for _, row in batch])))
        for (group, _), sample in zip(batch, samples, strict=True):
            yield group, sample


def _checked_answer(answer: tuple[int, Sample]) -> tuple[int, Sample | DataError]:
    """Replace a prediction that follows from outputs which are not finite by an error.

    It could look like any other: the mask of logits that are nan is all background.
    """
    position, sample = answer
    wrong = [one.task for one in task_samples_of([sample]) if not one.get('outputs_are_finite', True)]
    if not wrong:
        return answer
    name = sample.get('img_path') or 'given as an array'
    return position, DataError(
        f'image {name} has no prediction: outputs of the model for {", ".join(wrong)} are not finite'
    )


def _network_size(row: Row) -> tuple[Any, ...]:
    """Return the shape of the network input of one image, or those of all of its views."""
    inputs = row['inputs']
    return tuple(view.shape for view in inputs) if isinstance(inputs, list) else inputs.shape
