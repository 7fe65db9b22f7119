"""Weights that make the gradients of all tasks equally long in the parts that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce
from torch import Tensor

from aurora_mm.errors import ConfigError
from aurora_mm.models.balancers.factors import factors_of
from aurora_mm.models.balancers.loss_balancer import LossBalancer
from aurora_mm.models.balancers.shared_sums import SharedSums
from aurora_mm.models.balancers.task_loss_tracker import TaskLossTracker
from aurora_mm.models.balancers.task_losses import TaskLosses
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class GradientNormBalancer(SharedSums, LossBalancer):
    """Divides each loss by the length of its gradient with respect to the maps that necks and heads read.

    The length is the root mean square over labels of ``|dL / d maps|``, where L is the loss of one label. Lengths are
    levelled as by GradNorm (Chen et al., ICML 2018, https://arxiv.org/abs/1711.02257), but in one step: the weights are
    not learned, and training rates do not enter. Sums of squares are collected over all batches and ranks of an update,
    so one large batch, several accumulated ones and several ranks give the same weights.

    A measurement runs the necks and heads backward once for each key, the encoder not at all.

    Args:
        tasks: The T tasks.
        per: Whether lengths are measured, and made equal, for each 'type' or for each 'task'.
        factors: How long the gradients of tasks or types should be relative to each other, as in
            :class:`FixedLossBalancer`.
        interval: Updates from one measurement to the next.
        momentum: Fraction of the old mean square that a measurement keeps.
        limit: Weights, whose geometric mean is 1, stay within ``[1 / limit, limit]``.

    Attributes:
        squares (Tensor): Running mean of the squared length for each task, ``(T,)``; NaN until it is known. Its weight
            is 1 until then.
        sums (Tensor): Sums of squared lengths and numbers of labels since the last update, ``(2, T)``, of this rank.
        updates (Tensor): Number of updates so far, int64.

    Raises:
        ConfigError: If ``per`` is neither 'type' nor 'task', or ``interval`` is not positive.
    """

    factors: Tensor
    same: Tensor
    squares: Tensor
    updates: Tensor

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        per: str = 'type',
        factors: Mapping[str, float] | None = None,
        interval: int = 10,
        momentum: float = 0.9,
        limit: float = 1000.0,
    ) -> None:
        super().__init__(tasks)
        if per not in ('type', 'task'):
            raise ConfigError(f"GradientNormBalancer: per={per!r} is neither 'type' nor 'task'")
        if interval < 1:
            raise ConfigError(f'GradientNormBalancer: interval={interval} is not a positive number of updates')
        self.keys = {task.name: task.type if per == 'type' else task.name for task in self.tasks.values()}
        self.interval = interval
        self.momentum = momentum
        self.limit = limit
        keys = list(self.keys.values())
        same = torch.tensor([[float(a == b) for b in keys] for a in keys])
        self.register_buffer('same', same, persistent=False)
        chosen = factors_of(self.tasks.values(), factors or {}, type(self).__name__)
        self.register_buffer('factors', chosen, persistent=False)
        self.register_buffer('squares', torch.full((len(keys),), torch.nan))
        self.register_buffer('sums', torch.zeros(2, len(keys)))
        self.register_buffer('updates', torch.zeros((), dtype=torch.long))
        # The same number on the host, so that a step need not read it from the device.
        self._updates = 0

    def weights(self, tracker: TaskLossTracker) -> Tensor:
        """Return the weights ``(T,)``: factor / length, with a geometric mean of 1 over the tasks that are known."""
        known = ~self.squares.isnan()
        logs = torch.where(known, self.factors.clamp(min=1e-12).log() - self.squares.clamp(min=1e-24).log() / 2, 0.0)
        logs = logs - logs.sum() / known.sum().clamp(min=1)
        weights = logs.exp().clamp(1 / self.limit, self.limit)
        return torch.where(known, weights, 1.0) * (self.factors > 0)

    def watch(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Have maps of a frozen encoder require gradients when they are to be measured; see :class:`LossBalancer`."""
        if self._updates % self.interval or any(m.requires_grad for m in maps):
            return maps
        return tuple(m.detach().requires_grad_() for m in maps)

    def measure(self, losses: TaskLosses, maps: Sequence[Tensor]) -> None:
        """Add the squared lengths of the tasks' gradients, for every ``interval``-th update; see the base."""
        if self._updates % self.interval:
            return
        place = {name: i for i, name in enumerate(self.tasks)}
        maps = [m for m in maps if m.requires_grad]
        for task in {self.keys[name]: place[name] for name in losses.names}.values():
            total = (self.same[task] * losses.sums).sum()
            # A loss of one image has no gradient in the maps of another, so this is the sum over images. Several labels
            # of a type on one image are added before they are measured.
            grads = torch.autograd.grad(total, maps, retain_graph=True, allow_unused=True)
            squares = [g.detach().float().square().sum() for g in grads if g is not None]
            if squares:
                square = torch.stack(squares).sum()
                finite = square.isfinite()
                self.sums[0, task] += square.where(finite, 0)
                self.sums[1, task] += (self.same[task] * losses.counts).sum() * finite

    @torch.no_grad()
    def observe(self, tracker: TaskLossTracker) -> None:
        """Update the running means by the measurements of all ranks, if there were any in this update."""
        if self._updates % self.interval == 0:
            all_reduce(self.sums)
            total, count = self.same @ self.sums[0], self.same @ self.sums[1]
            mean = total / count.clamp(min=1)
            old = torch.where(self.squares.isnan(), mean, self.squares)
            new = self.momentum * old + (1 - self.momentum) * mean
            self.squares.copy_(torch.where(count > 0, new, self.squares))
            self.sums.zero_()
        self.updates += 1
        self._updates += 1

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        self._updates = int(self.updates)
