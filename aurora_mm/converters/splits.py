"""Finds the split of a file or a folder by its name."""

from __future__ import annotations

import re

_WORDS = {
    'train': ('train', 'training'),
    'val': ('val', 'valid', 'validation', 'dev'),
    'test': ('test', 'testing'),
}
_SPLIT_OF = {word: split for split, words in _WORDS.items() for word in words}
_AT_END = re.compile(rf'(?:^|[_.\s-])(({"|".join(sorted(_SPLIT_OF, key=len, reverse=True))})\d*)$', re.IGNORECASE)

SPLIT_NAMES = 'train, training, val, valid, validation, dev, test or testing, digits may follow'


def split_of(name: str) -> tuple[str, str] | None:
    """Find the split at the end of a name.

    Args:
        name: Name of a folder, or of a file without suffix.

    Returns:
        ``'train'``, ``'val'`` or ``'test'``, and the name of the split as it is written; None if there is no split.

    Example:
        >>> split_of('instances_train2017')
        ('train', 'train2017')
    """
    match = _AT_END.search(name)
    return None if match is None else (_SPLIT_OF[match[2].lower()], match[1])
