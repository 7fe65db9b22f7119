"""Fixtures for all tests."""

import gc
import importlib.util
import os
import struct
import zlib
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from mmengine.logging import MMLogger

from aurora_mm.mmcv_operators import has_operators

# The same cases in every run; `--hypothesis-profile=random` tries others. Nothing depends on a machine's speed.
settings.register_profile('fixed', deadline=None, database=None, derandomize=True)
settings.register_profile('random', deadline=None, database=None, print_blob=True)
settings.load_profile('fixed')

pytest_plugins = [
    f'tests.fixtures.{name}'
    for name in ('accelerator', 'checkpoints', 'config_text', 'flushed', 'fmc_root', 'fork_server')
]


def pytest_configure(config):
    """Each of several processes gets one thread: more would compete for the same cores."""
    if hasattr(config, 'workerinput'):
        os.environ.setdefault('OMP_NUM_THREADS', '1')  # for the processes that tests start
        torch.set_num_threads(1)


def pytest_collection_finish():
    """What is imported by now stays: MMEngine's data sets collect garbage whenever one is built, and look at it all."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_closed_log_files():
    """Web servers configure logging, which closes the log files of all loggers; MMEngine would write to them."""
    yield
    for logger in MMLogger._instance_dict.values():
        logger.handlers[:] = [handler for handler in logger.handlers if getattr(handler, 'stream', True) is not None]


def pytest_runtest_setup(item):
    if item.get_closest_marker('needs_operators') and not has_operators():
        pytest.skip("mmcv's operators are not compiled here")


TOOLS = Path(__file__).resolve().parents[1] / 'tools'


@pytest.fixture(autouse=True)
def trust_nothing(monkeypatch):
    """What a test trusts, no other does: `--trust` holds for a whole process."""
    monkeypatch.delenv('AURORA_TRUST', raising=False)


@pytest.fixture(autouse=True)
def wait_for_no_disk(monkeypatch):
    """A file that is not there is looked for again, but without a wait."""
    monkeypatch.setattr('aurora_mm.images.retries.WAITS', (0.0, 0.0))


@pytest.fixture(scope='session')
def load_tool():
    """Loads a script under ``tools/`` by its file's name, without running it."""

    def load(name):
        (file,) = TOOLS.rglob(f'{name}.py')
        spec = importlib.util.spec_from_file_location(f'{name}_tool', file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def huge_png() -> bytes:
    """A small PNG file whose header claims 100,000 x 100,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

    header = struct.pack('>IIBBBBB', 100_000, 100_000, 8, 0, 0, 0, 0)
    parts = chunk(b'IHDR', header), chunk(b'IDAT', zlib.compress(b'')), chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + b''.join(parts)
