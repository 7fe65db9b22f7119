"""The reader of checkpoint files. No other module of this package calls ``torch.load``."""

from __future__ import annotations

import logging
import pickle
import re
import struct
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, print_log
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

from aurora_mm.checkpoints.model_folder import read_model_folder
from aurora_mm.checkpoints.other_files import other_file
from aurora_mm.checkpoints.plain_values import restore_message_hub
from aurora_mm.checkpoints.sealing import CHECKSUMS, compare_checksums, require_all_keys
from aurora_mm.checkpoints.shards import SHARDS, insert_shards, read_shards
from aurora_mm.errors import WeightsError
from aurora_mm.trust import HOW_TO, is_trusted


def _method(owner: type, name: str) -> Any:
    """Replace ``getattr`` while a file is read: only methods that checkpoints of MMEngine refer to are allowed."""
    if name not in _METHODS.get(owner, ()):
        raise pickle.UnpicklingError(f'GLOBAL builtins.getattr for {name}')
    return getattr(owner, name)


_METHODS: dict[type, tuple[str, ...]] = {
    HistoryBuffer: ('min', 'max', 'mean', 'current'),
    OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear'),
}
# Objects in checkpoints of MMEngine besides tensors and plain values: histories of logged values, as NumPy arrays.
# Creating them runs no code of the file.
_MMENGINE_VALUES: list[Any] = [
    *_METHODS,
    (_method, 'builtins.getattr'),
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in ('f4', 'f8', 'i4', 'i8', 'u1', 'u4', 'u8', '?')),
    np.array(0).__reduce__()[0],  # the function that creates an array; its module has another name in NumPy 1
    np.float64(0).__reduce__()[0],  # the function that creates a scalar
]
# Exceptions that readers of zip files, pickles and tensors raise for damaged files.
_DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, NotImplementedError, OSError,
    RuntimeError, TypeError, ValueError, pickle.UnpicklingError, struct.error, zipfile.BadZipFile,
)  # fmt: skip

_CHUNK = 2**20
_ZIP = b'PK\x03\x04'  # the first bytes of a zip file
_CONTENT = '/data.pkl'
_TENSORS_ALONE = '.safetensors'
# Messages of torch about files that it cannot read with `weights_only=True`.
_UNSAFE = re.compile(r"GLOBAL ([\w.]+)|but got <class '([\w.]+)'>")
_UNKNOWN_STEP = 'Unsupported operand'
_NOT_RESTRICTED = 'Cannot use ``weights_only=True``'


def load_checkpoint_file(file: str | Path, keys: Collection[str] | None = None, shards: bool = True) -> Any:
    """Load a checkpoint file or a model folder to the CPU.

    Files of this package contain tensors and plain values, with checksums that are compared. Other files are read if
    they contain nothing else except MMEngine's histories of logged values. A Python pickle with any other object is
    only read if the user trusts it (see :func:`aurora_mm.trust.trust_checkpoints`), because reading it may run code.

    Args:
        file: Path of a file of ``torch.save``, or of a model folder, see :mod:`aurora_mm.checkpoints.model_folder`.
        keys: Keys to check and return, such as ``('meta', 'state_dict')``. Keys that the file does not have are
            ignored. By default all keys are returned. Files without checksums are always returned completely.
        shards: Whether to read the tensors of a sharded checkpoint that are in its folder of shards. Without them its
            value of :data:`aurora_mm.checkpoints.SHARDS` is returned too.

    Returns:
        The content of the file, a dict. Tensors may be memory-mapped, so the file must not be changed while they are
        in use.

    Raises:
        WeightsError: If the file does not exist, is damaged, does not contain a dict, or is not trusted.
    """
    file = Path(file).expanduser()
    if file.is_dir():
        return read_model_folder(file, keys)
    if not file.is_file():
        raise WeightsError(f'no checkpoint at {file}; `aurora-mm train CONFIG` writes them to its work dir')
    if file.suffix == _TENSORS_ALONE:
        raise WeightsError(f'{file} holds tensors alone; give the model folder that it is in, or a checkpoint')
    try:
        content = _load(file)
        if not isinstance(content, Mapping):
            raise WeightsError(f'it holds a {type(content).__name__}, not the dict of a checkpoint')
        if CHECKSUMS in content:
            content = _checked(content, None if keys is None else {*keys, SHARDS})
        hub = content.get('message_hub')
        if isinstance(hub, Mapping) and isinstance(hub.get('log_scalars'), Mapping):
            content['message_hub'] = restore_message_hub(hub)
    except WeightsError as error:
        raise WeightsError(f'{file} cannot be read: {error}') from error
    except _DAMAGE as error:
        raise WeightsError(f'{file} is no checkpoint, or only part of one: {_reason(error)}') from error
    if shards and SHARDS in content:
        record = content.pop(SHARDS)
        if prefixes := [f'{key}/' for key in ('state_dict', 'optimizer') if key in content]:
            insert_shards(content, read_shards(file, record, prefixes))
    return content


