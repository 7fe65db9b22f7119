"""Builds the pipelines of data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aurora_mm.datasets.foreign_transform import ForeignTransform
from aurora_mm.registry import TRANSFORMS

_PACKAGE = __name__.partition('.')[0]


def build_pipeline(pipeline: Iterable[Mapping[str, Any] | Callable[..., Any]]) -> list[Callable[..., Any]]:
    """Build the transforms of a pipeline.

    The transforms of this package stay as they are; others are put into a :class:`ForeignTransform`, which checks what
    they do.

    Args:
        pipeline: Transforms, or their configs.

    Returns:
        The transforms, in order.
    """
    steps = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline]
    return [step if type(step).__module__.startswith(f'{_PACKAGE}.') else ForeignTransform(step) for step in steps]
