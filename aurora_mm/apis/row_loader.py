"""Loads rows for prediction: pipeline, threads, and groups of tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import Any

from aurora_mm.apis.task_groups import AUTO_TASKS, TaskGroup, group_tasks, named_tasks
from aurora_mm.errors import DataError
from aurora_mm.routing.task_router import IS_ROUTED
from aurora_mm.tasks import TaskTable

Row = dict[str, Any]
_THREADS = 4  # decoding and warping release Python's global lock


class RowLoader:
    """Runs a test pipeline for rows, in threads ahead of the use of the results.

    Args:
        pipeline: The pipeline, from a dict with ``img_path`` or ``img`` to ``inputs`` and ``data_samples``.
        tasks: The tasks of the model.
        has_views: Whether the pipeline makes several views of each image.
    """

    def __init__(self, pipeline: Callable[[Row], Row], tasks: TaskTable, has_views: bool = False) -> None:
        self.pipeline = pipeline
        self.tasks = tasks
        self.has_views = has_views

    def load(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[TaskGroup, Row | DataError]]:
        """Load rows in their order.

        Args:
            rows: See :meth:`MultiTaskInferencer.predict_rows`.

        Yields:
            A group of tasks of a row, and the result of the pipeline, or the error if the image cannot be read.

        Raises:
            ConfigError: If the model does not have a task.
        """
        groups = (group for position, row in enumerate(rows) for group in self._groups(position, row))
        first = list(islice(groups, 2))
        if len(first) < 2:  # threads would not be faster
            for group in first:
                yield group, self._load_one(group)
            return
        ahead: deque[tuple[TaskGroup, Future[Any]]] = deque()
        with ThreadPoolExecutor(_THREADS) as pool:
            for group in chain(first, groups):
                ahead.append((group, pool.submit(self._load_one, group)))
                if len(ahead) > 2 * _THREADS:
                    group, loaded = ahead.popleft()
                    yield group, loaded.result()
            for group, loaded in ahead:
                yield group, loaded.result()

    def _groups(self, position: int, row: Mapping[str, Any]) -> list[TaskGroup]:
        """Group the tasks of a row. With test-time augmentation, tasks that may not be flipped are a separate group."""
        if row.get('tasks') == AUTO_TASKS:
            return [TaskGroup(position, row, list(self.tasks), list(self.tasks), is_routed=True)]
        names = named_tasks(self.tasks, row['tasks'] if 'tasks' in row else [row['task']])
        groups = [names]
        if self.has_views:
            groups = [[name for name in names if self.tasks[name].flip == flip] for flip in (True, False)]
        return group_tasks(position, row, names, groups)

    def _load_one(self, group: TaskGroup) -> Row | DataError:
        try:
            item = self.pipeline(group.item(self.tasks))
        except DataError as error:
            return error
        if group.is_routed:
            item['data_samples'].set_metainfo({IS_ROUTED: True})
        return item
