"""Names of tasks from names of folders, and of classes that have no name."""

from __future__ import annotations

import re

UNNAMED_CLASS = 'object'
"""The class of what was labelled without one."""


def task_name(text: str) -> str:
    """A name that a task may have, made from any text: other characters than letters, digits, ``_`` and ``-`` become
    ``_``; a name that begins with another character gets ``task`` in front.

    Example:
        >>> task_name('Breast US (2020)')
        'Breast_US_2020'
    """
    name = re.sub(r'[^A-Za-z0-9_-]+', '_', text).strip('_-')[:90]
    return name if name and name[0].isalnum() else f'task_{name}'.rstrip('_')
