"""The base of data sets whose items are augmented by a seed of their own."""

from __future__ import annotations

from typing import Any

from mmengine.dataset import BaseDataset

from aurora_mm.datasets.seeded_index import seeded_by
from aurora_mm.errors import DataError


class SeededDataset(BaseDataset):
    """A BaseDataset that takes a :class:`aurora_mm.datasets.seeded_index.SeededIndex`, and never another item."""

    def place_of(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return where an item stands, as arguments of :class:`aurora_mm.errors.DataError`.

        Args:
            info: The item, as :meth:`get_data_info` returns it.
        """
        return dict(file=info['img_path'])

    def __getitem__(self, idx: int) -> dict[str, Any]:
        with seeded_by(idx):
            data: dict[str, Any] | None = self.prepare_data(int(idx))
        if data is None:  # BaseDataset would silently take another item
            raise DataError('a transform of the pipeline returned None', **self.place_of(self.get_data_info(int(idx))))
        return data
