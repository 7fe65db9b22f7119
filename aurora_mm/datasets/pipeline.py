"""Builds the pipelines of data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mmcv.transforms import BaseTransform

from aurora_mm.images.shared_channels import own_channels
from aurora_mm.registry import TRANSFORMS

_PACKAGE = __name__.partition('.')[0]


class SeparateChannels(BaseTransform):
    """Give every channel of ``img`` memory of its own, for transforms that may write to it.

    Grey images are loaded with channels that share memory, see :mod:`aurora_mm.images.shared_channels`.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if 'img' in results:
            results['img'] = own_channels(results['img'])
        return results


def build_pipeline(pipeline: Iterable[Mapping[str, Any] | Callable[..., Any]]) -> list[Callable[..., Any]]:
    """Build the transforms of a pipeline.

    The transforms of this package keep the shared channels of grey images, which is fast. Other transforms may write to
    an image, so :class:`SeparateChannels` is inserted before each of them.

    Args:
        pipeline: Transforms, or their configs.

    Returns:
        The transforms, in order.
    """
    built: list[Callable[..., Any]] = []
    for step in pipeline:
        transform = TRANSFORMS.build(step) if isinstance(step, Mapping) else step
        if not type(transform).__module__.startswith(f'{_PACKAGE}.'):
            built.append(SeparateChannels())
        built.append(transform)
    return built
