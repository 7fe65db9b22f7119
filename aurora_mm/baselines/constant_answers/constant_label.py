"""The constant answer of classification tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from aurora_mm.baselines.constant_answers.constant_answer import CONSTANT_ANSWERS
from aurora_mm.baselines.constant_answers.constant_scores import ConstantScores
from aurora_mm.evaluation.sample_fields import annotation
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@CONSTANT_ANSWERS.register('classification')
class ConstantLabel(ConstantScores):
    """Predicts the frequencies of the classes, and the most frequent class."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._counts = torch.zeros(task.num_outputs)

    def add(self, sample: Mapping[str, Any]) -> None:
        self._counts[int(annotation(sample, 'gt_label'))] += 1

    def finish(self) -> None:
        self._scores = self._counts / self._counts.sum()

    def put(self, sample: TaskDataSample) -> None:
        super().put(sample)
        sample.pred_label = self._scores.argmax().reshape(1)
