"""Whether the sources of a recipe have the pixels that the recipe was made with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import read_image
from aurora_mm.images.shared_channels import without_equal_channels
from aurora_mm.importing.build_data import SOURCE_COLUMN
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.importing.recipe import Recipe


def compare_checksums(recipe: Recipe, found: Sequence[FoundTask]) -> list[str]:
    """Compare the pixels of images and masks with the checksums of a recipe.

    Args:
        recipe: The recipe.
        found: Its tasks, see :func:`aurora_mm.importing.build_data.find_recipe_tasks`.

    Returns:
        A line for each source that the recipe has checksums of.

    Raises:
        DataError: If an image or a label cannot be read.
    """
    lines = []
    for source in recipe.sources:
        differing = []
        for kind, expected in source.checksums.items():
            arrays = _images(found, source.name) if kind == 'images' else _masks(found, source.name)
            checksum = _checksum(arrays)
            if checksum != expected:
                differing.append(f'{kind} differ from those of the recipe (checksum {checksum}, not {expected})')
        if source.checksums:
            same = f'{" and ".join(source.checksums)} are those of the recipe, pixel by pixel'
            lines.append(f'{source.name}: {"; ".join(differing) or same}')
    return lines


def _images(found: Sequence[FoundTask], source: str) -> Iterator[np.ndarray]:
    rows = {row.path: row for item in found for row in _rows(item, source)}
    for path in sorted(rows):
        row = rows[path]
        if row.pixels is not None:
            yield without_equal_channels(row.pixels())
        else:
            with naming(row.image):
                yield without_equal_channels(read_image(row.image).pixels)


def _masks(found: Sequence[FoundTask], source: str) -> Iterator[np.ndarray]:
    for item in sorted(found, key=lambda item: item.task.name):
        for row in sorted(_rows(item, source), key=lambda row: row.path):
            answer = row.answer()
            if answer is not None and 'mask' in answer:
                yield answer['mask']


def _rows(item: FoundTask, source: str) -> list[FoundRow]:
    return [row for row in item.rows if row.columns[SOURCE_COLUMN] == source]


def _checksum(arrays: Iterable[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
