"""Names of tasks from names of folders, and of classes that have no name."""

from __future__ import annotations

import re
import unicodedata

from aurora_mm.errors import ConfigError

UNNAMED_CLASS = 'object'
"""The class of what was labelled without one."""

# Latin letters that Unicode does not take apart into a letter and its accent.
_LETTERS = str.maketrans(
    {'ß': 'ss', 'ẞ': 'SS', 'æ': 'ae', 'Æ': 'AE', 'œ': 'oe', 'Œ': 'OE', 'ø': 'o', 'Ø': 'O', 'đ': 'd', 'Đ': 'D'}
    | {'ð': 'd', 'Ð': 'D', 'ł': 'l', 'Ł': 'L', 'þ': 'th', 'Þ': 'Th'}
)


def task_name(text: str) -> str:
    """A name that a task may have, made from any text: letters lose their accents, other characters than letters,
    digits, ``_`` and ``-`` become ``_``; a name that begins with another character gets ``task`` in front.

    Example:
        >>> task_name('Breast US (2020)')
        'Breast_US_2020'
        >>> task_name('Übung')
        'Ubung'

    Raises:
        ConfigError: If the text has letters or digits of another script, without which it would mean something else.
    """
    parts = unicodedata.normalize('NFKD', text.translate(_LETTERS))
    latin = ''.join(part for part in parts if not unicodedata.combining(part))
    if foreign := [part for part in latin if part.isalnum() and not part.isascii()]:
        raise ConfigError(
            f'{text!r} gives no name of a task, which is made of the letters a-z and A-Z, digits, _ and -: '
            f'{foreign[0]!r} is none of them. --name takes the place of the name of the folder; a column or a question '
            'needs another name in the data'
        )
    name = re.sub(r'[^A-Za-z0-9_-]+', '_', latin).strip('_-')[:90]
    return name if name and name[0].isalnum() else f'task_{name}'.rstrip('_')
