"""The constant answer of tasks with several labels an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from aurora_mm.baselines.constant_answers.constant_answer import CONSTANT_ANSWERS
from aurora_mm.baselines.constant_answers.constant_scores import ConstantScores
from aurora_mm.evaluation.sample_fields import annotation
from aurora_mm.tasks import Task


@CONSTANT_ANSWERS.register('multi_label_classification')
class ConstantLabels(ConstantScores):
    """Predicts the fraction of training images that have each class."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._truths: list[torch.Tensor] = []

    def add(self, sample: Mapping[str, Any]) -> None:
        self._truths.append(annotation(sample, 'gt_scores').double().cpu())

    def finish(self) -> None:
        self._scores = torch.stack(self._truths).mean(0)
