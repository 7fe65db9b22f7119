"""Packs the images and masks of a data root in shards."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rich.progress import track

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_cells import BadRow, Files
from aurora_mm.challenge.csv_files import is_labelled, read_root
from aurora_mm.challenge.csv_tables import PATH_COLUMNS, csv_files_of, read_rows
from aurora_mm.data_root import DataRoot, is_url
from aurora_mm.errors import ConfigError, DataError, OutputError
from aurora_mm.folders import require_new_folder, whole_folder
from aurora_mm.images.image_files import read_data
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.meta_image import has_pixels_elsewhere
from aurora_mm.images.retries import read_with_retries
from aurora_mm.images.shards.remote_files import RemoteFolder
from aurora_mm.images.shards.shard_index import INDEX
from aurora_mm.images.shards.shard_writer import ShardWriter
from aurora_mm.images.shards.sharded_root import SHARDS
from aurora_mm.images.sources import split_source
from aurora_mm.tasks import Task, TaskTable

_THREADS = 8
_PART = 256  # files that are read at the same time


class _Named(NamedTuple):
    """A file to pack, and the row that names it first."""

    path: str
    csv_file: Path
    csv_row: int


def make_shards(
    source: str | Path,
    out: str | Path,
    shard_mb: float = 256.0,
    tasks: Sequence[Task | Mapping[str, Any]] = (),
) -> dict[str, int]:
    """Pack the images and masks that the CSV files of a data root name in shards, and copy the CSV files.

    Files are packed in the order in which rows name them, the image of a row before its masks, so that images of one
    task lie together and data that is read in order goes from shard to shard. All rows are checked first.

    Args:
        source: Data root: a folder with ``csv_files``, or with ``train``, ``val`` and ``test`` that have it.
        out: Folder or URL to write. A folder appears when it is complete. At a URL the index of the shards, without
            which the data cannot be read, is written last. After an interruption, start again with the same URL.
        shard_mb: Size of a shard in megabytes (10^6 bytes).
        tasks: Known tasks.

    Returns:
        Number of files in shards, by the folder of the split; '' for a data root without such folders.

    Raises:
        DataError: If the data root is not valid, or a file cannot be read. The message names the file and the row.
        ConfigError: If ``shard_mb`` is not positive.
        OutputError: If ``out`` cannot be written.
    """
    if not 0 < shard_mb < inf:
        raise ConfigError(f'the size of a shard must be positive and finite, not {shard_mb} MB')
    root = DataRoot.find(source)
    folders = {side if root.sides else '': folder for side, folder in root.folders().items()}
    size = int(shard_mb * 1e6)
    if is_url(out):
        url = RemoteFolder(str(out)).url
        return {side: _pack_to_url(of, f'{url}/{side}' if side else url, size, tasks) for side, of in folders.items()}
    out = Path(out)
    require_new_folder(out)
    with whole_folder(out) as folder:
        return {side: _pack(of, folder / side, size, tasks) for side, of in folders.items()}


def _pack_to_url(source: Path, url: str, size: int, tasks: Sequence[Task | Mapping[str, Any]]) -> int:
    remote = RemoteFolder(url)
    try:
        if remote.exists(f'{SHARDS}/{INDEX}'):
            raise DataError('stands in the way: shards are written to a new place', file=url)
        for file in csv_files_of(source):
            remote.upload(file, f'csv_files/{file.name}')
        with TemporaryDirectory(prefix='aurora_mm_') as folder:

            def upload(file: Path) -> None:
                remote.upload(file, f'{SHARDS}/{file.name}')
                file.unlink()

            return _pack(source, Path(folder), size, tasks, upload)
    except OSError as error:
        raise OutputError(f'cannot write {error.filename or url}: {error.strerror or error}') from error


def _pack(
    source: Path,
    out: Path,
    size: int,
    tasks: Sequence[Task | Mapping[str, Any]],
    finished: Callable[[Path], None] = lambda file: None,
) -> int:
    """Pack the files of one folder with ``csv_files``, and return their number."""
    named = _files_of(source, tasks)
    for folder in ('csv_files', SHARDS):
        (out / folder).mkdir(parents=True)
    for file in csv_files_of(source):
        shutil.copyfile(file, out / 'csv_files' / file.name)
    with ShardWriter(out / SHARDS, size, finished) as writer:
        for path, data in track(_read(source, named), f'Packing {source}', total=len(named)):
            writer.add(path, data)
    return len(named)


def _files_of(source: Path, tasks: Sequence[Task | Mapping[str, Any]]) -> list[_Named]:
    """Return each file that rows name once, in the order of the rows."""
    index = read_root(source, TaskTable(tasks), with_labels=is_labelled(source))
    files = Files(source)
    found: dict[str, _Named] = {}

    def add(text: str) -> str:
        try:
            _, path = files.locate('', text)
        except BadRow:
            return text  # rows were checked: this is a mask that is not there yet, or of another kind of task
        path = str(split_source(path)[0])
        found.setdefault(path, _Named(path, row.file, row.line))
        return text

    for file in csv_files_of(source):
        for row in read_rows(file):
            task = index.tasks[row.cells['task_id']]
            for column in PATH_COLUMNS:
                if row.cells.get(column, '').strip():
                    add(row.cells[column])
            if all(row.cells.get(column) for column in ANNOTATIONS[task.type].columns(task)):
                ANNOTATIONS[task.type].moved_paths(row.cells, add)
    return list(found.values())


def _read(source: Path, named: Sequence[_Named]) -> Iterator[tuple[str, bytes]]:
    """Yield the paths of the files and their contents, in order."""

    def read(file: _Named) -> bytes:
        path = source / file.path
        try:
            if has_pixels_elsewhere(path):
                raise BadImage('is a header whose pixels are in another file; save both as one .mha')
            return read_with_retries(read_data, path)
        except BadImage as bad:
            raise DataError(f'{path} {bad}', file=file.csv_file, row=file.csv_row) from bad

    waiting = iter(named)
    with ThreadPoolExecutor(_THREADS) as pool:
        while part := list(islice(waiting, _PART)):
            yield from zip((file.path for file in part), pool.map(read, part), strict=True)
