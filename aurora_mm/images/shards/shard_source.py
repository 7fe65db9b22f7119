"""The file in a copy of a remote data root that says where its shards are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from aurora_mm.errors import DataError
from aurora_mm.files import write_text

_SOURCE = 'shards/source.json'


class ShardSource(NamedTuple):
    """Where shards are, and where they are kept on this machine.

    Args:
        url: URL of the folder of the shards.
        folder: Folder of the cache.
        max_bytes: Limit of the size of all shards in the cache.
    """

    url: str
    folder: str
    max_bytes: int


def mirror_of(url: str, cache: Path) -> Path:
    """Return the folder in a cache where the CSV files and the index of a remote data root are kept."""
    return cache.absolute() / 'roots' / hashlib.blake2b(url.encode(), digest_size=16).hexdigest()


def write_source(root: Path, source: ShardSource) -> None:
    """Write where the shards of a data root are, if it does not say so yet.

    Raises:
        OutputError: If the file cannot be written.
    """
    text = json.dumps(source._asdict())
    file = root / _SOURCE
    if not file.is_file() or file.read_text(encoding='utf-8') != text:
        write_text(file, text)


def read_source(root: Path) -> ShardSource | None:
    """Return where the shards of a data root are, or None if they are in the data root.

    Raises:
        DataError: If the file is not one of this machine's cache. A data root of somebody else shall not choose what
            is downloaded.
    """
    file = root / _SOURCE
    try:
        source = ShardSource(**json.loads(file.read_text(encoding='utf-8')))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f'cannot be read ({error})', file=file) from error
    if [type(value) for value in source] != [str, str, int]:
        raise DataError(f'says no place of shards: {source._asdict()}', file=file)
    url = source.url.removesuffix('/shards')
    cache = Path(source.folder).parent
    if root.absolute() not in (
        mirror_of(url, cache),
        mirror_of(url.rpartition('/')[0], cache) / url.rpartition('/')[2],
    ):
        raise DataError('is not in the cache that it names, so the data root was copied from one', file=file)
    return source
