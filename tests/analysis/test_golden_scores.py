"""Every score, interval and table of fixed predictions is what it was when ``golden_scores.json`` was written.

The file was written by an implementation that took each score twice, for the value with scikit-learn and for the
interval with formulas of its own.
"""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.analysis.breakdown_tables import breakdown_tables
from aurora_mm.analysis.breakdowns import by_size, by_target, ranked
from aurora_mm.analysis.score_markdown import score_markdown
from aurora_mm.baselines import ConstantPredictor
from aurora_mm.evaluation import MultiTaskEvaluator, score_rows
from tests.fixtures.golden_predictions import TASKS, golden_samples

EXPECTED = json.loads(Path(__file__).with_name('golden_scores.json').read_text())
# One class of this task has no image. The file has the 0 that the official scorer takes.
UNDEFINED = {'rare/AUC': math.nan}


def close(value):
    """``value`` to be compared to 12 digits, whatever it is nested in."""
    if isinstance(value, dict):
        return {key: close(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [close(item) for item in value]
    return pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True) if isinstance(value, float) else value


def evaluate(samples):
    evaluator = MultiTaskEvaluator()
    evaluator.dataset_meta = {'tasks': TASKS.to_config()}
    evaluator.process(samples)
    assert evaluator.evaluate(len(samples)) == evaluator.result.scores
    return evaluator.result


@pytest.fixture(scope='module')
def evaluated():
    return evaluate(golden_samples())


@pytest.fixture(scope='module')
def constant():
    predictor = ConstantPredictor(TASKS)
    predictor.fit(golden_samples())
    return evaluate([predictor.predict(sample) for sample in golden_samples()])


@pytest.fixture(scope='module')
def intervals(evaluated):
    return bootstrap_intervals(evaluated.rows, resamples=300)


def test_scores(evaluated):
    assert evaluated.scores == close(EXPECTED['scores'] | UNDEFINED)


def test_scores_from_the_rows_alone(evaluated):
    found = score_rows(evaluated.rows, TASKS)
    assert repr(found.scores) == repr(evaluated.scores)  # nan is not equal to itself
    assert dataclasses.replace(found, scores=evaluated.scores) == evaluated


def test_scores_of_the_constant_predictor(constant):
    assert constant.scores == close(EXPECTED['constant'] | UNDEFINED)


def test_rows_of_images(evaluated):
    found = [
        dict(task=row.task, target=row.target, img_id=row.img_id)
        | {name: value for name, value in row.values.items() if value is not None}
        for row in evaluated.rows
    ]
    assert found == close(EXPECTED['rows'])


def test_intervals(intervals):
    found = {task: dict(of_task) for task, of_task in intervals['tasks'].items()}
    for of_task in found.values():
        of_task.pop('AUC_present', None)  # had none
    assert intervals | dict(tasks=found) == close(EXPECTED['intervals'])


def test_breakdowns(evaluated):
    for groups, name in ((by_target(evaluated.rows), 'by_target'), (by_size(evaluated.rows), 'by_size')):
        found = [[g.task, g.name, g.number, {column.name: v for column, v in g.scores.items()}] for g in groups]
        assert found == close(EXPECTED[name])
    order = {
        task: [[image.rows[0].img_id, image.goodness] for image in images]
        for task, images in ranked(evaluated.rows).items()
    }
    assert order == close(EXPECTED['ranked'])


def test_report(evaluated, constant, intervals):
    lines = score_markdown(evaluated, constant, intervals).replace('|  |', '| |').splitlines()
    assert lines[0] == EXPECTED['score_report'][0].replace('other metrics', 'metrics')
    assert lines[2:] == [line.replace('AUC 0.000', 'AUC -') for line in EXPECTED['score_report'][2:]]
    assert breakdown_tables(evaluated.rows, worst=3).splitlines() == EXPECTED['breakdown_report']
