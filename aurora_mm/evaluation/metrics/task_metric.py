"""What the official metrics have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from aurora_mm.evaluation.per_image import TargetResult


class TaskMetric(BaseMetric):
    """A metric of one task with a primary score.

    A subclass measures one image at a time (:meth:`measure`), then sums up (:meth:`compute_metrics`), and says
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
    def measure(self, sample: Mapping[str, Any]) -> list[TargetResult]:
        """The image's rows of the table of results, one for each target of the task."""

    @abstractmethod
    def compute_metrics(self, results: list[list[TargetResult]]) -> dict[str, float]:
        """The scores of a task.

        Args:
            results: What :meth:`measure` gave for each image.
        """

    @staticmethod
    @abstractmethod
    def primary(metrics: Mapping[str, float]) -> float:
        """The one number in [0, 1], more is better, that stands for the task.

        Args:
            metrics: What :meth:`compute_metrics` returned.
        """

    @staticmethod
    def target(sample: Mapping[str, Any], name: str, **values: Any) -> TargetResult:
        """A row for one target of a sample.

        Args:
            sample: Gives the row's place: task, files and size.
            name: Of the target.
            values: The row's other cells.
        """
        height, width = sample['ori_shape']
        return TargetResult(
            task=sample['task'],
            type=sample['task_type'],
            target=name,
            img_id=sample['img_id'],
            image_path=sample.get('image_path', ''),
            mask_path=sample.get('mask_path', ''),
            img_path=str(sample.get('img_path', '')),
            group=sample.get('group', ''),
            height=height,
            width=width,
            **values,
        )
