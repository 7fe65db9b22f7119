from __future__ import annotations

import hashlib
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_tables import csv_files_of
from aurora_mm.challenge.fmc_index import FmcIndex
from aurora_mm.challenge.index_file import MappedColumns, open_index, read_facts, write_index
from aurora_mm.files import whole_file
from aurora_mm.folders import folder_time
from aurora_mm.utils import add_file
from aurora_mm.version import __version__

_RECENT = 2.0  # seconds within which a file may change twice and keep its time, on some disks
_THREADS = 8


class IndexCache:
    """Folder of indices of data roots, so that their CSV files are not read and checked by every process.

    An index is only taken from the cache if the data has not changed:

    - The CSV files are the same, with the same size and times, or else with the same size and content.
    - No file was added to, removed from or renamed in any of the folders that rows refer to. So all files exist.
    - The arguments of the index, the version of this package, and the sources that parse rows are the same.

    The images themselves are not looked at. Files are written whole, and contain neither code nor pickled objects. An
    index replaces older ones of the same data root and arguments. The folder can be deleted while no process uses it.

    Args:
        folder: The folder. It is created if it does not exist.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def read(self, root: str | Path, options: Mapping[str, Any], read: Callable[[], FmcIndex]) -> FmcIndex:
        """Return the index of a data root from the cache, or read it and add it to the cache.

        An index is not added if CSV files or folders changed less than two seconds before or while it was read.

        Args:
            root: The data root.
            options: All else that the index depends on, as values for JSON.
            read: Reads the index.

        Raises:
            DataError: By ``read``.
            OutputError: If the cache cannot be written.
        """
        key = _key(root, options)
        for file in sorted(self.folder.glob(f'{key}-*.arrow')):
            facts = read_facts(file)
            if facts is not None and _hold(root, facts) and (index := open_index(file)) is not None:
                return index
        start = time.time()
        before = _times(root)
        index = read()
        times = [times[2] for times in before.values()] + [changed or 0 for changed in index.folders.values()]
        if before != _times(root) or max(times) > (start - _RECENT) * 1e9:
            text = f'{root}: its files have just changed, so the index is not kept in {self.folder}'
            print_log(text, logger='current', level=logging.WARNING)
            return index
        digests = {str(path): _digest(path) for path in csv_files_of(root)}
        facts = dict(times=before, digests=digests, folders=index.folders)
        content = hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=8).hexdigest()
        file = self.folder / f'{key}-{content}.arrow'
        write_index(file, index, facts)
        for other in self.folder.glob(f'{key}-*'):
            if not other.name.startswith(file.stem):
                other.unlink(missing_ok=True)
        return open_index(file) or index

    def sides(self, index: FmcIndex, options: Mapping[str, Any], split: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the split of each row of an index, from the cache if the index is from it.

        Args:
            index: The index.
            options: All else that the split depends on, as values for JSON.
            split: Computes (N,) int8, the split of each row.
        """
        columns = index.records.columns
        if not isinstance(columns, MappedColumns):
            return split()
        name = hashlib.blake2b(json.dumps(options).encode(), digest_size=8).hexdigest()
        path = self.folder / f'{columns.file.stem}-{name}.npy'
        try:
            found = np.load(path, mmap_mode='r', allow_pickle=False)
        except (OSError, ValueError, EOFError):
            found = None
        if found is not None and found.shape == (len(index.records),) and found.dtype == np.int8:
            return found
        sides = split()
        with whole_file(path, flush=False) as partial, partial.open('wb') as stream:
            np.save(stream, sides, allow_pickle=False)
        return sides


def _key(root: str | Path, options: Mapping[str, Any]) -> str:
    text = json.dumps([str(root), str(Path(root).absolute()), options, __version__, _sources()])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _sources() -> str:
    """Return a digest of the source files that decide what is in an index."""
    ANNOTATIONS['classification']  # registers those of this package
    names = {type(annotation).__module__ for annotation in ANNOTATIONS.values()}
    files = {getattr(sys.modules.get(name), '__file__', None) for name in names}
    room = Path(__file__).parent
    # Tasks, task types and their fields lie in the package's own folder.
    files |= {str(path) for folder in (room, room.parent, room.parent / 'images') for path in folder.glob('*.py')}
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(filter(None, files)):
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()


def _times(root: str | Path) -> dict[str, list[int]]:
    """Return what shows whether a CSV file changed, by path: inode, size, time of the content and of any change."""
    found = {}
    for path in csv_files_of(root):
        stat = path.stat()
        found[str(path)] = [stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
    return found


def _hold(root: str | Path, facts: Mapping[str, Any]) -> bool:
    """Return whether CSV files and folders are as they were."""
    times = _times(root)
    if times.keys() != facts['times'].keys():
        return False
    with ThreadPoolExecutor(_THREADS) as pool:
        if list(pool.map(folder_time, facts['folders'])) != list(facts['folders'].values()):
            return False
    return all(
        now == facts['times'][path] or (now[1] == facts['times'][path][1] and _digest(path) == facts['digests'][path])
        for path, now in times.items()
    )


def _digest(path: str | Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    add_file(digest, path)
    return digest.hexdigest()
