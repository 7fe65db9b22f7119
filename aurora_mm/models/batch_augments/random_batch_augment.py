"""Mixing of the images of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.errors import ConfigError
from aurora_mm.misfits import MISFITS, reason_of
from aurora_mm.models.batch_augments.batch_augment import BatchAugment
from aurora_mm.models.utils.build import build_in_scope
from aurora_mm.structures import MultiTaskDataSample


class RandomBatchAugment:
    """Mix images of a batch, and their labels, by one of several augmentations drawn at random for each image.

    Only images whose labels are all classes of the whole image may be mixed (``mixable`` of their
    :class:`aurora_mm.annotations.Annotation`). Images with masks, boxes, points or values stay as they are. An image is
    only mixed with one that has labels of the same tasks and is of the same size, so a single image stays as it is,
    too. Each label becomes the same mixture as the image.

    The random numbers are drawn from NumPy's global state in the process that trains, which
    :class:`aurora_mm.engine.ReproducibleEpochHook` seeds: the seed determines them, and a resumed run draws those of an
    unbroken one. Images are mixed with images of the same rank, so other numbers of ranks give other mixtures.

    Legend: B images.

    Args:
        augments: Configs of the augmentations, or one config: ``dict(type='CutMix', alpha=1.0)``.
        probs: Probability of each augmentation. If their sum is less than 1, the rest of the images stay as they
            are. None draws all augmentations alike.

    Raises:
        ConfigError: If there is no augmentation, one cannot be built, or the probabilities do not fit.
    """

    def __init__(
        self, augments: Mapping[str, Any] | Sequence[Mapping[str, Any]], probs: float | Sequence[float] | None = None
    ) -> None:
        configs = [augments] if isinstance(augments, Mapping) else list(augments)
        if not configs:
            raise ConfigError('batch_augments: augments is empty')
        self.augments = [_build(config) for config in configs]
        if probs is None:
            probs = [1 / len(configs)] * len(configs)
        self.probs = list(probs) if isinstance(probs, Iterable) else [probs]
        if len(self.probs) != len(configs) or not (min(self.probs) >= 0 and sum(self.probs) <= 1 + 1e-9):  # NaN too
            raise ConfigError(
                f'batch_augments: probs must hold a probability for each of the {len(configs)} augments, and their sum '
                f'must be at most 1; it is {probs!r}'
            )

    def __call__(
        self, batch: Tensor, sizes: Sequence[tuple[int, int]], data_samples: Sequence[MultiTaskDataSample]
    ) -> Tensor:
        """Mix a batch.

        Args:
            batch: Images ``(B, C, H, W)``, normalised and padded on the right and at the bottom. It is not changed.
            sizes: (height, width) of each image without padding.
            data_samples: One for each image. The labels of mixed images are replaced.

        Returns:
            The mixed images, ``(B, C, H, W)``. Nothing is copied from the device to the host.
        """
        partners = _partners(sizes, data_samples)
        mixed, shares = batch, {}
        for place, partner in partners.items():
            augment = self._draw()
            if augment is None:
                continue
            if mixed is batch:
                mixed = batch.clone()
            height, width = sizes[place]
            image, shares[place] = augment.mix(batch[place, :, :height, :width], batch[partner, :, :height, :width])
            mixed[place, :, :height, :width] = image
        labels = {
            place: [
                ANNOTATIONS[sample.task_type].mixed(sample, data_samples[partners[place]][sample.task], share)
                for sample in data_samples[place]
            ]
            for place, share in shares.items()
        }
        for place, task_samples in labels.items():  # only now, because a label may be part of two mixtures
            for sample in task_samples:
                data_samples[place].add(sample)
        return mixed

    def _draw(self) -> BatchAugment | None:
        number = int(np.searchsorted(np.cumsum(self.probs), np.random.random(), side='right'))
        return self.augments[number] if number < len(self.augments) else None


def _build(config: Mapping[str, Any]) -> BatchAugment:
    if not isinstance(config, Mapping) or 'type' not in config:
        raise ConfigError(f'batch_augments: an augmentation is a config with a type, not {config!r}')
    try:
        augment: BatchAugment = build_in_scope(dict(config))
    except ConfigError as error:
        raise ConfigError(f'batch_augments: {error}') from error
    except MISFITS as error:
        raise ConfigError(f'batch_augments: {config["type"]} cannot be built: {reason_of(error)}') from error
    if not hasattr(augment, 'mix'):
        raise ConfigError(f'batch_augments: {config["type"]} mixes no images; CutMix and Mixup do')
    return augment


def _partners(sizes: Sequence[tuple[int, int]], data_samples: Sequence[MultiTaskDataSample]) -> dict[int, int]:
    """Return which image each image is mixed with: the next one of a random order of those that fit."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, (size, image) in enumerate(zip(sizes, data_samples, strict=True)):
        if len(image) and all(ANNOTATIONS[sample.task_type].mixable for sample in image):
            groups.setdefault((size, *sorted(image.task_names)), []).append(place)
    partners: dict[int, int] = {}
    for places in groups.values():
        order = np.random.permutation(places).tolist()
        if len(order) > 1:
            partners.update(zip(order, [*order[1:], order[0]], strict=True))
    return partners
