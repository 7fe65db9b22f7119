"""Files of annotation tools that no layout reads, told by their tool's name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from aurora_mm.errors import DataError
from aurora_mm.importing.tree import Tree
from aurora_mm.plain_numbers import plain_number

_MOST_FILES = 20  # of which the content is looked at
_VIA_3_CSV = '# CSV_HEADER = metadata_id'


def foreign_export(tree: Tree) -> str | None:
    """Return one sentence about a file of a tool whose exports are not read; None if there is none.

    Args:
        tree: A folder of no known layout.
    """
    for file in tree.ending('.json', '.csv', '.txt')[:_MOST_FILES]:
        if (tool := _tool_of(tree, file)) is not None:
            return f'{file} is a file of {tool}, which is not read: export the data as COCO, or describe it by --map'
    return None


def is_dota_line(line: str) -> bool:
    """Return whether a line of text is one of DOTA: four corners x y, the class, and maybe how difficult it is."""
    cells = line.split()
    try:
        numbers = [plain_number(cell) for cell in cells[:8]]
    except ValueError:
        return False
    return len(numbers) == 8 and len(cells) in (9, 10) and (len(cells) == 9 or cells[9] in ('0', '1', '2'))


def _tool_of(tree: Tree, file: PurePosixPath) -> str | None:
    if file.suffix.lower() == '.json':
        try:
            return _tool_of_json(tree.json(tree.path(file)))
        except DataError:
            return None
    lines = _first_lines(tree.path(file))
    if file.suffix.lower() == '.csv':
        return 'VIA 3' if any(_VIA_3_CSV in line for line in lines) else None
    objects = [line for line in lines if not line.startswith(('imagesource:', 'gsd:'))]
    return 'DOTA' if objects and all(map(is_dota_line, objects)) else None


def _tool_of_json(content: Any) -> str | None:
    if isinstance(content, list):
        is_createml = bool(content) and all(_has(item, 'image', 'annotations') for item in content)
        return 'CreateML' if is_createml else None
    if _has(content, 'project', 'file', 'metadata', 'view'):
        return 'VIA 3'
    if _has(content, 'categories', 'items'):
        return 'Datumaro'
    classes = content.get('classes') if isinstance(content, dict) else None
    objects = content.get('objects') if isinstance(content, dict) else None
    is_meta = isinstance(classes, list) and bool(classes) and all(_has(item, 'title', 'shape') for item in classes)
    is_image = isinstance(objects, list) and bool(objects) and all(_has(item, 'classTitle') for item in objects)
    return 'Supervisely' if is_meta or is_image else None


def _has(value: Any, *keys: str) -> bool:
    return isinstance(value, Mapping) and set(keys) <= set(value)


def _first_lines(file: Path) -> list[str]:
    """Return the first lines that hold text; none of a file that cannot be read as text."""
    try:
        with file.open(encoding='utf-8-sig') as stream:
            lines = [stream.readline(1000).strip() for _ in range(10)]
    except (OSError, UnicodeError):
        return []
    return [line for line in lines if line]
