"""Images, numbers and pixel spacings that are far from the others of their task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from aurora_mm.checking.image_facts import ImageFacts
from aurora_mm.checking.labelled_image import LabelledImage
from aurora_mm.checking.problem import Problem
from aurora_mm.tasks import Task, TaskTable

_FAR = 8.0  # robust standard deviations
_FEW = 10  # images from which on the others say what is usual


class _Measure(NamedTuple):
    """A number of an image, in which images of a task are alike.

    Args:
        what: What it is.
        value: The number, by the facts of an image.
        least: The least deviation that counts as the usual one.
        text: What is said of an image in which it is unusual.
        needs_spacing: Whether images without a known pixel spacing have none.
    """

    what: str
    value: Callable[[ImageFacts], float]
    least: float
    text: Callable[[ImageFacts], str]
    needs_spacing: bool = False


def _size(fact: ImageFacts) -> int:
    return int(np.prod(fact.shape or (1, 1)))


def _spacing(fact: ImageFacts) -> np.ndarray:
    return np.array(fact.pixel_spacing)


_MEASURES = (
    _Measure('brightness', lambda fact: fact.brightness, 5.0, lambda fact: f'{fact.brightness:.0f}'),  # grey levels
    _Measure('number of pixels', lambda fact: float(np.log(_size(fact))), 0.15, lambda fact: f'{_size(fact)}'),
    # So that a side that is seven times as long is far from the others, and 1.2 times as long as the other side.
    _Measure('pixel spacing', lambda f: np.log(_spacing(f)).mean(), 0.25, lambda f: str(_spacing(f).tolist()), True),
    _Measure(
        'proportions of pixels',
        lambda f: np.diff(np.log(_spacing(f)))[0],
        0.02,
        lambda f: str(_spacing(f).tolist()),
        True,
    ),
)


def unusual_images(facts: Sequence[ImageFacts], tasks: TaskTable) -> Iterator[Problem]:
    """Images whose brightness, size or pixel spacing is far from those of the other images of their task."""
    for name in tasks:
        of_task = [fact for fact in facts if fact.shape and any(row['task'] == name for row in fact.rows)]
        for what, value, least, text, needs_spacing in _MEASURES:
            found = [fact for fact in of_task if not needs_spacing or fact.pixel_spacing is not None]
            for index in _far_from_others([value(fact) for fact in found], least):
                fact = found[index]
                message = f'{fact.path}: {what} {text(fact)} is far from that of the other images of {name!r}'
                yield Problem(f'unusual {what}', message, task=name, images=(fact.path,))


def unusual_values(task: Task, found: Sequence[LabelledImage]) -> Iterator[Problem]:
    """Numbers that are far from the others of their task, as a wrong unit or a missing decimal point makes them."""
    numbers = [one for one in found if 'value' in one.row]
    for index in _far_from_others([one.row['value'] for one in numbers], least=0.0):
        one = numbers[index]
        text = f'{one.place}: value {one.row["value"]:g} of task {task.name!r} is far from the others'
        yield Problem('unusual value', text, task=task.name, images=(one.image.path,))


def _far_from_others(values: Sequence[float], least: float) -> list[int]:
    """Return the indices of the values that are far from their median, by their median deviation or the least one."""
    if len(values) < _FEW:
        return []
    distances = np.abs(np.asarray(values) - np.median(values))
    spread = max(1.4826 * float(np.median(distances)), least)  # which is the deviation of a normal distribution
    return np.flatnonzero(distances > _FAR * spread).tolist() if spread > 0 else []
