"""A metric of another package as the one that a task is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.registry import METRICS


@METRICS.register_module()
class ForeignMetric(BaseMetric):
    """Makes a metric of mmdet or mmseg the judge of a task that this package's metrics do not fit.

    Beside a metric of this package no wrapper is needed; alone, ``mmdet.CocoMetric`` does not say which of its figures
    counts. All figures are kept under their own names. Such a metric keeps no rows of images, so the task has no
    confidence intervals and no breakdowns.

    Args:
        metric: Config of the metric.
        primary: Name of the figure that stands for the task. The metric's empty answer (nothing found) counts as 0.
        percent: Whether that figure is in percent, as mmseg's are.

    Raises:
        ConfigError: If the metric has no such figure.

    Example:
        >>> task_metrics = dict(
        ...     nodules=[dict(type='ForeignMetric', metric=dict(type='mmdet.CocoMetric'), primary='bbox_mAP')]
        ... )
    """

    default_prefix = ''
    primary_text = ''

    def __init__(self, metric: dict[str, Any], primary: str, percent: bool = False) -> None:
        self.metric: BaseMetric = METRICS.build(metric)
        self.highest = 100.0 if percent else 1.0
        self.headline = primary
        self.columns = (Column(primary, unit='%' if percent else ''),)
        super().__init__(prefix=self.metric.prefix)
        self.results = self.metric.results  # one list: what the evaluator takes from it, it takes from the metric

    @property
    def dataset_meta(self) -> dict | None:
        """Handed on to the metric."""
        return self.metric.dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        self.metric.dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Hands the samples on."""
        self.metric.process(data_batch, data_samples)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """The metric's own figures."""
        return self.metric.compute_metrics(results)

    def primary(self, metrics: Mapping[str, float]) -> float:
        """The figure named ``primary``, as a fraction."""
        if metrics and self.headline not in metrics:
            raise ConfigError(
                f'{type(self.metric).__name__} gives no {self.headline!r}; its figures are {", ".join(metrics)}'
            )
        return metrics[self.headline] / self.highest if metrics else 0.0
