"""The base of constant answers that are scores of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from aurora_mm.baselines.constant_answers.constant_answer import ConstantAnswer
from aurora_mm.structures import TaskDataSample


class ConstantScores(ConstantAnswer):
    """Predicts a score for each class, ``_scores`` (C,), which :meth:`finish` computes."""

    _scores: torch.Tensor

    def state(self) -> dict[str, Any]:
        return {'scores': self._scores.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._scores = torch.tensor(state['scores'])

    def put(self, sample: TaskDataSample) -> None:
        sample.pred_scores = self._scores.clone()
