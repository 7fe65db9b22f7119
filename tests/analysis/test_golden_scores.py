"""Every score, interval and table of fixed predictions is what it was when ``golden_scores.json`` was written.

The file was written by an implementation that took each score twice, for the value with scikit-learn and for the
interval with formulas of its own.
"""

import json
from pathlib import Path

import pytest

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.analysis.breakdown_tables import details_report
from aurora_mm.analysis.breakdowns import by_size, by_target, ranked
from aurora_mm.analysis.score_report import score_report
from aurora_mm.evaluation import ConstantPredictor, MultiTaskEvaluator, nested_scores
from tests.fixtures.evaluation_samples import OWN_METRICS
from tests.fixtures.golden_predictions import TASKS, golden_samples

FIGURES = ('DSC', 'HD', 'HD95', 'NSD', 'IoU', 'error', 'size', 'truth', 'pred', 'probs')
EXPECTED = json.loads(Path(__file__).with_name('golden_scores.json').read_text())


def close(value):
    """``value`` to be compared to 12 digits, whatever it is nested in."""
    if isinstance(value, dict):
        return {key: close(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [close(item) for item in value]
    return pytest.approx(value, rel=1e-12, abs=1e-12) if isinstance(value, float) else value


def plain(value):
    return json.loads(json.dumps(value))


def evaluate(samples):
    evaluator = MultiTaskEvaluator(OWN_METRICS)
    evaluator.dataset_meta = {'tasks': TASKS.to_config()}
    evaluator.process(samples)
    return evaluator.evaluate(len(samples)), evaluator.per_image


@pytest.fixture(scope='module')
def evaluated():
    return evaluate(golden_samples())


@pytest.fixture(scope='module')
def constant():
    predictor = ConstantPredictor(TASKS)
    predictor.fit(golden_samples())
    return evaluate([predictor.predict(sample) for sample in golden_samples()])[0]


@pytest.fixture(scope='module')
def intervals(evaluated):
    return bootstrap_intervals(evaluated[1], resamples=300)


def test_scores(evaluated):
    assert evaluated[0] == close(EXPECTED['scores'])


def test_scores_of_the_constant_predictor(constant):
    assert constant == close(EXPECTED['constant'])


def test_rows_of_images(evaluated):
    figures = [
        dict(
            task=row.task,
            target=row.target,
            img_id=row.img_id,
            **{name: getattr(row, name) for name in FIGURES if getattr(row, name) is not None},
        )
        for row in evaluated[1]
    ]
    assert figures == close(EXPECTED['rows'])


def test_intervals(intervals):
    assert intervals == close(EXPECTED['intervals'])


def test_breakdowns(evaluated):
    assert plain(by_target(evaluated[1])) == close(EXPECTED['by_target'])
    assert plain(by_size(evaluated[1])) == close(EXPECTED['by_size'])
    order = {
        task: [[case.rows[0].img_id, case.goodness] for case in cases] for task, cases in ranked(evaluated[1]).items()
    }
    assert order == close(EXPECTED['ranked'])


def test_report(evaluated, constant, intervals):
    text = score_report(nested_scores(evaluated[0]), TASKS, nested_scores(constant), intervals)
    assert text.splitlines() == EXPECTED['score_report']
    assert details_report(evaluated[1], worst=3).splitlines() == EXPECTED['breakdown_report']
