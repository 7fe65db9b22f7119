"""The class weights of a task in the losses of mmseg's decode heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.build import foreign_class, parameters_of
from aurora_mm.tasks import Task


def weighed_decode_loss(head: Mapping[str, Any], task: Task) -> list[dict[str, Any]]:
    """Return ``loss_decode`` of a decode head with the class weights of a task.

    Args:
        head: Config of the head, with ``type='mmseg.X'``. By default its loss is ``mmseg.CrossEntropyLoss``.
        task: A task with ``class_weight``.

    Returns:
        The configs of the losses, with prefix. Those that take a ``class_weight`` have that of the task.

    Raises:
        ConfigError: If none of them takes one.
    """
    given = head.get('loss_decode') or dict(type='CrossEntropyLoss')
    losses = [dict(loss) for loss in ([given] if isinstance(given, Mapping) else given)]
    for loss in losses:
        if '.' not in loss['type']:
            loss['type'] = f'mmseg.{loss["type"]}'
        if 'class_weight' in parameters_of(foreign_class(loss['type'])):
            loss['class_weight'] = list(task.class_weight)
    if not any('class_weight' in loss for loss in losses):
        names = ' and '.join(loss['type'] for loss in losses)
        raise ConfigError(
            f'class_weight of task {task.name!r} would have no effect: loss_decode ({names}) of {head["type"]} takes '
            'none; mmseg.CrossEntropyLoss does'
        )
    return losses
