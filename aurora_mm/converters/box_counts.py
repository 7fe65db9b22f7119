"""What to do with images that do not have exactly one box, in a task of one box an image."""

from __future__ import annotations

from collections.abc import Sequence

from aurora_mm.errors import ConfigError

BOX_COUNTS = ('one', 'single', 'largest')
"""Refuse such an image; leave it out; or take the largest of several boxes and leave images without boxes out."""


def check_box_count(objects: str, known: Sequence[str] = BOX_COUNTS) -> None:
    """Check that a choice is one of ``known``.

    Raises:
        ConfigError: If it is not.
    """
    if objects not in known:
        raise ConfigError(f'objects must be one of {", ".join(known)}, not {objects!r}')
