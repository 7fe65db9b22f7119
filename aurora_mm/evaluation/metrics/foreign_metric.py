"""A metric of another package as the judge of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.metrics.column import Column
from aurora_mm.registry import METRICS


@METRICS.register_module()
class ForeignMetric(BaseMetric):
    """Makes a metric of mmdet or mmseg the judge of a task that the metrics of this package do not fit.

    A foreign metric beside one of this package needs no wrapper. Alone, ``mmdet.CocoMetric`` does not say which of its
    scores counts. All scores keep their own names. Such a metric keeps no rows of images, so the task has no confidence
    intervals and no breakdowns.

    Args:
        metric: Config of the metric.
        primary: Name of the score that becomes the primary score. An empty result of the metric (nothing found) counts
            as 0.
        percent: Whether that score is in percent, as those of mmseg are.

    Raises:
        ConfigError: If the metric has no such score.

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
        self.results = self.metric.results  # the same list, so that the evaluator empties both

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """The metainfo of the metric."""
        meta: dict[str, Any] | None = self.metric.dataset_meta
        return meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict[str, Any]) -> None:
        self.metric.dataset_meta = dataset_meta

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Pass the samples on to the metric.

        Args:
            data_batch: The batch that the model got.
            data_samples: Samples as nested dicts.
        """
        self.metric.process(data_batch, data_samples)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Compute the metric's own scores."""
        scores: dict[str, float] = self.metric.compute_metrics(results)
        return scores

    def primary(self, metrics: Mapping[str, float]) -> float:
        """Return the score named ``primary``, in [0, 1].

        Args:
            metrics: The metric's own scores.

        Raises:
            ConfigError: If there is no such score.
        """
        if metrics and self.headline not in metrics:
            raise ConfigError(
                f'{type(self.metric).__name__} gives no {self.headline!r}; its figures are {", ".join(metrics)}'
            )
        return metrics[self.headline] / self.highest if metrics else 0.0
