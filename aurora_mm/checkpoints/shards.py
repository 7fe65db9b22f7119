"""Tensors of a checkpoint that each rank writes and reads a part of, in a folder beside the file of the rest.

The folder holds one safetensors file a rank, written and read by ``torch.distributed.checkpoint`` (DCP), so that it is
read on any number of ranks and no code in it is run. The checkpoint file names the folder and has the checksums of its
files under the key :data:`SHARDS`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, broadcast_object_list, get_rank, get_world_size, is_main_process
from packaging.version import Version
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.tensor import DTensor

from aurora_mm.errors import ConfigError, OutputError, WeightsError
from aurora_mm.folders import whole_folder
from aurora_mm.utils import add_file

SHARDS = 'aurora_mm_shards'  # key of a checkpoint that describes its folder of shards
SUFFIX = '.shards'  # of a folder of shards
FOLDER = re.compile(r'(?P<file>.+)\.[0-9a-f]{8}\.shards')
_TORCH = '2.9'


def require_shards() -> None:
    """Check that torch writes shards as safetensors files.

    Raises:
        ConfigError: If it is too old.
    """
    if Version(torch.__version__) < Version(_TORCH):
        raise ConfigError(f'sharded checkpoints need torch {_TORCH} or newer, this is {torch.__version__}')


def take_shards(state: Mapping[str, Any], optimizer: Mapping[str, Any]) -> dict[str, DTensor]:
    """Return the sharded tensors of a model and its optimiser by the names that they have in a folder of shards.

    Args:
        state: State dict of the model.
        optimizer: State dict of the optimiser; ``{}`` for none.
    """
    named = {f'state_dict/{name}': tensor for name, tensor in state.items()}
    for index, values in optimizer.get('state', {}).items():
        named |= {f'optimizer/{index}/{key}': value for key, value in values.items()}
    return {name: tensor for name, tensor in sorted(named.items()) if isinstance(tensor, DTensor)}


def insert_shards(checkpoint: dict[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Put tensors that were read from shards in their places in a checkpoint.

    Args:
        checkpoint: The checkpoint, which is changed.
        tensors: Tensors by the names of :func:`take_shards`.

    Raises:
        WeightsError: If a name is of no such tensor.
    """
    for name, tensor in tensors.items():
        kind, _, place = name.partition('/')
        index, _, key = place.partition('/')
        if kind == 'state_dict' and place:
            checkpoint.setdefault('state_dict', {})[place] = tensor
        elif kind == 'optimizer' and index.isdecimal() and key:
            checkpoint['optimizer']['state'].setdefault(int(index), {})[key] = tensor
        else:
            raise WeightsError(f'the shards hold {name!r}, which is no tensor of a model or an optimiser')


