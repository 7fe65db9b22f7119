"""Writes the index of a data root to one file, and maps it into memory so that all processes share it.

The file is in Arrow's IPC format: one record batch of one row, in which each column is a list of any length. Everything
else is JSON in the metadata of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.challenge.fmc_index import FmcIndex, SkippedRow
from aurora_mm.challenge.row_columns import ARRAYS, Records, RowColumns
from aurora_mm.challenge.text_column import TextColumn
from aurora_mm.errors import DataError
from aurora_mm.files import whole_file
from aurora_mm.tasks import TaskTable

_KEY = b'aurora_mm.index'
_TEXTS = tuple(field.name for field in fields(RowColumns) if field.type == 'TextColumn')


@dataclass(frozen=True)
class MappedColumns(RowColumns):
    """Columns that are mapped into memory. Another process that receives them maps the same file.

    Args:
        file: The file, of :func:`write_index`.
    """

    file: Path

    def __reduce__(self) -> tuple[Any, ...]:
        return mapped_columns, (self.file,)


def write_index(path: Path, index: FmcIndex, facts: Mapping[str, Any]) -> None:
    """Write an index to a file, completely or not at all.

    Args:
        path: The file.
        index: The index.
        facts: Values for JSON that :func:`read_facts` returns.

    Raises:
        OutputError: If the file cannot be written.
    """
    import pyarrow as pa

    columns = index.records.columns
    arrays = {name: getattr(columns, name) for name in ARRAYS} | dict(rows=index.records.rows)
    for name in _TEXTS:
        text = getattr(columns, name)
        arrays[f'{name}.data'] = text.data[text.ends[0] : text.ends[-1]]
        arrays[f'{name}.ends'] = text.ends - text.ends[0]
    rest = dict(
        facts=dict(facts),
        root=columns.root,
        csv_files=columns.csv_files,
        tasks=columns.tasks,
        folders=columns.folders,
        table=index.tasks.to_config(),
        skipped=index.skipped,
        repeated=index.repeated,
        places=index.places,
        searched=index.folders,
    )
    lists = [
        pa.LargeListArray.from_arrays(pa.array([0, len(values)], pa.int64()), pa.array(values))
        for values in arrays.values()
    ]
    schema = pa.schema(
        [(name, values.type) for name, values in zip(arrays, lists, strict=True)], {_KEY: json.dumps(rest).encode()}
    )
    with whole_file(path, flush=False) as partial, pa.ipc.new_file(str(partial), schema) as writer:
        writer.write_batch(pa.record_batch(lists, schema=schema))


def read_facts(path: Path) -> Mapping[str, Any] | None:
    """Return the facts that an index was written with, or None if the file cannot be read as an index."""
    found = _open(path)
    return None if found is None else found[1]['facts']


def open_index(path: Path) -> FmcIndex | None:
    """Map an index into memory, see :class:`MappedColumns`.

    Args:
        path: A file of :func:`write_index`.

    Returns:
        The index, or None if the file cannot be read as an index.
    """
    found = _open(path)
    if found is None:
        return None
    arrays, rest = found
    found_columns: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    found_columns |= {name: TextColumn(arrays[f'{name}.data'], arrays[f'{name}.ends']) for name in _TEXTS}
    columns = MappedColumns(
        root=rest['root'],
        csv_files=rest['csv_files'],
        tasks=[(name, task_type) for name, task_type in rest['tasks']],
        folders=rest['folders'],
        **found_columns,
        file=path,
    )
    return FmcIndex(
        Records(columns, arrays['rows']),
        TaskTable(rest['table']),
        [SkippedRow(*row) for row in rest['skipped']],
        [SkippedRow(*row) for row in rest['repeated']],
        rest['places'],
        rest['searched'],
    )


def mapped_columns(file: Path) -> RowColumns:
    """Map the columns of an index into the memory of this process.

    Args:
        file: A file of :func:`write_index`.

    Raises:
        DataError: If the file is gone.
    """
    index = open_index(file)
    if index is None:
        raise DataError('the index was removed while a process that uses it started; start again', file=file)
    return index.records.columns


def _open(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    import pyarrow as pa

    try:
        batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
        rest = json.loads(batch.schema.metadata[_KEY])
        arrays = {name: batch.column(name).values.to_numpy() for name in batch.schema.names}
    except (OSError, ValueError, TypeError, KeyError):  # no such file, or another one; ArrowInvalid is a ValueError
        return None
    return arrays, rest
