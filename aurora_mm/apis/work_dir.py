"""The folder of a training run: one run at a time, and a way to go on where it stopped."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from mmengine.logging import print_log
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

from aurora_mm.apis.checkpoint import read_checkpoint
from aurora_mm.engine.hooks.checkpoint_hook import LAST
from aurora_mm.errors import OutputError, WeightsError
from aurora_mm.models.utils.starting_weights import require_finite
from aurora_mm.models.utils.unwrap_model import unwrap_model

_LOCK = '.in_use'
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')  # as torchrun, Slurm and MPI number their processes
_STATE = ('optimizer', 'message_hub')  # what a run goes on with, beside the weights


@contextmanager
def hold_work_dir(work_dir: str | Path) -> Iterator[None]:
    """Keeps a folder for this run until the block ends; the first of several processes of a run holds it for all.

    The operating system holds the lock, on the file ``.in_use``, and lets it go when the process ends in whatever way:
    none is ever left behind. The file says which process it is.

    Args:
        work_dir: Is made if it is not there.

    Raises:
        OutputError: If another run holds the folder, or it cannot be made or written.
    """
    if any(os.environ.get(name, '0') != '0' for name in _RANKS):
        yield
        return
    file = Path(work_dir) / _LOCK
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(f'cannot use the work dir {work_dir}: {error.strerror}') from error
    try:
        try:
            # A record lock of POSIX: processes that this one starts do not inherit it.
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise OutputError(
                f'the work dir {work_dir} is in use by {_holder(file)}; give each run a folder of its own'
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise OutputError(f'cannot lock the work dir {work_dir}: {error.strerror}') from error
            text = f'{work_dir} is on a file system without locks: a second run in this folder would not be noticed'
            print_log(text, logger='current', level=logging.WARNING)
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps(_this_process()).encode())
        yield
    finally:
        os.close(handle)


def last_checkpoint(work_dir: str | Path) -> Path | None:
    """The last checkpoint of a run, in whatever folder it is now; None if it wrote none.

    Raises:
        WeightsError: If the folder names a checkpoint that is not in it.
    """
    file = Path(work_dir) / LAST
    try:
        text = file.read_text(encoding='utf-8').strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f'{file} cannot be read ({error}); give the checkpoint itself: --resume CKPT') from error
    # MMEngine writes the whole path. The run may have been moved or copied since.
    found = file.parent / Path(text).name
    if not text or not found.exists():
        raise WeightsError(
            f'{file} names {text or "nothing"}, but there is no {found.name if text else "checkpoint"} beside it; '
            'give the checkpoint itself: --resume CKPT'
        )
    return found


def require_resumable(model: nn.Module, checkpoint: str | Path) -> None:
    """Refuses to go on from a checkpoint that a run would go on from only in part.

    MMEngine takes what it finds: without the optimiser's state it begins with a fresh one, and weights that do not fit
    stay random, with a warning.

    Args:
        model: Of the run, as MMEngine wrapped it.
        checkpoint: To go on from.

    Raises:
        WeightsError: If it lacks the state of a run, a tensor is missing, left over or of another shape, or a weight is
            not finite.
    """
    if Path(checkpoint).is_dir():  # of DeepSpeed, or shards of FSDP
        return
    content = read_checkpoint(checkpoint, ('state_dict', *_STATE))
    missing = [name for name in _STATE if name not in content]
    missing += [name for name in ('epoch', 'iter') if name not in content['meta']]
    if missing:
        raise WeightsError(
            f'{checkpoint} holds no {" and no ".join(missing)}: a run cannot go on from it, as from `epoch_*.pth` and '
            '`iter_*.pth`; --load-from starts a new run from its weights'
        )
    require_finite(checkpoint, content['state_dict'])
    if isinstance(model, FullyShardedDataParallel):
        return
    own = unwrap_model(model).state_dict()
    state = content['state_dict']
    problems = [f'{name} is missing' for name in own if name not in state]
    problems += [f'{name} is left over' for name in state if name not in own]
    problems += [
        f'{name} has shape {tuple(tensor.shape)}, not {tuple(own[name].shape)}'
        for name, tensor in state.items()
        if name in own and tensor.shape != own[name].shape
    ]
    if problems:
        shown = '; '.join(problems[:8]) + (f'; and {len(problems) - 8} more' if len(problems) > 8 else '')
        raise WeightsError(f'{checkpoint} is not of this config, so that the run cannot go on from it: {shown}')


def _this_process() -> dict[str, str | int]:
    return dict(pid=os.getpid(), host=socket.gethostname(), since=datetime.now().isoformat(' ', 'seconds'))


def _holder(file: Path) -> str:
    """Which process holds a lock, as far as its file says."""
    try:
        holder = json.loads(file.read_text(encoding='utf-8'))
        return f'process {holder["pid"]} on {holder["host"]} since {holder["since"]}'
    except (OSError, ValueError, KeyError, TypeError):
        return 'another process'
