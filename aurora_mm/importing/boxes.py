"""Boxes of one image as the one box that a CSV row holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing.options import ImportOptions


def one_box(boxes: Sequence[Sequence[float]], file: Path, options: ImportOptions) -> dict[str, Any] | None:
    """The answer of an image.

    Args:
        boxes: xyxy in pixels.
        file: In which they stand, for messages.
        options: ``objects`` says what to do where there is not one box.

    Returns:
        ``bbox``, or None where the image is left out.

    Raises:
        DataError: If there is not one box and ``objects`` is 'one'.
    """
    if len(boxes) == 1:
        return dict(bbox=list(boxes[0]))
    if options.objects == 'one':
        raise DataError(
            f'has {len(boxes)} boxes, but a CSV row holds one; --objects largest or single goes on all the same',
            file=file,
        )
    if not boxes or options.objects == 'single':
        return None
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]
    return dict(bbox=list(boxes[areas.index(max(areas))]))


def only_class(kinds: Sequence[str], place: Path, options: ImportOptions) -> tuple[str]:
    """The one class of a detection task.

    Args:
        kinds: Classes that the data tells apart, as it calls them.
        place: Where the data is, for messages.
        options: ``classes`` may give one name for all.

    Raises:
        DataError: If the data tells several apart and no name for all was given.
        ConfigError: If several names were given.
    """
    if options.classes is not None:
        if len(options.classes) != 1:
            raise ConfigError(f'a CSV row holds a box without its class: give one name, not {len(options.classes)}')
        return (options.classes[0],)
    if len(kinds) > 1:
        raise DataError(
            f'boxes are of {len(kinds)} classes ({", ".join(kinds[:5])}), but a CSV row holds a box without its class; '
            '--classes NAME takes all as one',
            file=place,
        )
    return (kinds[0] if kinds and not kinds[0].isdigit() else 'object',)
