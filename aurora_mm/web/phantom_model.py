"""A small model for the page when none is given, trained on phantoms."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from aurora_mm.apis import read_checkpoint, read_tasks, write_checkpoint
from aurora_mm.errors import AuroraError
from aurora_mm.packaged_configs import CHALLENGE_TASKS
from aurora_mm.phantoms import make_dataset
from aurora_mm.tasks import TaskTable
from aurora_mm.version import __version__

TASKS = ('fetal_head', 'organ_cls', 'thyroid_nodule_det', 'fetal_femur')
"""Tasks of the model, one of each type."""

NOTICE = (
    'This model has only seen generated pictures (phantoms). It shows how the page works; what it says about a real '
    'image means nothing.'
)
_CONFIG = 'aurora_fmc_demo.py'
_IMAGES = 96  # of each task
_EPOCHS = 6


def phantom_model(folder: str | Path | None = None, images: int = _IMAGES, epochs: int = _EPOCHS) -> Path:
    """Return the checkpoint of the small model. It is trained if it is not there yet, and kept for the next time.

    Args:
        folder: Folder of the checkpoint. By default ``$XDG_CACHE_HOME/aurora_mm`` or ``~/.cache/aurora_mm``.
        images: Number of training images of each task.
        epochs: Number of epochs.

    Raises:
        AuroraError: If the training fails. Its output is on the console.
        OutputError: If the checkpoint cannot be written.
    """
    file = Path(folder or _cache_folder()) / f'phantom_model_{__version__}.pth'
    if file.is_file():
        return file
    print(f'No model was given: training a small one on generated pictures, once. It is kept as {file}.', flush=True)
    table = read_tasks(CHALLENGE_TASKS)
    with tempfile.TemporaryDirectory(prefix='aurora_mm_') as place:
        data, work_dir = Path(place, 'data'), Path(place, 'run')
        make_dataset(data, TaskTable([table[name] for name in TASKS]), images, val_images_per_task=4, progress=True)
        options = ['--data-root', str(data), '--work-dir', str(work_dir), '--tasks', *TASKS]
        changes = [f'train_cfg.max_epochs={epochs}', f'train_cfg.val_interval={epochs}']
        # A process of its own, because a training leaves settings of MMEngine and torch behind.
        command = [sys.executable, '-m', 'aurora_mm', 'train', _CONFIG, *options, '--cfg-options', *changes]
        if subprocess.run(command, check=False).returncode:
            raise AuroraError('the small model could not be trained; see the messages above')
        trained = read_checkpoint(work_dir / f'epoch_{epochs}.pth')
        file.parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(file, dict(meta=trained['meta'], state_dict=trained['state_dict']))
    return file


def _cache_folder() -> Path:
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'aurora_mm'
