"""What a container ships: weights, config, tasks and the answers for images that cannot be read, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aurora_mm.analysis.baseline import fit_constant_predictor
from aurora_mm.apis.checkpoint import read_checkpoint, trained_config
from aurora_mm.apis.config import adopt_checkpoint
from aurora_mm.errors import WeightsError
from aurora_mm.evaluation import ConstantPredictor
from aurora_mm.tasks import TaskTable

_KEY = 'constant_answers'


def pack_checkpoint(file: str | Path, data_root: str | None = None) -> dict[str, Any]:
    """A checkpoint without what only training needs, with the constant answers of the training data in ``meta``.

    Args:
        file: Checkpoint of a training run.
        data_root: Of the data that it was trained on; by default where it was then.

    Raises:
        WeightsError: If the file is no checkpoint of aurora_mm. DataError: If there is no data, or it lacks a task.
    """
    checkpoint = read_checkpoint(file)
    cfg = adopt_checkpoint(trained_config(checkpoint, file), file, data_root)
    answers = fit_constant_predictor(cfg).state()
    missing = [name for name in TaskTable(cfg.tasks) if name not in answers]
    if missing:
        raise WeightsError(f'the training data has no image of {", ".join(missing)}, so there is no constant answer')
    return dict(meta=checkpoint['meta'] | {_KEY: answers}, state_dict=checkpoint['state_dict'])


def constant_answers(checkpoint: Mapping[str, Any], file: str | Path, tasks: TaskTable) -> ConstantPredictor:
    """The constant answers that were packed with a checkpoint.

    Raises:
        WeightsError: If there are none; ``file`` is named.
    """
    if _KEY not in checkpoint['meta']:
        raise WeightsError(
            f'{file} holds no answers for images that cannot be read; make a file that does by '
            f'`python tools/model_converters/pack_model.py OUT {file} --data-root TRAINING_DATA`'
        )
    predictor = ConstantPredictor(tasks)
    predictor.load_state(checkpoint['meta'][_KEY])
    return predictor
