"""The number of classes of a head of mmdet or mmseg, which its tasks say."""

from __future__ import annotations

from typing import Any

from aurora_mm.errors import ConfigError


def set_num_classes(cfg: dict[str, Any], needed: int, name: str) -> None:
    """Set ``num_classes`` in the config of a head, or check the number that is given.

    Args:
        cfg: Config of the head; changed in place.
        needed: Number of classes of its task, or of the one of its tasks with most; with background in segmentation.
        name: Name of the head, for the message.

    Raises:
        ConfigError: If the config gives another number.
    """
    given = cfg.setdefault('num_classes', needed)
    if given != needed:
        raise ConfigError(f'{name} has num_classes {given}, but its tasks need {needed}; leave it out')
