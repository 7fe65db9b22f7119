"""A data root described by a file: which images of which sources stand in it, and in which split.

The file is JSON and is never executed. It has ``sources``, a list of objects with these keys:

- ``name``: what the source is called.
- ``about``: where to get it; optional, as all that follows.
- ``layout``: the name of its layout, which is found out otherwise. In its place, ``map`` describes a folder of no known
  layout, as a list of tasks, see :mod:`aurora_mm.importing.mapping`.
- ``options``: ``name``, ``classes``, ``mask_values`` and ``objects``, see
  :class:`aurora_mm.importing.options.ImportOptions`.
- ``tasks``: names of the tasks to take. All are taken otherwise.
- ``images``: the images to take, a list for each of ``train``, ``val`` and ``test``, in the order of the rows. All are
  taken in the splits of the source otherwise. An image is named by its path in the source without the suffix, or by the
  end of that path; ``*`` stands for anything within a name.
- ``grey``: whether images become grey.
- ``checksums``: of the pixels of all ``images`` and ``masks`` that are taken, see
  :func:`aurora_mm.importing.checksums.compare_checksums`.

``rows`` may say how many rows each task must have in each split.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.importing.layouts import LAYOUTS
from aurora_mm.importing.mask_colours import is_mask_value
from aurora_mm.importing.options import ImportOptions
from aurora_mm.json_files import read_json

_FOLDER = Path(__file__).parent / 'recipes'
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')
_SPLITS = ('train', 'val', 'test')


@dataclass(frozen=True)
class RecipeSource:
    """One source of a recipe, see :mod:`aurora_mm.importing.recipe`.

    Args:
        name: What it is called.
        about: Where to get it.
        layout: Name of its layout; None to find it out.
        map: Description of a folder of no known layout, a list of tasks.
        options: What the folder leaves open.
        tasks: Names of the tasks to take; None takes all.
        images: Names of the images to take by split; None takes all.
        grey: Whether images become grey.
        checksums: Of the pixels of ``images`` and ``masks``, either or both.

    Raises:
        ConfigError: If a value makes no sense.
    """

    name: str
    about: str = ''
    layout: str | None = None
    map: list[dict[str, Any]] | None = None
    options: ImportOptions = field(default_factory=ImportOptions)
    tasks: list[str] | None = None
    images: dict[str, list[str]] | None = None
    grey: bool = False
    checksums: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ConfigError(f'{self.name!r} is no name of a source: letters, digits, ".", "_" and "-"')
        known = [layout.name for layout in LAYOUTS]
        if self.layout is not None and (self.map is not None or self.layout not in known):
            raise ConfigError(f'layout {self.layout!r} is none of {", ".join(known)}, or stands beside a map')
        if self.map is not None and not isinstance(self.map, list):
            raise ConfigError('map must be a list of tasks')
        if self.tasks is not None and not _is_list_of_text(self.tasks):
            raise ConfigError(f'tasks must be a list of names, not {self.tasks!r}')
        if not isinstance(self.about, str) or not isinstance(self.grey, bool):
            raise ConfigError('about must be text, and grey true or false')
        if not isinstance(self.checksums, dict) or not set(self.checksums) <= {'images', 'masks'}:
            raise ConfigError('checksums must be those of images and masks')
        if self.images is None:
            return
        if not isinstance(self.images, dict) or not self.images or not set(self.images) <= set(_SPLITS):
            raise ConfigError('images must be lists of train, val and test')
        for split, names in self.images.items():
            if not _is_list_of_text(names):
                raise ConfigError(f'images of {split} must be a list of names')


@dataclass(frozen=True)
class Recipe:
    """What a file says, see :mod:`aurora_mm.importing.recipe`.

    Args:
        sources: The sources.
        rows: The number of rows that each task must have, by task and split; empty if it is not said.
    """

    sources: tuple[RecipeSource, ...]
    rows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [source.name for source in self.sources]
        if not names or len(set(names)) < len(names):
            raise ConfigError(f'a recipe needs sources of different names, not {names}')


def recipe_names() -> list[str]:
    """Return the names of the recipes of the package, in alphabetical order."""
    return sorted(file.stem for file in _FOLDER.glob('*.json'))


def read_recipe(file: str | Path) -> Recipe:
    """Read a recipe.

    Args:
        file: A file, or the name of a recipe of the package, see :func:`recipe_names`.

    Raises:
        ConfigError: If a value makes no sense; the message names the file and the source.
        DataError: If the file cannot be read as JSON.
    """
    if str(file) in recipe_names():
        file = _FOLDER / f'{file}.json'
    elif not Path(file).is_file():
        raise ConfigError(f'there is no recipe {file}; the package has {", ".join(recipe_names())}')
    content = read_json(file)
    sources, rows = content.pop('sources', None), content.pop('rows', {})
    if content or not isinstance(sources, list) or not all(isinstance(source, dict) for source in sources):
        raise ConfigError(f'{file}: a recipe has a list of sources and may have rows, {sorted(content)} besides')
    if not _is_table_of_counts(rows):
        raise ConfigError(f'{file}: rows must be numbers by task and split')
    try:
        return Recipe(tuple(map(_source, sources)), rows)
    except ConfigError as error:
        raise ConfigError(f'{file}: {error}') from error


def _source(content: Mapping[str, Any]) -> RecipeSource:
    name = content.get('name')
    unknown = set(content) - {item.name for item in fields(RecipeSource)}
    if name is None or unknown:
        raise ConfigError(f'source {name!r} has no name, or unknown keys {sorted(unknown)}')
    options = content.get('options', {})
    unknown = set(options) - {item.name for item in fields(ImportOptions)} if isinstance(options, dict) else {'options'}
    if unknown:
        raise ConfigError(f'source {name!r} has unknown options {sorted(unknown)}')
    try:
        return RecipeSource(**{**content, 'options': ImportOptions(**_checked_options(options))})
    except ConfigError as error:
        raise ConfigError(f'source {name!r}: {error}') from error


def _checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with tuples in place of lists.

    Raises:
        ConfigError: If a value is of another type than the option.
    """
    values = dict(options)
    if 'classes' in values and not _is_list_of_text(values['classes']):
        raise ConfigError('classes must be a list of names')
    numbers = values.get('mask_values', [])
    if not isinstance(numbers, list) or not all(map(is_mask_value, numbers)):
        raise ConfigError('mask_values must be a list of numbers or colours')
    if not isinstance(values.get('name', ''), str):
        raise ConfigError('name must be text')
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)


def _is_table_of_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(counts, dict) and all(type(count) is int for count in counts.values()) for counts in value.values()
    )
