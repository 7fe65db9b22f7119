"""The scores of the constant predictor, which a model must exceed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from rich.progress import track

from aurora_mm.baselines.constant_predictor import ConstantPredictor
from aurora_mm.evaluation import EvaluationResult
from aurora_mm.evaluation.suppress_output import suppress_output
from aurora_mm.registry import DATASETS, EVALUATOR
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import TaskTable

# Only annotations in original coordinates are needed here; a tiny network input makes the warping fast.
_PIPELINE = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=32),
    dict(type='ApplyGeometry'),
    dict(type='LoadTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]


def score_constant_predictor(cfg: Config) -> EvaluationResult:
    """Fit a constant predictor to the training data of a config and score it on its test data.

    Args:
        cfg: A config with data root and tasks, see :func:`aurora_mm.apis.resolve_config`.

    Returns:
        The result of the config's own test evaluator.
    """
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        predictor = fit_constant_predictor(cfg)
        test_set = DATASETS.build(cfg.test_dataloader.dataset | dict(pipeline=_PIPELINE, test_mode=True))
        evaluator = EVALUATOR.build(cfg.test_evaluator)
        evaluator.dataset_meta = test_set.metainfo
        for sample in _samples(cfg.test_dataloader.dataset, 'constant answers: test data'):
            evaluator.process([predictor.predict(sample)])
        with suppress_output():  # its table would look like that of the model
            evaluator.evaluate(len(test_set))
    result: EvaluationResult = evaluator.result
    return result


def fit_constant_predictor(cfg: Config) -> ConstantPredictor:
    """Fit a constant predictor to the training data of a config.

    Args:
        cfg: A config with data root and tasks, see :func:`aurora_mm.apis.resolve_config`.
    """
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        predictor = ConstantPredictor(TaskTable(cfg.tasks))
        predictor.fit(_samples(cfg.train_dataloader.dataset, 'constant answers: training data'))
    return predictor


def _samples(dataset_cfg: dict[str, Any], title: str) -> Iterator[TaskDataSample]:
    dataset = DATASETS.build(dataset_cfg | dict(pipeline=_PIPELINE, test_mode=True))
    for i in track(range(len(dataset)), description=title):
        yield from dataset[i]['data_samples']
