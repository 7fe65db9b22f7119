"""What to do with an image that has not one box, which is all that a CSV row holds."""

from __future__ import annotations

from aurora_mm.errors import ConfigError

BOX_COUNTS = ('one', 'single', 'largest')
"""Refuse such an image, leave it out, or take the largest of several boxes and leave an image without out."""


def check_box_count(objects: str) -> None:
    """Check that a choice is one of :data:`BOX_COUNTS`.

    Raises:
        ConfigError: If it is not.
    """
    if objects not in BOX_COUNTS:
        raise ConfigError(f'objects must be one of {", ".join(BOX_COUNTS)}, not {objects!r}')