def write_shards(file: str | Path, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Write the shards of tensors to a new folder beside a checkpoint; all ranks must call this together.

    Args:
        file: Path of the checkpoint, which is written afterwards.
        tensors: Sharded tensors (DTensor) by name, the same names on all ranks.

    Returns:
        The value of :data:`SHARDS` in the checkpoint: the name of the folder and the SHA-256 of its files.

    Raises:
        OutputError: If a rank cannot write. Nothing of the folder is left then.
    """
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter  # not in old releases of torch

    file = Path(file)
    folder = file.with_name(_same_for_all(f'{file.name}.{secrets.token_hex(4)}{SUFFIX}'))
    with whole_folder(folder) if is_main_process() else nullcontext(folder) as partial:
        path = Path(_same_for_all(str(partial)))
        with _failures(lambda reason: OutputError(f'cannot write {folder}: {reason}')):
            save(dict(tensors), storage_writer=HuggingFaceStorageWriter(str(path), save_distributed=True))
        share = sorted(path.iterdir())[get_rank() :: get_world_size()]
        sums = all_gather_object({shard.name: _checksum(shard) for shard in share})
    return {'folder': folder.name, 'files': {name: digest for part in sums for name, digest in sorted(part.items())}}


def read_shards(
    file: str | Path,
    record: Any,
    prefixes: Collection[str] = ('',),
    like: Callable[[str], Tensor | None] | None = None,
) -> dict[str, Tensor]:
    """Read tensors that were written as shards.

    Args:
        file: Path of the checkpoint.
        record: Its value of :data:`SHARDS`.
        prefixes: Beginnings of the names of the tensors to read.
        like: Function that returns the sharded tensor (DTensor) like which the tensor of a name is to be sharded; each
            rank reads its own part then, and all ranks must call this together. Tensors for which it returns None, or
            one of another shape, are read whole. By default all are, by this process alone.

    Returns:
        The tensors by name, whole ones on the CPU.

    Raises:
        ConfigError: If torch is too old, see :func:`require_shards`.
        WeightsError: If the folder is missing, damaged, or not the one that was written with the checkpoint.
    """
    require_shards()
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader

    together = like is not None
    folder, reason = Path(file).parent, None
    try:
        folder = _checked_folder(Path(file), record, together)
    except WeightsError as error:
        reason = str(error)
    reasons = all_gather_object(reason) if together else [reason]  # a rank that raised alone would keep others waiting
    for found in reasons:
        if found is not None:
            raise WeightsError(found)
    reader = HuggingFaceStorageReader(str(folder))
    tensors: dict[str, Tensor] = {}
    for name, described in reader.read_metadata().state_dict_metadata.items():
        if isinstance(described, TensorStorageMetadata) and name.startswith(tuple(prefixes)):
            sharded = like(name) if like is not None else None
            dtype = described.properties.dtype
            if isinstance(sharded, DTensor) and sharded.shape == described.size:
                tensors[name] = torch.empty_like(sharded, dtype=dtype, requires_grad=False)
            else:
                tensors[name] = torch.empty(described.size, dtype=dtype)
    with _failures(lambda reason: WeightsError(f'{folder} cannot be read: {reason}')), warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='torch.distributed is disabled')
        planner = DefaultLoadPlanner(flatten_state_dict=False)
        load(tensors, storage_reader=reader, planner=planner, no_dist=not together)
    return tensors


def _checked_folder(file: Path, record: Any, together: bool) -> Path:
    """Return the folder of shards after comparing its files with their checksums, a share of them if ``together``."""
    files = record.get('files') if isinstance(record, Mapping) else None
    name = record.get('folder') if isinstance(record, Mapping) else None
    if not isinstance(files, Mapping) or not isinstance(name, str) or not FOLDER.fullmatch(name) or '/' in name:
        raise WeightsError(f'{file} cannot be read: what it says about its shards is damaged')
    folder = file.with_name(name)
    if not folder.is_dir():
        raise WeightsError(f'{file} cannot be read: its folder {name} is not beside it; copy both')
    found = {path.name for path in folder.iterdir()}
    if found != set(files):
        different = ', '.join(sorted(found ^ set(files)))
        raise WeightsError(f'{folder} cannot be read: it has other files than were written ({different})')
    share = sorted(files)[get_rank() :: get_world_size()] if together else files
    for shard in share:
        try:
            digest = _checksum(folder / shard)
        except OSError as error:
            raise WeightsError(f'{folder / shard} cannot be read: {error.strerror or error}') from error
        if digest != files[shard]:
            raise WeightsError(f'{folder / shard} cannot be read: it changed since it was written')
    return folder


def _same_for_all(value: str) -> str:
    values = [value]
    broadcast_object_list(values)
    return values[0]


def _checksum(file: Path) -> str:
    digest = hashlib.sha256()
    add_file(digest, file)
    return digest.hexdigest()


@contextmanager
def _failures(error: Callable[[str], Exception]) -> Iterator[None]:
    """Convert the exception of DCP, which has those of all ranks, to one of this package."""
    try:
        yield
    except CheckpointException as failed:
        reasons = {f'{type(cause).__name__}: {cause}' for cause, _ in failed.failures.values()}
        raise error('; '.join(sorted(reasons))) from failed
