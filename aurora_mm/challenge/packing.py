"""What a container ships: weights, config, tasks and the answers for images that cannot be read, in one file."""

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
    """Writes a checkpoint without what only training needs, with the constant answers of the training data.

    The packed file holds tensors, and config, tasks and answers as JSON: there is no code in it.

    Args:
        file: Checkpoint of a training run.
        out: File to write, ``*.safetensors``; whole or not at all.
        data_root: Of the data that it was trained on; by default where it was then.

    Raises:
        WeightsError: If ``file`` is no checkpoint of aurora_mm, a weight in it is not finite, or ``out`` is no name of
            a safetensors file.
        DataError: If there is no data, or it lacks a task.
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
    """The constant answers that were packed with a checkpoint.

    Raises:
        WeightsError: If there are none; ``file`` is named.
    """
    if _KEY not in checkpoint['meta']:
        raise WeightsError(
            f'{file} holds no answers for images that cannot be read; make a file that does by '
            f'`aurora-mm pack-model OUT.safetensors {file} --data-root TRAINING_DATA`'
        )
    predictor = ConstantPredictor(tasks)
    predictor.load_state(checkpoint['meta'][_KEY])
    return predictor
