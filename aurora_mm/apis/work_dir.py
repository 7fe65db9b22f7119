"""The work dir of a training run: locking, and resuming from its last checkpoint."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from torch import nn

from aurora_mm.apis.checkpoint import read_checkpoint, trained_tasks
from aurora_mm.checkpoints.config_text import read_config_text
from aurora_mm.engine.hooks.checkpoint_hook import LAST
from aurora_mm.errors import OutputError, WeightsError
from aurora_mm.models import MultiTaskModel
from aurora_mm.models.utils.model_weights import joined, misfits, require_finite
from aurora_mm.models.utils.unwrap_model import unwrap_model

_LOCK = '.in_use'
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')  # ranks as torchrun, Slurm and MPI set them
_RESUMABLE = ('epoch_*.pth', 'iter_*.pth')
_STATE = ('optimizer', 'message_hub')  # keys that are needed to resume, in addition to the weights


@contextmanager
def hold_work_dir(work_dir: str | Path) -> Iterator[None]:
    """Lock a work dir until the end of the block, so that no other run uses it.

    In distributed training only rank 0 locks it. The lock is one of the operating system on the file ``.in_use``. It is
    released when the process ends for any reason, so no lock remains after a crash. The file contains the id of the
    process.

    Args:
        work_dir: The work dir. It is created if it does not exist.

    Raises:
        OutputError: If another run uses the work dir, or it cannot be created or written.
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
            # A POSIX lock, which child processes do not inherit.
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
    """Find the last checkpoint of a run, also if its work dir was moved.

    Args:
        work_dir: The work dir.

    Returns:
        Path of the checkpoint; None if the run wrote none.

    Raises:
        WeightsError: If the file ``last_checkpoint`` cannot be read, or names a checkpoint that does not exist.
    """
    file = Path(work_dir) / LAST
    try:
        text = file.read_text(encoding='utf-8').strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f'{file} cannot be read ({error}); give the checkpoint itself: --resume CKPT') from error
    # MMEngine writes the absolute path. The work dir may have been moved since.
    found = file.parent / Path(text).name
    if not text or not found.exists():
        raise WeightsError(
            f'{file} names {text or "nothing"}, but there is no {found.name if text else "checkpoint"} beside it; '
            'give the checkpoint itself: --resume CKPT'
        )
    return found


def require_unused(work_dir: str | Path) -> None:
    """Check that a new training would not overwrite the checkpoints of another one.

    MMEngine begins anew in the same folder. The names of checkpoints are the same in each training, so those of the old
    one would be replaced one after the other, and the rest would stay between the new ones.

    Args:
        work_dir: The work dir of a training that does not resume.

    Raises:
        OutputError: If a training has written checkpoints there.
    """
    file = Path(work_dir) / LAST
    if file.exists():
        raise OutputError(
            f'{work_dir} holds the checkpoints of a training, which a new one would overwrite ({file} is there): add '
            '--resume to go on with it, give another --work-dir, or remove the folder'
        )


def require_whole(checkpoint: str | Path) -> None:
    """Check that the checkpoint to resume from can be read.

    Args:
        checkpoint: Path of the checkpoint. One of DeepSpeed, which is a folder, is not checked.

    Raises:
        WeightsError: If it cannot be read; the newest other checkpoint of the run is named, if there is one.
    """
    file = Path(checkpoint)
    if file.is_dir():
        return
    try:
        read_checkpoint(file, keys=())
    except WeightsError as error:
        others = [each for pattern in _RESUMABLE for each in file.parent.glob(pattern) if each.name != file.name]
        if not others:
            raise
        newest = max(others, key=lambda each: each.stat().st_mtime)
        raise WeightsError(f'{error}; the newest other checkpoint beside it is {newest}: --resume {newest}') from error


def require_resumable(model: nn.Module, checkpoint: str | Path) -> None:
    """Check that a checkpoint contains everything that is needed to resume a run.

    MMEngine resumes from incomplete checkpoints too: it creates a new optimizer state if there is none, and only warns
    about weights that do not fit the model.

    Args:
        model: Model of the run, which may be inside of a wrapper of MMEngine.
        checkpoint: Path of the checkpoint to resume from.

    Raises:
        WeightsError: If the checkpoint has no optimizer state, message hub, epoch or iteration; if a tensor is missing,
            unexpected or has another shape; if a weight is not finite; or if the tasks are in another order, or the
            classes, points or values of a task are others or in another order.
        ConfigError: If the config in the checkpoint is damaged.
    """
    if Path(checkpoint).is_dir():  # a checkpoint of DeepSpeed
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
    model = unwrap_model(model)
    problems = misfits(model.state_dict(), content['state_dict'])
    if problems:
        raise WeightsError(
            f'{checkpoint} is not of this config, so that the run cannot go on from it: {joined(problems)}'
        )
    if isinstance(model, MultiTaskModel):
        _require_same_order(model, content, checkpoint)
        _require_same_outputs(model, content, checkpoint)


def _require_same_order(model: MultiTaskModel, content: Mapping[str, Any], checkpoint: str | Path) -> None:
    """Check that the tasks stand in the order that they had: trackers and balancers keep a number for each by index."""
    if 'cfg' not in content['meta']:
        return
    before = [task['name'] for task in read_config_text(content['meta']['cfg'])['model'].get('tasks', ())]
    now = list(model.tasks)
    if before != now and sorted(before) == sorted(now):
        raise WeightsError(
            f'{checkpoint} is of a run with the tasks {", ".join(before)}, and now their order is {", ".join(now)}: '
            'the running losses of the tasks would be exchanged; a run goes on with the same order'
        )


def _require_same_outputs(model: MultiTaskModel, content: Mapping[str, Any], checkpoint: str | Path) -> None:
    """Check that each output of a task means what it meant before: weights fit classes in another order, too."""
    before = trained_tasks(content)
    for name, task in model.tasks.items():
        if name in before and task.output_names != before[name].output_names:
            outputs = task.task_type.outputs
            raise WeightsError(
                f'{checkpoint} is of a run in which the {outputs} of task {name!r} were '
                f'{", ".join(before[name].output_names)}, and now they are {", ".join(task.output_names)}: a run goes '
                'on with the same ones in the same order'
            )


def _this_process() -> dict[str, str | int]:
    return dict(pid=os.getpid(), host=socket.gethostname(), since=datetime.now().isoformat(' ', 'seconds'))


def _holder(file: Path) -> str:
    """Describe the process that has the lock, from the content of the lock file."""
    try:
        holder = json.loads(file.read_text(encoding='utf-8'))
        return f'process {holder["pid"]} on {holder["host"]} since {holder["since"]}'
    except (OSError, ValueError, KeyError, TypeError):
        return 'another process'
