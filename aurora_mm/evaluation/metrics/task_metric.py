"""What the official metrics have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric


class TaskMetric(BaseMetric):
    """A metric of one task with a primary score.

    A subclass measures one sample at a time (:meth:`measure`), then sums up (:meth:`compute_metrics`), and says
    which single fraction stands for the task (:meth:`primary`). Names of classes or points come from
    ``dataset_meta['classes']``.
    """

    default_prefix = ''  # no prefix, and no warning about having none

    @property
    def names(self) -> Sequence[str]:
        """Names of the task's classes or points."""
        return self.dataset_meta['classes']

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Measures each sample.

        Args:
            data_batch: Not used.
            data_samples: Samples as nested dicts.
        """
        self.results.extend(self.measure(sample) for sample in data_samples)

    @abstractmethod
    def measure(self, sample: Mapping[str, Any]) -> Any:
        """What is kept of one sample: something small that can be pickled."""

    @staticmethod
    @abstractmethod
    def primary(metrics: Mapping[str, float]) -> float:
        """The one number in [0, 1], more is better, that stands for the task.

        Args:
            metrics: What :meth:`compute_metrics` returned.
        """
