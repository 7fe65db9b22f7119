"""Where the weights of an encoder come from, and under which licence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Licences of the sources that the configs of the package name, as their authors state them (hub, package index).
_LICENCES = (
    (re.compile(r'Qwen/Qwen3-VL-(2B|4B|8B|32B)-\w+'), 'apache-2.0'),
    (re.compile(r'Qwen/Qwen2\.5-VL-7B-Instruct'), 'apache-2.0'),
    (re.compile(r'facebook/dinov2-\w+'), 'apache-2.0'),
    (re.compile(r'EfficientNetLite:imagenet'), 'apache-2.0'),
)
_HUB_ID = re.compile(r'[\w.-]+/[\w.-]+')


def describe_encoder(backbone: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the encoder of a model.

    Args:
        backbone: Config of the encoder, as it was trained.

    Returns:
        A dict with ``type``; ``source`` of the pretrained weights: a hub id, the name of a release such as
        ``'imagenet'``, ``'local files'`` for a path of the machine that trained, which is not named, or None for random
        weights; ``licence`` of these weights, None if aurora_mm does not know it.
    """
    kind = str(backbone['type'])
    source = backbone.get('pretrained')
    if source is None:
        return dict(type=kind, source=None, licence=None)
    if _is_path(source):
        return dict(type=kind, source='local files', licence=None)
    named = (source, f'{kind}:{source}')
    licence = next((licence for known, licence in _LICENCES if any(map(known.fullmatch, named))), None)
    return dict(type=kind, source=source, licence=licence)


def hub_id(encoder: Mapping[str, Any]) -> str | None:
    """Return the hub id of an encoder that :func:`describe_encoder` describes, if it has one."""
    source = encoder.get('source')
    return source if isinstance(source, str) and _HUB_ID.fullmatch(source) else None


def _is_path(source: Any) -> bool:
    """Whether a source is a file or folder; a word without a slash names a release, one with a slash is a hub id."""
    text = str(source)
    return Path(text).exists() or ('/' in text and not _HUB_ID.fullmatch(text)) or '\\' in text or text[:1] in '.~'
