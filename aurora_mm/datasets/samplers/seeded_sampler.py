"""A sampler whose items are augmented by a seed of their own."""

from __future__ import annotations

from collections.abc import Iterator

from mmengine.dataset import DefaultSampler

from aurora_mm.datasets.seeded_index import SeededIndex
from aurora_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """MMEngine's DefaultSampler, whose indices carry the seed of their augmentation.

    The seed is made of that of the run, the epoch and the position (see
    :class:`aurora_mm.datasets.seeded_index.SeededIndex`). The result depends neither on the number of workers nor on
    where a run was interrupted.
    """

    def __iter__(self) -> Iterator[int]:
        for step, index in enumerate(super().__iter__()):
            yield SeededIndex(index, (self.seed, self.epoch, step * self.world_size + self.rank))
