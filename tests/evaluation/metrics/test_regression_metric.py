"""Rows of numbers: measured, checked, restored."""

import math

import pytest
import torch

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation import MultiTaskEvaluator, RegressionMetric
from aurora_mm.evaluation.score_table import score_table
from aurora_mm.structures import TaskDataSample
from aurora_mm.tables import console_text
from aurora_mm.tasks import Task


def sample_of(truth, pred, img_id=0, task='age'):
    meta = dict(task=task, task_type='scalar_regression', img_id=img_id, img_path='a.png', ori_shape=(3, 4))
    sample = TaskDataSample(metainfo=meta)
    if truth is not None:
        sample.gt_value = torch.tensor([truth], dtype=torch.float64)
    sample.pred_value = torch.tensor([pred])
    return sample


def rows_of(*pairs):
    metric = RegressionMetric()
    metric.dataset_meta = dict(classes=['weeks'])
    return [metric.measure(sample_of(*pair, i).to_dict()) for i, pair in enumerate(pairs)]


def test_hand_worked():
    scores = RegressionMetric.scores(rows_of((1, 2), (2, 2), (3, 5)))
    assert scores['MAE'] == scores['bias'] == 1
    assert scores['RMSE'] == pytest.approx(math.sqrt(5 / 3))
    assert scores['R2'] == pytest.approx(1 - 5 / 2)
    assert [scores['LoA_low'], scores['LoA_high']] == pytest.approx([1 - 1.96, 1 + 1.96])
    assert RegressionMetric.primary(scores) == 0
    assert RegressionMetric.primary(RegressionMetric.scores(rows_of((1, 1), (2, 2)))) == 1


def test_each_task_has_its_unit():
    tasks = [Task('age', 'scalar_regression', values=('x',), unit='weeks')]
    tasks += [Task('ratio', 'scalar_regression', values=('x',))]
    evaluator = MultiTaskEvaluator()
    evaluator.dataset_meta = dict(tasks=[task.to_config() for task in tasks])
    for task in tasks:
        evaluator.process([sample_of(*pair, i, task.name) for i, pair in enumerate(((1, 2), (2, 2), (3, 5)))])
    evaluator.evaluate(6)
    result = evaluator.result
    lines = [line.split() for line in console_text(score_table(result)).splitlines()]
    assert [line[4:7] for line in lines if line and line[0] == 'scalar_regression'] == [
        ['MAE', 'weeks', 'RMSE'], ['MAE', 'units', 'RMSE'],
    ]  # fmt: skip
    assert result.columns['age'].brief(result.of_task('age')).startswith('MAE 1.00 weeks, RMSE 1.29 weeks, R2 ')


def test_what_cannot_be_scored():
    with pytest.raises(DataError, match='the sample has no gt_value'):
        rows_of((None, 1.0))
    with pytest.raises(ConfigError, match=r'pred_value of a\.png is nan'):
        rows_of((1.0, math.nan))


def test_rows_of_a_file_are_checked_and_restored():
    ((row,),) = rows_of((1.0, 2.5))
    RegressionMetric.check([row], ['weeks'])
    sample = TaskDataSample()
    RegressionMetric.restore(sample, [row], ['weeks'])
    assert (float(sample.gt_value), float(sample.pred_value)) == (1, 2.5)
    assert RegressionMetric.caption([row]) == 'weeks 1 taken for 2.5'
    with pytest.raises(ValueError, match='an image has a target twice'):
        RegressionMetric.check([row, row], ['weeks'])
    row.values['truth'] = 'x'
    with pytest.raises(ValueError, match="truth is 'x', not a number"):
        RegressionMetric.check([row], ['weeks'])
