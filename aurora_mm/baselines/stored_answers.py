"""Constant predictions that are kept with a model, for images that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aurora_mm.baselines.constant_predictor import ConstantPredictor
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.tasks import TaskTable

CONSTANT_ANSWERS_KEY = 'constant_answers'  # key of the metadata of a checkpoint


def stored_answers(meta: Mapping[str, Any], model: Any, tasks: TaskTable) -> ConstantPredictor:
    """Read the constant predictions in the metadata of a model.

    Args:
        meta: Metadata of a checkpoint or a model folder.
        model: Path of it, for the error message.
        tasks: The tasks of the model.

    Raises:
        WeightsError: If there are none, or they are not those of the tasks.
    """
    if CONSTANT_ANSWERS_KEY not in meta:
        raise WeightsError(
            f'{model} holds no answers for images that cannot be read; make a model folder that does by '
            '`aurora-mm publish CHECKPOINT FOLDER --data-root TRAINING_DATA`'
        )
    predictor = ConstantPredictor(tasks)
    try:
        predictor.load_state(meta[CONSTANT_ANSWERS_KEY])
    except (AttributeError, ConfigError, KeyError, TypeError, ValueError) as error:
        reason = f'{type(error).__name__}: {error}'
        raise WeightsError(f'the constant answers in {model} cannot be used ({reason})') from error
    return predictor