def _load(file: Path) -> Any:
    zipped = zipfile.is_zipfile(file)
    if fault := None if zipped else other_file(file) or _fault_of_pickle(file):
        raise WeightsError(fault)
    if zipped:
        _check_zip(file, with_tensors=False)
    try:
        with torch.serialization.safe_globals(_MMENGINE_VALUES):
            content = torch.load(file, map_location='cpu', weights_only=True, mmap=zipped)
    except (pickle.UnpicklingError, RuntimeError) as error:
        objects = _objects_in(error)
        if not objects:
            raise
        _require_trust(file, objects)
        content = torch.load(file, map_location='cpu', weights_only=False, mmap=zipped)
    if _has_program(content):
        _require_trust(file, 'holds the text of a program, which MMEngine runs when it goes on from this file')
    if zipped and not (isinstance(content, Mapping) and CHECKSUMS in content):
        _check_zip(file, with_tensors=True)
    return content


def _require_trust(file: Path, reason: str) -> None:
    if not is_trusted():
        raise WeightsError(f'it {reason}, so that reading it can run any code on this machine; {HOW_TO}')
    print_log(f'{file} {reason}; it is read all the same, being trusted', logger='current', level=logging.WARNING)


def _check_zip(file: Path, with_tensors: bool) -> None:
    """Check the CRC of the entries of a zip file, which torch does not do."""
    with zipfile.ZipFile(file) as archive:
        records = archive.infolist()
        names = [record.filename for record in records]
        if not any(name.endswith(_CONTENT) for name in names):
            raise WeightsError('it is a zip file that torch.save did not write: it holds no data.pkl')
        if any(record.compress_type != zipfile.ZIP_STORED for record in records):
            raise zipfile.BadZipFile('its records are compressed')
        if len(set(names)) != len(names):
            raise zipfile.BadZipFile('two of its records have one name')
        for record in records:
            if with_tensors or not record.filename.partition('/')[2].startswith('data/'):
                with archive.open(record) as stream:
                    while stream.read(_CHUNK):
                        pass


def _checked(content: Mapping[str, Any], keys: Collection[str] | None) -> dict[str, Any]:
    names = [name for name in content if name != CHECKSUMS] if keys is None else keys
    found = {name: content[name] for name in names if name in content}
    try:
        compare_checksums(content, found)
        if keys is None:
            require_all_keys(content)
    except WeightsError as error:
        if not is_trusted():
            raise WeightsError(f'{error}. If it was changed on purpose, read it with --trust') from error
        print_log(f'read all the same, being trusted: {error}', logger='current', level=logging.WARNING)
    return found


def _has_program(content: Any) -> bool:
    meta = content.get('meta') if isinstance(content, Mapping) else None
    return isinstance(meta, Mapping) and 'config' in meta


def _objects_in(error: Exception) -> str:
    """Describe what a file contains besides tensors and plain values, from torch's message; '' if it is damaged."""
    text = str(error)
    if found := _UNSAFE.search(text):
        return f'is a Python pickle that names {found[1] or found[2]}'
    if _UNKNOWN_STEP in text:
        return 'is a Python pickle that is made up of more than tensors and plain values'
    return 'is a program of TorchScript' if _NOT_RESTRICTED in text else ''


def _fault_of_pickle(file: Path) -> str | None:
    """Return why a file that is no zip file is no Python pickle either; None if it may be one."""
    with file.open('rb') as stream:
        head = stream.read(len(_ZIP))
    if head == _ZIP:
        return 'it is only part of a zip file; copy it again'
    return (
        None if head[:1] == pickle.PROTO else 'it is neither a zip file nor a Python pickle, as torch.save writes them'
    )


def _reason(error: BaseException) -> str:
    """Return the message of an error in one line, without torch's advice."""
    text = str(error).split('WeightsUnpickler error:')[-1].strip()
    first = text.splitlines()[0].strip() if text else ''
    return f'{type(error).__name__}: {first}' if first else type(error).__name__
