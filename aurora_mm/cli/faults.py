"""Short messages for errors of the machine, such as a full disk."""

from __future__ import annotations

import errno
import os
import re

# Messages of torch's DataLoader if a worker process ended.
_WORKER_ENDED = re.compile(
    r'DataLoader worker \(pid(?:\(s\))? [\d, ]+\) (?:is killed by signal: ([^.]+)|exited unexpectedly)'
)
_WORKER_SLOW = re.compile(r'DataLoader timed out after (\d+) seconds')
_WORKER = re.compile(r'Caught (\w+) in DataLoader worker process \d+')
# Messages of gloo, NCCL and torch's store if another process of the run ended.
_OTHER_ENDED = (
    'Connection closed by peer',
    'Connection reset by peer',
    'remote process exited',
    'Connection was likely closed',
)
_NO_MEMORY = ("can't allocate memory", 'not enough memory', 'Cannot allocate memory')
# Messages of torch, CUDA's runtime, cuBLAS and cuDNN if the memory of a GPU ran out; torch says how much there is.
_NO_GPU_MEMORY = re.compile(
    r'CUDA out of memory\.? ?(?P<sizes>Tried to allocate .*? is free\.?)?|CUDA error: out of memory|'
    r'(?:CUBLAS|CUDNN)_STATUS_ALLOC_FAILED'
)
_LESS_ON_GPU = (
    'a training takes less with a smaller train_dataloader.batch_size, and as many times more '
    'optim_wrapper.accumulative_counts for the same updates, or with model.backbone.with_cp=True, which recomputes '
    'blocks; --resume goes on from its last checkpoint. Otherwise take fewer images at a time'
)
_FEWER = 'fewer workers (--cfg-options train_dataloader.num_workers=1) or a smaller batch take less'
# Errors of the operating system that are not bugs of the program.
_FAULTS = {
    errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EHOSTDOWN, errno.EIO, errno.EISDIR, errno.EMFILE, errno.ENAMETOOLONG,
    errno.ENOENT, errno.ENOMEM, errno.ENOSPC, errno.ENOTCONN, errno.ENOTDIR, errno.EPERM, errno.EROFS, errno.ESTALE,
    errno.EEXIST, errno.ETIMEDOUT,
}  # fmt: skip

_OS_ERRORS = ('OSError', *(kind.__name__ for kind in OSError.__subclasses__()))


def fault_message(error: BaseException) -> str | None:
    """Describe an error of the machine in one sentence.

    These errors are known: files or folders that cannot be read or written, a full disk, a process of the data loader
    or of a distributed run that ended, too slow loading, and too little memory, also of a GPU.

    Args:
        error: Any exception.

    Returns:
        The description; None for any other exception.
    """
    text = str(error)
    if ended := _WORKER_ENDED.search(f'{error.__cause__ or ""}') or _WORKER_ENDED.search(text):
        how = f'was ended by the signal {ended[1].strip()}' if ended[1] else 'ended'
        return f'a process that loads data {how}, most often because memory ran out: {_FEWER}'
    if isinstance(error, RuntimeError) and (slow := _WORKER_SLOW.search(text)):
        return (
            f'a process that loads data gave no batch for {slow[1]} seconds, the timeout of its data loader: read from '
            'a faster disk, or raise the timeout (train_dataloader.timeout)'
        )
    if isinstance(error, RuntimeError) and (full := _NO_GPU_MEMORY.search(text)):
        sizes = f' ({full["sizes"].rstrip(".")})' if full['sizes'] else ''
        return f'the memory of the GPU ran out{sizes}: {_LESS_ON_GPU}'
    if isinstance(error, MemoryError) or any(sign in text for sign in _NO_MEMORY):
        place = 'a process that loads data' if _WORKER.search(text) else 'this process'
        return f'memory ran out in {place}: {_FEWER}'
    if isinstance(error, RuntimeError) and any(sign in text for sign in _OTHER_ENDED):
        return 'another process of this run ended, and this one with it; the output of that one says why'
    if isinstance(error, OSError) and error.errno in _FAULTS:
        reason = error.strerror or os.strerror(error.errno)
        return reason if error.filename is None else f'{_text(error.filename)}: {reason}'
    if (worker := _WORKER.search(text)) and worker[1] in _OS_ERRORS:
        return text.strip().splitlines()[-1].partition(': ')[2]
    return None


def _text(name: str | bytes | int) -> str:
    return f'file {name}' if isinstance(name, int) else os.fsdecode(name)
