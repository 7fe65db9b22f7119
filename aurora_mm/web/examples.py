"""Pictures to try on the page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aurora_mm.files import write_image
from aurora_mm.phantoms import SCENES, make_scene
from aurora_mm.tasks import TaskTable

_MOST_OF_A_TYPE = 2
_SEED = 7


class Example(NamedTuple):
    """A file to try.

    Args:
        path: Path of the picture.
        task: Name of the task that it is for.
    """

    path: Path
    task: str


def draw_examples(folder: Path, tasks: TaskTable) -> list[Example]:
    """Draw a phantom for the first tasks of each type.

    Args:
        folder: Folder for the pictures.
        tasks: Tasks of the model.
    """
    drawn: Counter[str] = Counter()
    examples = []
    for task in tasks.values():
        if task.type in SCENES and drawn[task.type] < _MOST_OF_A_TYPE:
            drawn[task.type] += 1
            phantom = make_scene(task).draw(np.random.default_rng(_SEED), drawn[task.type])
            path = folder / f'{task.name}.png'
            write_image(path, phantom.image)
            examples.append(Example(path, task.name))
    return examples
