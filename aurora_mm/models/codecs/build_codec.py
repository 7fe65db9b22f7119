from __future__ import annotations

from typing import Any, TypeVar

from aurora_mm.errors import ConfigError
from aurora_mm.models.codecs.base_codec import BaseCodec
from aurora_mm.models.utils.build import build_in_scope
from aurora_mm.registry import TASK_UTILS

Codec = TypeVar('Codec', bound=BaseCodec)


def build_codec(cfg: dict[str, Any], kind: type[Codec], head: str) -> Codec:
    """Build the codec of a head.

    Args:
        cfg: Config of the codec, registered in ``TASK_UTILS`` here or in another package (``type='other.XCodec'``).
        kind: The base class that the head needs.
        head: Name of the head, for error messages.

    Raises:
        ConfigError: If the codec is not registered, cannot be built or has another base class.
    """
    if 'type' not in cfg:
        raise ConfigError(f'{head}: codec is a config and needs a type; it is {cfg}')
    try:
        codec = build_in_scope(cfg, TASK_UTILS)
    except (ConfigError, TypeError) as error:
        raise ConfigError(f'{head}: codec {cfg["type"]} cannot be built: {error}') from error
    if not isinstance(codec, kind):
        raise ConfigError(f'{head} needs a codec that is a {kind.__name__}; {cfg["type"]} is none')
    return codec
