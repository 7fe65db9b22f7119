"""Which head serves a task, and which maps a head reads."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log

from aurora_mm.errors import ConfigError
from aurora_mm.registry import MODELS
from aurora_mm.task_types import TASK_TYPES
from aurora_mm.tasks import TaskTable


class Wiring:
    """The connections of a multi-task model, from its configs.

    Args:
        tasks: The tasks.
        heads: Configs of the heads, by task type or by name of a task.
        neck: Config of the neck, configs of several necks by name, or None.
        sources: The source that a head reads, 'backbone' or the name of a neck, by the key of the head.
        own_heads: Whether each task has its own head, built from the config of its task type.

    Attributes:
        necks (dict[str, dict]): Configs of the necks by name; the only one is named 'neck'.
        heads (dict[str, dict]): Configs of the heads that serve a task, by key.
        head_of (dict[str, str]): Key of the head of each task.
        source_of (dict[str, str]): Source that each of these heads reads.

    Raises:
        ConfigError: If a task has no head, or a head no source.
    """

    def __init__(
        self,
        tasks: TaskTable,
        heads: Mapping[str, dict[str, Any]],
        neck: dict[str, Any] | None,
        sources: Mapping[str, str] | None,
        own_heads: bool,
    ) -> None:
        self._tasks = tasks
        self.necks = _by_name(neck)
        self.head_of = {name: self._head_key(name, heads) for name in tasks}
        for key in heads.keys() - tasks.keys() - set(TASK_TYPES):
            print_log(f'head {key!r} is not built: it is named after no task', 'current', logging.WARNING)
        if own_heads:
            heads = {name: _only_for_task(heads[key], name) for name, key in self.head_of.items()}
            self.head_of = {name: name for name in heads}
        # No head is built for a task type without tasks.
        self.heads = {key: cfg for key, cfg in heads.items() if key in self.head_of.values()}
        self.source_of = {key: self._source(key, sources or {}) for key in self.heads}

    def _head_key(self, name: str, heads: Mapping[str, dict[str, Any]]) -> str:
        task = self._tasks[name]
        for key in (name, task.type):
            if key in heads:
                return key
        raise ConfigError(
            f'no head for task {name!r} of type {task.type!r}; heads are {", ".join(heads) or "none"}. '
            f'{_hint(task.type)}'
        )

    def _source(self, key: str, sources: Mapping[str, str]) -> str:
        for name in (key, *([self._tasks[key].type] if key in self._tasks else [])):
            if name in sources:
                source = sources[name]
                if source not in ('backbone', *self.necks):
                    known = ', '.join(map(repr, ('backbone', *self.necks)))
                    raise ConfigError(f'no neck named {source!r}; sources are {known}')
                return source
        # Not the first of several necks, because MMEngine sorts the keys of configs in checkpoints.
        if len(self.necks) > 1:
            raise ConfigError(f'sources must say which of the necks {", ".join(self.necks)} the head {key!r} reads')
        return next(iter(self.necks), 'backbone')


def _hint(task_type: str) -> str:
    """Name the line that gives a config a head for tasks of a type."""
    for name, kind in MODELS.module_dict.items():
        if task_type in (getattr(kind, 'task_type', None), *getattr(kind, 'also_serves', ())):
            line = f'{task_type}=dict(type={f"aurora_mm.{name}"!r})'
            return f'Add {line} to model.heads of the config, as configs/_base_/models/aurora_qwen3-vl-8b.py does'
    return 'No registered head serves this type'


def _by_name(neck: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    if neck is None:
        return {}
    named = {'neck': neck} if 'type' in neck else dict(neck)
    if reserved := {'backbone', *TASK_TYPES} & named.keys():
        raise ConfigError(f'a neck cannot be named {", ".join(reserved)}')
    return named


def _only_for_task(cfg: Any, task: str) -> Any:
    """Copy the config of a head for one of its tasks, with only this task's arguments in ``by_task``.

    Args:
        cfg: The config, or any value within it.
        task: Name of the task.
    """
    if isinstance(cfg, dict):
        own = {key: _only_for_task(value, task) for key, value in cfg.items()}
        if 'by_task' in own:
            own['by_task'] = {name: value for name, value in own['by_task'].items() if name == task}
        return own
    if isinstance(cfg, (list, tuple)):
        return type(cfg)(_only_for_task(value, task) for value in cfg)
    return cfg
