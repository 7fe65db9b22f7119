"""Appearances of structures by which their classes can be told apart."""

from __future__ import annotations

from aurora_mm.errors import ConfigError
from aurora_mm.phantoms.canvas import Look
from aurora_mm.phantoms.style import Style
from aurora_mm.tasks import Task

_LOOKS = (
    Look(-34, rim=10, loss=-5),  # fluid in a bright wall
    Look(16, loss=5),  # fat or bone
    Look(-14, rim=20),  # dark tissue in a thick capsule
    Look(9, rim=-30),  # bright tissue in a dark halo
)
_STRIPED = tuple(Look(look.level, look.rim, look.loss, stripes=14) for look in (Look(4), Look(-20), Look(6, rim=22)))
_STRIPED += (Look(-6, rim=-34, stripes=14),)

MOST_LOOKS = len(_LOOKS) + len(_STRIPED)
"""Largest number of classes that can be told apart."""


def looks_of(task: Task, style: Style) -> tuple[Look, ...]:
    """Return a look for each class of a task, the background not counted.

    The first look depends on the task. Striped looks are last, so that only tasks with many classes have them.

    Args:
        task: The task.
        style: Its style.

    Raises:
        ConfigError: If the task has more classes than there are looks.
    """
    count = len(task.target_names)
    if count > MOST_LOOKS:
        background = int(task.task_type.has_background)
        raise ConfigError(
            f'task {task.name!r} has {count + background} classes; a phantom shows {MOST_LOOKS + background} at most'
        )
    start = style.variant % len(_LOOKS)
    return (_LOOKS[start:] + _LOOKS[:start] + _STRIPED)[:count]
