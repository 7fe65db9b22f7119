"""Columns of paths of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def in_folders(paths: pa.LargeStringArray, folders: list[str], place: np.ndarray) -> pa.LargeStringArray:
    """Return the paths of files in folders that are named otherwise.

    Args:
        paths: N paths without white space around them, of which the last part is kept.
        folders: Names of folders.
        place: (N,) int32, index in ``folders``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = pa.large_string()
    names = pc.replace_substring_regex(paths, '(?s)^.*/', '')
    return pc.binary_join_element_wise(pa.array(folders, kind).take(pa.array(place)), names, pa.scalar('/', kind))
