"""Threads in which metrics measure images while the model continues."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from aurora_mm.evaluation.metrics import TaskMetric

# Unfinished measurements for each worker. If there are more, `start` waits, so that memory stays bounded.
_MOST_WAITING = 16


class MeasurementWorkers:
    """A pool of threads that measure samples.

    SciPy, OpenCV and NumPy release the interpreter's lock while they work on masks. So threads are as fast as
    processes here, and no data has to be sent to them.

    Args:
        num_workers: Number of threads, at least 1. They start with the first sample.
    """

    def __init__(self, num_workers: int) -> None:
        self.num_workers = num_workers
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[Any]] = deque()

    def start(self, metric: TaskMetric, sample: Mapping[str, Any]) -> Future[Any]:
        """Start to measure a sample, after waiting for the oldest measurement if too many are unfinished.

        Args:
            metric: The metric that measures.
            sample: The sample as nested dicts.

        Returns:
            The future of the rows of the sample, see :meth:`TaskMetric.measure`.

        Raises:
            Exception: If the oldest measurement failed; see :meth:`result`.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.num_workers, thread_name_prefix='aurora_mm metric')
        if len(self._waiting) >= _MOST_WAITING * self.num_workers:
            self.result(self._waiting.popleft())
        future = self._pool.submit(metric.measure, sample)
        self._waiting.append(future)
        return future

    def result(self, future: Future[Any]) -> Any:
        """Wait for a measurement and return its result.

        Args:
            future: A result of :meth:`start`.

        Raises:
            Exception: The error of the measurement, if it failed. All other measurements are then stopped.
        """
        try:
            return future.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Cancel measurements that have not begun, wait for the others and end the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool = None
        self._waiting.clear()
