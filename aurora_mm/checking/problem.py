from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """Something that is wrong, or looks wrong, with data.

    Args:
        kind: What kind of problem, the same words for all of a kind.
        message: What it is, with file, row and value.
        stops_training: Whether training would end with an error; otherwise it is worth a look.
        task: Name of the task, '' for a problem of several.
        images: Paths of the images that show it.
    """

    kind: str
    message: str
    stops_training: bool = False
    task: str = ''
    images: tuple[str, ...] = ()
