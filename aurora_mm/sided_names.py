"""Names of left and right in a task whose images are mirrored for augmentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from aurora_mm.tasks import Task

_WORDS = re.compile(r'[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+')
_SIDES = {'left': 0, 'l': 0, 'right': 1, 'r': 1}


def unswapped_sides(task: Task) -> list[tuple[str, str]]:
    """Return the pairs of names that differ in left and right alone, and about which the task says nothing.

    In a mirrored image the left point is where the right one was. Unless the task swaps or orders the two, or forbids
    mirroring, a model is then trained with either name at either side. Names of structures, such as the two ventricles
    of a heart, may keep their meaning in a mirrored image, so this is a question and not an error.

    Args:
        task: The task.

    Returns:
        (left, right) of each pair, in the order of the names; nothing if the task forbids mirroring.
    """
    if not task.flip:
        return []
    said = {frozenset(pair[-2:]) for pair in (*task.swaps, *task.ordered)}
    names: dict[tuple[str, ...], dict[int, str]] = {}
    for name in task.target_names:
        words = [word.lower() for word in _WORDS.findall(name)]
        sides = [word for word in words if word in _SIDES]
        if len(sides) == 1:
            rest = tuple('' if word in _SIDES else word for word in words)
            names.setdefault(rest, {})[_SIDES[sides[0]]] = name
    pairs = [(found[0], found[1]) for found in names.values() if len(found) == 2]
    return [pair for pair in pairs if frozenset(pair) not in said]


def questions_about_sides(tasks: Iterable[Task]) -> Iterator[tuple[str, str]]:
    """Yield the name of each task with such pairs, and what is to be added to it."""
    for task in tasks:
        if pairs := unswapped_sides(task):
            names = ', '.join(f'{left} and {right}' for left, right in pairs)
            yield (
                task.name,
                f'task {task.name!r} has {names}, and training mirrors its images: add swaps={pairs} to the task if '
                'they trade places in a mirrored image, or flip=False if its answer depends on left and right',
            )
