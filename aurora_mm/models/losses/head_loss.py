from __future__ import annotations

import copy
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmengine.model import ModuleDict
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.misfits import MISFITS, reason_of
from aurora_mm.models.losses.refused_losses import REFUSED_LOSSES
from aurora_mm.models.utils.build import build_in_scope, foreign_class
from aurora_mm.tasks import Task

Call = Callable[[Any, Tensor, Tensor], Tensor]  # of a loss, its predictions and their targets


class HeadLoss(nn.Module, metaclass=ABCMeta):
    """A loss of a head, which is built from its config and tried before training starts.

    Any registered loss can be used that one of the subclass's ways of calling fits. For each task they are tried in
    turn on a small example, until one returns finite values that are lower for right predictions than for wrong ones,
    and gradients. The trial uses a copy, so that the state of a loss does not change.

    Args:
        cfg: Config of the loss, such as ``dict(type='mmdet.SmoothL1Loss', beta=0.05)``. Its key ``by_task`` holds
            arguments that differ for some tasks, by task name: ``by_task=dict(lung=dict(loss_weight=2.0))``.
        tasks: The tasks of the head.
        head: Name of the head, for error messages.
        argument: Name of the head's argument, for error messages.

    Raises:
        ConfigError: If the loss is not registered, cannot be built or does not fit. The message gives the head, its
            argument and the loss.
    """

    def __init__(self, cfg: dict[str, Any], tasks: Sequence[Task], head: str, argument: str) -> None:
        super().__init__()
        self.place = f'{head}: {argument}'
        if not isinstance(cfg, Mapping) or 'type' not in cfg:
            raise ConfigError(f'{self.place} is a config of a loss and needs a type; it is {cfg}')
        cfg = dict(cfg)
        by_task = dict(cfg.pop('by_task', {}))
        if unknown := by_task.keys() - {task.name for task in tasks}:
            raise ConfigError(f'{self.place}: by_task names {", ".join(sorted(unknown))}, which is no task of the head')
        self._refuse(cfg)
        for task in tasks:
            by_task[task.name] = dict(by_task.get(task.name, {})) | self._arguments_of(task, cfg, by_task)
        self.shared = self._build(cfg)
        self.own = ModuleDict({name: self._build(cfg | more) for name, more in by_task.items() if more})
        self.name = str(cfg['type'])
        self._call_of = {task.name: self._fitting_call(task) for task in tasks}

    def call(self, pred: Tensor, target: Tensor, task: Task) -> Tensor:
        """Call the loss of a task in the way that fits it.

        Args:
            pred: Predictions.
            target: Their targets.
            task: The task.

        Returns:
            The result of the loss.
        """
        return self._call_of[task.name](self.loss_of(task), pred, target)

    @abstractmethod
    def _calls(self, loss: nn.Module) -> Sequence[Call]:
        """Return the ways of calling a loss, in order of preference."""

    @abstractmethod
    def _inputs(self) -> str:
        """Describe the arguments of the loss, for error messages."""

    @abstractmethod
    def _examples(self, task: Task) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        """Return right predictions, one or more wrong predictions for each of them, and their targets."""

    def _arguments_of(self, task: Task, cfg: dict[str, Any], by_task: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of the loss that come from the description of a task."""
        return {}

    def refuse_reduction(self, loss: nn.Module, cfg: dict[str, Any]) -> None:
        """Check that a loss sets no reduction, which would have no effect because the head averages the elements.

        Args:
            loss: The loss.
            cfg: Its config, for the error message.

        Raises:
            ConfigError: If the reduction is not 'mean'.
        """
        if (reduction := getattr(loss, 'reduction', 'mean')) != 'mean':
            raise ConfigError(
                f'{self.place}: reduction={reduction!r} of {cfg["type"]} would have no effect, since the head takes '
                'the mean over each image and over the images; use loss_weight to scale it'
            )

    def _refuse(self, cfg: dict[str, Any]) -> None:
        try:
            kind = foreign_class(cfg['type'])
        except ConfigError as error:
            raise ConfigError(f'{self.place}: {error}') from error
        REFUSED_LOSSES.check(kind, f'{self.place} cannot be {cfg["type"]}')

    def loss_of(self, task: Task) -> nn.Module:
        """Return the loss of a task: its own, or the one that the other tasks share."""
        return self.own[task.name] if task.name in self.own else self.shared  # noqa: SIM401 (a ModuleDict has no get)

    def _build(self, cfg: dict[str, Any]) -> nn.Module:
        try:
            return build_in_scope(cfg)
        except ConfigError as error:
            raise ConfigError(f'{self.place}: {error}') from error
        except MISFITS as error:
            raise ConfigError(f'{self.place}: {cfg["type"]} cannot be built: {reason_of(error)}') from error

    def _compared(self, values: Tensor) -> Tensor:
        """Return the values that must be lower for right predictions: ``(N,)``, the sum of each row."""
        return values.reshape(len(values), -1).sum(1)

    def _fitting_call(self, task: Task) -> Call:
        refusals = []
        for call in self._calls(self.loss_of(task)):
            reason, cause = self._misfit(call, task)
            if not reason:
                return call
            refusals.append((reason, cause))
        # A wrong value is a better reason than a failed call.
        reason, cause = next((refusal for refusal in refusals if refusal[1] is None), refusals[0])
        raise ConfigError(
            f'{self.place} cannot be {self.name} for task {task.name}, where it is called with {self._inputs()}: '
            f'{" ".join(reason.split())}'
        ) from cause

    def _misfit(self, call: Call, task: Task) -> tuple[str, Exception | None]:
        """Return why a call does not fit, and the exception if there is one; '' and None if it fits."""
        # Settings with which the trial also works while the model is built on the meta device, or for inference.
        with torch.device('cpu'), torch.inference_mode(False), torch.enable_grad():
            right, wrongs, target = self._examples(task)
            trial = copy.deepcopy(self.loss_of(task))
            for wrong in wrongs:
                wrong.requires_grad_()
                try:
                    low, high = (self._compared(call(trial, pred, target)) for pred in (right, wrong))
                    high.sum().backward()
                except MISFITS as error:
                    return f'{type(error).__name__}: {error}', error
                if not (low.isfinite().all() and high.isfinite().all() and (low < high).all()):
                    return f'it is {high.tolist()} for wrong predictions and {low.tolist()} for right ones', None
                if wrong.grad is None or not wrong.grad.isfinite().all() or not wrong.grad.any():
                    return 'its gradient is not finite, or 0 everywhere', None
        return '', None


def values_by_row(loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    """Return the values ``(N, ...)`` of a loss of mmdet for predictions ``(N, ...)`` and their targets.

    Args:
        loss: The loss.
        pred: Predictions.
        target: Their targets.

    Raises:
        ValueError: If the loss does not return at least one value for each row.
    """
    values = loss(pred, target, reduction_override='none')
    if not isinstance(values, Tensor) or values.dim() == 0 or len(values) != len(pred):
        shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise ValueError(f'for {tuple(pred.shape)} it gives {shape} and not one value or more a row')
    return values
