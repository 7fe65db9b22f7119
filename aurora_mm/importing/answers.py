"""The label of a row, read when the row is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aurora_mm.importing.masks import class_indices, union_of


def of_label(label: int) -> dict[str, Any]:
    """A class."""
    return dict(gt_label=label)


def of_mask(file: Path, values: Sequence[int] | None, count: int, frame: int = 0) -> dict[str, Any]:
    """A mask file, see :func:`aurora_mm.importing.masks.class_indices`."""
    return dict(mask=class_indices(file, values, count, frame))


def of_union(files: Sequence[Path]) -> dict[str, Any]:
    """The mask of all that any of several files marks."""
    return dict(mask=union_of(files))
