"""Which heads compute the losses of several tasks in one call."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from torch import nn

from aurora_mm.models.losses import HeadLoss
from aurora_mm.tasks import Task

Method = TypeVar('Method', bound=Callable[..., Any])


def for_tasks_alike(method: Method) -> Method:
    """Mark a method that computes losses as one that can be given the images of several tasks at once.

    Its result for an image must depend neither on other images nor on the task, but for the number of its outputs and
    for the task's own losses. The mark belongs to the method: a subclass that overrides it must mark its own.
    """
    vars(method)['for_tasks_alike'] = True
    return method


def takes_tasks_alike(method: Callable[..., Any]) -> bool:
    """Whether a method is marked by :func:`for_tasks_alike`."""
    return getattr(method, 'for_tasks_alike', False)


def alike_key(head: nn.Module, task: Task) -> Hashable:
    """Return a key that is equal for the tasks of a head that have as many outputs and share all their losses."""
    losses = [loss for loss in head.children() if isinstance(loss, HeadLoss)]
    return (task.num_outputs, *(loss.loss_of(task) for loss in losses))
