"""Copies of remote shards: of limited size, and safe with several threads and processes."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.images.shards.locks import locked
from aurora_mm.images.shards.remote_files import RemoteFolder
from aurora_mm.images.shards.shard_cache import ShardCache
from aurora_mm.images.shards.shard_index import Shard
from tests.fixtures.waiting import LONG

SIZE = 1000


@pytest.fixture
def shards(tmp_path):
    """Five shards of 1000 bytes in a remote folder."""
    (tmp_path / 'remote').mkdir()
    found = []
    for number in range(5):
        data = np.random.default_rng(number).bytes(SIZE)
        (tmp_path / f'remote/shard-0000{number}.tar').write_bytes(data)
        found.append(Shard(f'shard-0000{number}.tar', SIZE, hashlib.blake2b(data, digest_size=16).hexdigest()))
    return found


def cache_of(tmp_path, shards=3):
    return ShardCache(f'file://{tmp_path}/remote', tmp_path / 'cache', shards * SIZE)


def kept(tmp_path, shards):
    """Numbers of the shards of which there are copies."""
    return {number for number, shard in enumerate(shards) if list((tmp_path / 'cache').glob(f'{shard.digest}*.tar'))}


def content(tmp_path, shard):
    return (tmp_path / 'remote' / shard.name).read_bytes()


def test_a_shard_is_downloaded_once(tmp_path, shards):
    cache = cache_of(tmp_path)
    for offset in (0, 7, 990):
        assert cache.read(shards[0], offset, 10) == content(tmp_path, shards[0])[offset : offset + 10]
    assert cache.downloads == 1
    assert cache_of(tmp_path).read(shards[0], 0, SIZE) == content(tmp_path, shards[0])


def test_the_least_recently_used_is_removed(tmp_path, shards):
    cache = cache_of(tmp_path)
    for number in (0, 1, 2, 0, 3):
        cache.read(shards[number], 0, 1)
        time.sleep(0.002)  # file systems count time in steps
    assert kept(tmp_path, shards) == {0, 2, 3}
    assert cache.downloads == 4
    cache.read(shards[1], 0, 1)
    assert kept(tmp_path, shards) == {0, 1, 3}


def test_a_shard_that_is_larger_than_the_cache(tmp_path, shards):
    with pytest.raises(ConfigError, match=r'max_gb is 5e-07, but shard file://.*shard-00000.tar alone has 1e-06 GB'):
        ShardCache(f'file://{tmp_path}/remote', tmp_path / 'cache', 500).read(shards[0], 0, 1)


def test_a_shard_of_another_size_is_not_taken(tmp_path, shards):
    (tmp_path / 'remote/shard-00000.tar').write_bytes(b'short')
    with pytest.raises(OSError, match='it has 5 bytes, not 1000'):
        cache_of(tmp_path).read(shards[0], 0, 1)
    assert not list((tmp_path / 'cache').glob('*.tar'))
    assert not list((tmp_path / 'cache').glob('*.partial'))


def test_a_shard_that_is_gone(tmp_path, shards):
    (tmp_path / 'remote/shard-00000.tar').unlink()
    with pytest.raises(FileNotFoundError):
        cache_of(tmp_path).read(shards[0], 0, 1)


def test_threads_that_need_one_shard_download_it_once(tmp_path, shards):
    cache = cache_of(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda place: cache.read(shards[0], place, 1), range(64)))
    assert b''.join(found) == content(tmp_path, shards[0])[:64]
    assert cache.downloads == 1


def _read_at_random(folder, shards, seed):
    """Read with a cache of two shards for several processes, and look at its size all the time."""
    cache, rng = cache_of(folder, 2), np.random.default_rng(seed)
    largest = 0
    for _ in range(60):
        shard = shards[rng.integers(len(shards))]
        offset = int(rng.integers(SIZE - 10))
        assert cache.read(shard, offset, 10) == content(folder, shard)[offset : offset + 10]
        with locked(folder / 'cache/lock'):
            names = [path.name for path in (folder / 'cache').iterdir() if path.suffix in ('.tar', '.partial')]
        largest = max(largest, len({name.split('.')[0] for name in names}))
    return cache.downloads, largest


def test_processes_share_a_cache_that_never_grows_beyond_its_limit(tmp_path, shards):
    with ProcessPoolExecutor(3, multiprocessing.get_context('fork')) as pool:
        found = list(pool.map(_read_at_random, [tmp_path] * 3, [shards] * 3, range(3)))
    assert sum(downloads for downloads, _ in found) > len(shards)
    assert max(largest for _, largest in found) <= 2
    assert not list((tmp_path / 'cache').glob('*.partial'))


def _download_for_ever(folder, shard, started):
    def download(self, name, path):
        Path(path).write_bytes(b'half')
        started.set()
        time.sleep(LONG)

    RemoteFolder.download = download  # in this process alone
    cache_of(folder).read(shard, 0, 1)


def _downloading(folder, shard):
    """Start a process that has downloaded half of a shard when this returns, and stays."""
    context = multiprocessing.get_context('fork')
    started = context.Event()
    process = context.Process(target=_download_for_ever, args=(folder, shard, started))
    process.start()
    assert started.wait(LONG)
    return process


def test_what_a_killed_process_left_counts_no_more(tmp_path, shards):
    process = _downloading(tmp_path, shards[0])
    assert len(list((tmp_path / 'cache').glob('*.partial'))) == 1
    cache = cache_of(tmp_path, 2)
    cache.read(shards[1], 0, 1)
    time.sleep(0.002)
    cache.read(shards[2], 0, 1)  # one more than there is room for, beside the download
    assert kept(tmp_path, shards) == {2}
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    cache.read(shards[3], 0, 1)
    assert kept(tmp_path, shards) == {2, 3}
    assert not list((tmp_path / 'cache').glob('*.partial'))
    assert cache.read(shards[0], 0, SIZE) == content(tmp_path, shards[0])


def test_what_a_killed_process_left_makes_room_for_the_same_shard(tmp_path, shards):
    """In a cache that has room for it once."""
    process = _downloading(tmp_path, shards[0])
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert cache_of(tmp_path, 1).read(shards[0], 0, SIZE) == content(tmp_path, shards[0])
    assert kept(tmp_path, shards) == {0}


def test_no_copy_gets_its_name_while_copies_are_counted(tmp_path, shards, monkeypatch):
    download, seen = RemoteFolder.download, []

    def counted_meanwhile(self, name, path):
        download(self, name, path)
        counting = locked(tmp_path / 'cache/lock')
        counting.__enter__()

        def end():
            seen.append(kept(tmp_path, shards))
            counting.__exit__(None, None, None)

        threading.Timer(0.2, end).start()

    monkeypatch.setattr(RemoteFolder, 'download', counted_meanwhile)
    cache_of(tmp_path).read(shards[0], 0, 1)
    assert seen == [set()]
    assert kept(tmp_path, shards) == {0}


def test_a_protocol_without_its_package(tmp_path, shards):
    with pytest.raises(ConfigError, match='Protocol not known: nowhere'):
        ShardCache('nowhere://bucket/shards', tmp_path / 'cache', SIZE).read(shards[0], 0, 1)


def test_errors_of_the_package_of_a_protocol_are_errors_of_the_system(tmp_path, monkeypatch):
    """Packages have classes of their own, such as botocore's when there are no keys."""

    def fails(*args, **options):
        raise LookupError('Unable to locate credentials')

    monkeypatch.setattr('fsspec.implementations.memory.MemoryFileSystem.exists', fails)
    with pytest.raises(OSError, match='LookupError: Unable to locate credentials') as raised:
        RemoteFolder('memory://bucket').exists('a')
    assert raised.value.filename == 'memory://bucket/a'


def test_a_path_with_two_colons_is_a_path(tmp_path):
    (tmp_path / 'a::b').mkdir()
    (tmp_path / 'a::b/c.csv').write_text('x')
    folder = RemoteFolder(str(tmp_path / 'a::b'))
    assert folder.exists('c.csv') and folder.names_in('') == ['c.csv']


def test_a_package_that_is_not_installed_is_named_with_the_extra(monkeypatch):
    def absent(url):
        raise ImportError('Install s3fs to access S3')

    monkeypatch.setattr('fsspec.core.url_to_fs', absent)
    with pytest.raises(ConfigError, match=r"Install s3fs to access S3; `pip install 'aurora_mm\[remote\]'`"):
        RemoteFolder('s3://bucket').exists('a')
