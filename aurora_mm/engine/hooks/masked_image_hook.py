"""Stops a pretraining that learns nothing."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from aurora_mm.errors import AuroraError, DataError
from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class MaskedImageHook(Hook):
    """Stops the training of a :class:`aurora_mm.models.MaskedImageModel` after an epoch in which it learned nothing.

    That is an epoch with a loss that is not finite, or without any masked cell. It is checked before the checkpoint of
    the epoch is written, so that the last checkpoint is one from which the run can go on. Steps do not wait for the
    device: losses are read at the end of the epoch.
    """

    def __init__(self) -> None:
        self._finite: list[Tensor] = []
        self._masked = 0

    def before_train_epoch(self, runner: Runner) -> None:
        """Begin to count."""
        self._finite, self._masked = [], 0

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Count the masked cells of a batch, and keep whether its loss is finite."""
        self._finite.append(outputs['loss'].isfinite())
        self._masked += sum(int(sample.mask.sum()) for sample in data_batch['data_samples'])

    def after_train_epoch(self, runner: Runner) -> None:
        """Check the epoch, on all ranks together.

        Raises:
            AuroraError: If a loss was not finite.
            DataError: If no cell was masked.
        """
        steps = len(self._finite)
        lost = steps - int(torch.stack(self._finite).sum())
        counts = torch.tensor([lost, steps, self._masked])
        all_reduce(counts)
        lost, steps, masked = counts.tolist()
        if lost:
            raise AuroraError(
                f'the loss was not finite in {lost} of {steps} steps of epoch {runner.epoch + 1}: the learning rate '
                '(optim_wrapper.optimizer.lr) may be too large; --resume goes on from the epoch before'
            )
        if not masked:
            raise DataError(
                f'no image of epoch {runner.epoch + 1} shows tissue, so that no cell was masked and nothing was '
                'learned: see level and min_share of RandomPatchMask'
            )
