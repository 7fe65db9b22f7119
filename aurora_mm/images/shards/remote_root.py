"""Makes a data root with remote shards available under a path of this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

from aurora_mm.data_root import CSV_FILES, SIDES, is_url, sides_of
from aurora_mm.errors import ConfigError, DataError, OutputError
from aurora_mm.files import whole_file, write_text
from aurora_mm.images.shards.locks import locked
from aurora_mm.images.shards.remote_files import RemoteFolder
from aurora_mm.images.shards.shard_index import INDEX
from aurora_mm.images.shards.shard_source import ShardSource, mirror_of, write_source
from aurora_mm.images.shards.sharded_root import SHARDS

_VERSIONS = 'versions.json'


def local_data_root(data_root: str | Path, shard_cache: Mapping[str, Any] | None = None) -> Path:
    """Return the folder of a data root on this machine.

    For a data root with shards that is somewhere else, this is a folder in the cache, with copies of the CSV files and
    of the index of the shards. They are downloaded again if they changed. Shards are downloaded when images in them
    are read, see :class:`~aurora_mm.images.shards.shard_cache.ShardCache`.

    Args:
        data_root: A folder, or the URL of one that ``aurora-mm make-shards`` wrote.
        shard_cache: ``folder``, where copies are kept, and ``max_gb``, the limit of the size of all shards in it in
            gigabytes (10^9 bytes). None for a folder that is read where it is. A folder can have a cache, too: one on
            a network disk, for example.

    Raises:
        ConfigError: If ``shard_cache`` is not valid, or is None for a URL.
        DataError: If the data root cannot be read, or contains no shards.
        OutputError: If the cache cannot be written.
    """
    if shard_cache is None:
        if is_url(data_root):
            raise ConfigError(
                f'data_root {data_root} is a URL: its data set needs shard_cache=dict(folder=..., max_gb=...), where '
                'shards are kept on this machine; check-data takes --shard-cache'
            )
        return Path(data_root)
    if not _is_shard_cache(shard_cache):
        raise ConfigError(f'shard_cache needs folder and a positive max_gb, not {shard_cache!r}')
    cache = Path(shard_cache['folder']).absolute()
    remote = RemoteFolder(str(data_root) if is_url(data_root) else str(Path(data_root).absolute()))
    mirror = mirror_of(remote.url, cache)
    try:
        mirror.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f'cannot write {mirror}: {error.strerror or error}') from error
    with locked(mirror / 'lock'):  # of the processes of a run
        try:
            sides = [f'{side}/' for side in sides_of(remote.url, remote.exists)] or ['']
            _remove_others(mirror, sides)
            for side in sides:
                _copy_side(remote, side, mirror)
                source = f'{remote.url}/{side}{SHARDS}'
                write_source(mirror / side, ShardSource(source, str(cache / SHARDS), int(shard_cache['max_gb'] * 1e9)))
        except OSError as error:
            raise DataError(f'cannot be read ({error.strerror or error})', file=error.filename or remote.url) from error
    return mirror


def _is_shard_cache(value: Any) -> bool:
    if not isinstance(value, Mapping) or value.keys() != {'folder', 'max_gb'}:
        return False
    folder, size = value['folder'], value['max_gb']
    is_folder = isinstance(folder, str | Path) and str(folder) != '' and '\0' not in str(folder)
    return is_folder and isinstance(size, int | float) and not isinstance(size, bool) and 0 < size < inf


def _remove_others(mirror: Path, sides: Sequence[str]) -> None:
    """Remove the copies of splits that are no longer there, by which the data would be divided otherwise."""
    for side in ('', *(f'{side}/' for side in SIDES)):
        if side not in sides:
            for name in (CSV_FILES, SHARDS, _VERSIONS):
                copied = mirror / side / name
                if copied.is_dir():
                    shutil.rmtree(copied)
                else:
                    copied.unlink(missing_ok=True)


def _copy_side(remote: RemoteFolder, side: str, mirror: Path) -> None:
    """Copy CSV files and the index, if they are other versions than those in the mirror."""
    folder = mirror / side
    if not remote.exists(f'{side}{SHARDS}/{INDEX}'):
        raise DataError('no shards: a data root that is read from elsewhere is made by `aurora-mm make-shards`',
                        file=remote.place_of(f'{side}{SHARDS}/{INDEX}'))  # fmt: skip
    names = [f'{CSV_FILES}/{name}' for name in remote.names_in(f'{side}{CSV_FILES}')]
    names = [name for name in names if name.lower().endswith('.csv')] + [f'{SHARDS}/{INDEX}']
    versions = {name: remote.version(f'{side}{name}') for name in names}
    known = _known_versions(folder)
    for name in names:
        if known.get(name) != versions[name] or not (folder / name).is_file():
            with whole_file(folder / name) as partial:
                remote.download(f'{side}{name}', partial)
    for file in (folder / CSV_FILES).iterdir():
        if f'{CSV_FILES}/{file.name}' not in names:
            file.unlink()
    if known != versions:
        write_text(folder / _VERSIONS, json.dumps(versions))


def _known_versions(folder: Path) -> dict[str, str]:
    try:
        versions = json.loads((folder / _VERSIONS).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return versions if isinstance(versions, dict) else {}
