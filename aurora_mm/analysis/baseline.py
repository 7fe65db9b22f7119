"""What a model has to beat: the best answer that does not look at the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from rich.progress import track

from aurora_mm.evaluation import ConstantPredictor, nested_scores
from aurora_mm.evaluation.silence_output import quiet
from aurora_mm.registry import DATASETS, EVALUATOR
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.tasks import TaskTable

# Annotations alone matter here, in original pixels; a tiny input saves the warping.
_PIPELINE = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=32),
    dict(type='ApplyGeometry'),
    dict(type='LoadTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]


def score_constant_predictor(cfg: Config) -> dict[str, Any]:
    """Fits constant answers to the training data of a config and scores them on its test data.

    Args:
        cfg: With the data root and the tasks set, see :func:`aurora_mm.apis.resolve_config`.

    Returns:
        Scores as :func:`aurora_mm.evaluation.nested_scores` gives them, by the config's own test evaluator.
    """
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        predictor = fit_constant_predictor(cfg)
        test_set = DATASETS.build(cfg.test_dataloader.dataset | dict(pipeline=_PIPELINE, test_mode=True))
        evaluator = EVALUATOR.build(cfg.test_evaluator)
        evaluator.dataset_meta = test_set.metainfo
        for sample in _samples(cfg.test_dataloader.dataset, 'constant answers: test data'):
            evaluator.process([MultiTaskDataSample([predictor.predict(sample)])])
        with quiet():  # its tables look like the model's own
            scores = evaluator.evaluate(len(test_set))
    return nested_scores(scores)


def fit_constant_predictor(cfg: Config) -> ConstantPredictor:
    """The constant answers of a config's training data.

    Args:
        cfg: With the data root and the tasks set, see :func:`aurora_mm.apis.resolve_config`.
    """
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        predictor = ConstantPredictor(TaskTable(cfg.tasks))
        predictor.fit(_samples(cfg.train_dataloader.dataset, 'constant answers: training data'))
    return predictor


def _samples(dataset_cfg: dict, title: str) -> Iterator[TaskDataSample]:
    dataset = DATASETS.build(dataset_cfg | dict(pipeline=_PIPELINE, test_mode=True))
    for i in track(range(len(dataset)), description=title):
        yield from dataset[i]['data_samples']
