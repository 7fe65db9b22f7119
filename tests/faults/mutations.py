"""Ways to damage a file, each a function of the file's bytes and a random generator."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import numpy as np

Mutation = Callable[[bytes, np.random.Generator], bytes]


def flip_bit(data: bytes, rng: np.random.Generator) -> bytes:
    """One bit, anywhere."""
    changed = bytearray(data)
    changed[rng.integers(len(changed))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def flip_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Up to 20 bytes, anywhere."""
    changed = bytearray(data)
    for at in rng.integers(len(changed), size=rng.integers(1, 21)):
        changed[at] = rng.integers(256)
    return bytes(changed)


def block(data: bytes, rng: np.random.Generator) -> bytes:
    """A block of zeros or noise, as a bad sector of a disk gives it."""
    changed = bytearray(data)
    start, size = int(rng.integers(len(changed))), int(rng.integers(1, 4097))
    part = changed[start : start + size]
    changed[start : start + size] = bytes(len(part)) if rng.random() < 0.5 else rng.bytes(len(part))
    return bytes(changed)


def truncate(data: bytes, rng: np.random.Generator) -> bytes:
    """The beginning alone."""
    return data[: rng.integers(len(data))]


def cut_out(data: bytes, rng: np.random.Generator) -> bytes:
    """A part in the middle is missing, or is there twice."""
    start, size = int(rng.integers(len(data))), int(rng.integers(1, 200))
    return data[:start] + data[start + size :] if rng.random() < 0.5 else data[: start + size] + data[start:]


def append(data: bytes, rng: np.random.Generator) -> bytes:
    """Something behind the end, or before the beginning."""
    more = rng.bytes(int(rng.integers(1, 200)))
    return data + more if rng.random() < 0.5 else more + data


OF_BYTES: dict[str, Mutation] = {
    'one bit': flip_bit,
    'some bytes': flip_bytes,
    'a block of zeros or noise': block,
    'cut off': truncate,
    'a part missing or doubled': cut_out,
    'bytes added at an end': append,
}


def _records(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip(records: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _any(names: list[str], rng: np.random.Generator) -> str:
    return names[rng.integers(len(names))]


def remove_record(data: bytes, rng: np.random.Generator) -> bytes:
    """A zip file without one of its records."""
    records = _records(data)
    del records[_any(list(records), rng)]
    return _zip(records)


def replace_record(data: bytes, rng: np.random.Generator) -> bytes:
    """One record has other bytes, of the same number or of another, under a right checksum of the zip format."""
    records = _records(data)
    name = _any(list(records), rng)
    size = len(records[name]) if rng.random() < 0.5 else int(rng.integers(200))
    records[name] = rng.bytes(size)
    return _zip(records)


def swap_records(data: bytes, rng: np.random.Generator) -> bytes:
    """Two records have changed places."""
    records = _records(data)
    a, b = _any(list(records), rng), _any(list(records), rng)
    records[a], records[b] = records[b], records[a]
    return _zip(records)


def mutate_record(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes of one record are mutated, under a right checksum of the zip format."""
    records = _records(data)
    name = _any(list(records), rng)
    records[name] = OF_BYTES[_any(list(OF_BYTES), rng)](records[name] or b'\0', rng)
    return _zip(records)


def mutate_pickle(data: bytes, rng: np.random.Generator) -> bytes:
    """The same for the record that holds the values: what is unpickled are arbitrary instructions."""
    records = _records(data)
    name = next(name for name in records if name.endswith('data.pkl'))
    records[name] = OF_BYTES[_any(list(OF_BYTES), rng)](records[name], rng)
    return _zip(records)


def compress(data: bytes, rng: np.random.Generator) -> bytes:
    """The records are compressed, or one is there twice."""
    records = _records(data)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED) as archive:
        for name, content in [*records.items(), *list(records.items())[: rng.integers(3)]]:
            archive.writestr(name, content)
    return buffer.getvalue()


OF_ZIP: dict[str, Mutation] = {
    'a record removed': remove_record,
    'a record replaced': replace_record,
    'two records swapped': swap_records,
    'a record mutated': mutate_record,
    'the pickle mutated': mutate_pickle,
    'compressed or doubled': compress,
}
