"""Packed models for the container: weights, config, tasks and constant predictions in one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aurora_mm.apis.checkpoint import read_checkpoint, trained_config
from aurora_mm.apis.config import adopt_checkpoint
from aurora_mm.baselines import ConstantPredictor, fit_constant_predictor
from aurora_mm.checkpoints import PACKED_SUFFIX, write_packed
from aurora_mm.errors import WeightsError
from aurora_mm.models.utils.starting_weights import require_finite
from aurora_mm.tasks import TaskTable

_KEY = 'constant_answers'


def pack_checkpoint(file: str | Path, out: str | Path, data_root: str | None = None) -> None:
    """Write a packed model: a checkpoint without the training state, with constant predictions for unreadable images.

    The packed file contains tensors, and the config, the tasks and the constant predictions as JSON. It contains no
    code. It is written atomically.

    Args:
        file: Path of a checkpoint of a training run.
        out: Path of the file to write, ``*.safetensors``.
        data_root: Data root of the training data. By default the one in the config of the checkpoint.

    Raises:
        WeightsError: If ``file`` is not a checkpoint of aurora_mm, a weight is not finite, ``out`` has another suffix,
            or a task has no training images.
        DataError: If there is no training data.
        OutputError: If ``out`` cannot be written.
    """
    if Path(out).suffix != PACKED_SUFFIX:
        raise WeightsError(f'a packed model is a {PACKED_SUFFIX} file; {out} ends otherwise')
    checkpoint = read_checkpoint(file)
    require_finite(file, checkpoint['state_dict'])
    cfg = adopt_checkpoint(trained_config(checkpoint, file), file, data_root)
    answers = fit_constant_predictor(cfg).state()
    missing = [name for name in TaskTable(cfg.tasks) if name not in answers]
    if missing:
        raise WeightsError(f'the training data has no image of {", ".join(missing)}, so there is no constant answer')
    write_packed(out, checkpoint['meta'] | {_KEY: answers}, checkpoint['state_dict'])


def constant_answers(checkpoint: Mapping[str, Any], file: str | Path, tasks: TaskTable) -> ConstantPredictor:
    """Read the constant predictions of a packed model.

    Args:
        checkpoint: The packed model, see :func:`aurora_mm.apis.read_checkpoint`.
        file: Path of the packed model, for the error message.
        tasks: The tasks of the model.

    Raises:
        WeightsError: If the file has no constant predictions.
    """
    if _KEY not in checkpoint['meta']:
        raise WeightsError(
            f'{file} holds no answers for images that cannot be read; make a file that does by '
            f'`aurora-mm pack-model OUT.safetensors {file} --data-root TRAINING_DATA`'
        )
    predictor = ConstantPredictor(tasks)
    predictor.load_state(checkpoint['meta'][_KEY])
    return predictor
