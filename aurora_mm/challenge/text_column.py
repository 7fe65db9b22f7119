from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


class TextColumn(Sequence[str]):
    """Column of N texts in two arrays, without a Python object for each text.

    Args:
        data: (M,) uint8, all texts in UTF-8, one after the other.
        ends: (N + 1,) int64. Text ``i`` is ``data[ends[i]:ends[i + 1]]``.
    """

    def __init__(self, data: np.ndarray, ends: np.ndarray) -> None:
        self.data = data
        self.ends = ends

    @classmethod
    def from_arrow(cls, texts: pa.LargeStringArray) -> TextColumn:
        """Take the memory of an array of Arrow without a null."""
        _, ends, data = texts.buffers()
        ends = np.frombuffer(ends, np.int64, len(texts) + 1, 8 * texts.offset) if len(texts) else np.zeros(1, np.int64)
        return cls(np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8), ends)

    def to_arrow(self) -> pa.LargeStringArray:
        """Return the texts as an array of Arrow, which shares memory with this column."""
        import pyarrow as pa

        return pa.LargeStringArray.from_buffers(len(self), pa.py_buffer(self.ends), pa.py_buffer(self.data))

    def contain(self, text: str) -> np.ndarray:
        """Return (N,) bool, whether each text contains another one."""
        import pyarrow.compute as pc

        return pc.match_substring(self.to_arrow(), text).to_numpy(zero_copy_only=False)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        start, end = self.ends[index : index + 2].tolist()
        return self.data[start:end].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))
