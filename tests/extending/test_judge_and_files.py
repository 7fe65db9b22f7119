"""Which metric speaks for a task, and what of a result reaches its files."""

import json

import numpy as np
import pytest

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.results_folder import write_results
from aurora_mm.evaluation import MultiTaskEvaluator
from tests.fixtures.evaluation_samples import TASKS, random_samples, segmentation_sample


def evaluate(tasks, samples, metrics=None):
    evaluator = MultiTaskEvaluator(metrics)
    evaluator.dataset_meta = dict(tasks=tasks.to_config())
    evaluator.process(samples)
    evaluator.evaluate(len(samples))
    return evaluator.result


def test_the_judges_scores_come_first_wherever_it_stands():
    mask = np.eye(6, dtype=int)
    metrics = dict(segmentation=[dict(type='mmseg.IoUMetric'), dict(type='aurora_mm.SegmentationMetric')])
    result = evaluate(TASKS.only(['lesion']), [segmentation_sample(mask, mask, task='lesion')], metrics)
    assert 'mIoU' in result.of_task('lesion')
    assert next(iter(result.of_task('lesion'))) == 'DSC'
    assert next(iter(result.columns['lesion'].columns)) == 'DSC'


def test_intervals_in_a_file_count_a_task_of_which_nothing_was_scored_as_0(tmp_path):
    samples = [sample for sample in random_samples(0, 12) if sample.task != 'lesion']
    result = evaluate(TASKS, samples)
    assert result.images['lesion'] == 0
    write_results(tmp_path, result)
    written = json.loads((tmp_path / 'metrics.json').read_text())
    low, high = written['intervals']['score']
    assert low <= written['score'] <= high
    expected = bootstrap_intervals(result.rows, result.tasks, ['lesion'])['score']
    assert [low, high] == pytest.approx(expected)
    assert written['intervals']['types']['segmentation'][1] <= 0.5  # one of its two tasks is 0


def test_the_rows_of_a_task_are_those_of_its_judge(add_module, tmp_path):
    add_module('area_metric')
    mask = np.zeros((4, 5), int)
    mask[:2] = 1
    metrics = dict(segmentation=[dict(type='aurora_mm.SegmentationMetric'), dict(type='aurora_mm.AreaMetric')])
    tasks = TASKS.only(['lesion'])
    samples = [segmentation_sample(mask, mask, task='lesion', img_id=i) for i in range(2)]
    write_results(tmp_path, evaluate(tasks, samples, metrics))
    results = Results.read(tmp_path)
    assert len(results.rows) == 4
    assert [row.metric for row in results.targets(tasks['lesion'])] == ['SegmentationMetric'] * 2
    assert results.judge(tasks['lesion']).__name__ == 'SegmentationMetric'
