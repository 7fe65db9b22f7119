"""The base of data sets whose items are augmented by a seed of their own."""

from __future__ import annotations

from typing import Any

from mmengine.dataset import BaseDataset

from aurora_mm.datasets.seeded_index import seeded_by


class SeededDataset(BaseDataset):
    """A BaseDataset that takes a :class:`aurora_mm.datasets.seeded_index.SeededIndex`, and never another item."""

    def __getitem__(self, idx: int) -> dict[str, Any]:
        # BaseDataset would take another item where a transform returns None, which ForeignTransform refuses.
        with seeded_by(idx):
            return self.prepare_data(int(idx))
