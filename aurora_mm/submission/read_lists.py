"""Reads the JSON lists of a submission."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aurora_mm.submission.problems import Problem
from aurora_mm.submission.submission_format import SUBMISSION_FORMATS, Entry

Entries = dict[tuple[str, str], Entry]
"""By ``(task_id, image_path)``."""


def read_lists(folder: Path, images: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Entries | None], list[Problem]]:
    """Read the JSON lists of a submission, and assign their entries to rows of the data.

    Args:
        folder: Folder of the submission.
        images: Items of the data, with ``task``, ``task_type`` and ``image_path``.

    Returns:
        The entries of each task type that has a list, None if the list cannot be read; and the problems of the lists.
        If a row has several entries, the last one is used, like in the official scorer. The values of entries are not
        checked.
    """
    lists: dict[str, Entries | None] = {}
    problems: list[Problem] = []
    for task_type, file in list_files().items():
        asked = {(image['task'], image['image_path']) for image in images if image['task_type'] == task_type}
        path = folder / file
        if asked or path.exists():
            lists[task_type], found = _read(path, asked)
            problems += found
    return lists, problems


def list_files() -> dict[str, str]:
    """Return the file name of the JSON list of each task type that has one."""
    return {task_type: form.list_file for task_type, form in SUBMISSION_FORMATS.items() if form.list_file}


def _read(path: Path, asked: set[tuple[str, str]]) -> tuple[Entries | None, list[Problem]]:
    """Read the entries of one list that belong to a row in ``asked``, and the problems of the list."""
    try:
        items = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        fault = 'there is no such file'
    except OSError as error:
        fault = f'this file cannot be read: {error.strerror}'
    except (ValueError, RecursionError) as error:  # not UTF-8, no JSON, or a number or a nesting beyond Python's limits
        fault = f'this file cannot be read as JSON: {error}'
    else:
        if isinstance(items, list):
            return _by_row(path.name, items, asked)
        fault = f'a list is wanted, not {type(items).__name__}'
    return None, [Problem(path.name, '', '', fault, scored=False)]


def _by_row(file: str, items: Iterable[Any], asked: set[tuple[str, str]]) -> tuple[Entries, list[Problem]]:
    entries: Entries = {}
    problems = []
    for number, item in enumerate(items):
        task, image = (item.get('task_id'), item.get('image_path')) if isinstance(item, dict) else (None, None)
        if not isinstance(task, str) or not isinstance(image, str):
            problems.append(Problem(file, '', '', f'entry {number} has no image_path and task_id: {item!r}', False))
            continue
        if (task, image) not in asked:
            problems.append(Problem(file, task, image, f'entry {number} is of no row of the data', scored=False))
            continue
        if (task, image) in entries:
            problems.append(Problem(file, task, image, f'entry {number} is a second one; the last counts', scored=True))
        entries[task, image] = item
    return entries, problems
