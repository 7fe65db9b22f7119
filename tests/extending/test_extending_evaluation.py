"""A task type and a metric of another package, each one short file, are served by all that scores and reports."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.analysis.report import write_html_report
from aurora_mm.analysis.results_folder import write_results
from aurora_mm.baselines import ConstantPredictor
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation import MultiTaskEvaluator, read_per_image, score_rows, score_table
from aurora_mm.structures import TaskDataSample
from aurora_mm.submission import SubmissionWriter
from aurora_mm.tables import console_text
from aurora_mm.task_types import TASK_TYPES
from aurora_mm.tasks import Task, TaskTable
from aurora_mm.visualization import DRAWERS, MultiTaskVisualizer
from tests.extending.conftest import NAMES
from tests.fixtures.evaluation_samples import OWN_METRICS, TASKS, random_samples, segmentation_sample

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / 'docs' / 'extending.md'


@pytest.mark.parametrize('name', NAMES)
def test_it_is_short_and_the_documentation_shows_it(name):
    text = (HERE / f'{name}.py').read_text()
    assert len(text.splitlines()) < 40
    assert f'```python\n{text}```' in DOCS.read_text()


def age_sample(truth, pred, img_id, folder):
    path = folder / f'{img_id}.png'
    cv2.imwrite(str(path), np.full((30, 40), 90, np.uint8))
    sample = TaskDataSample(
        metainfo=dict(
            task='gestation', task_type='age', img_id=img_id, img_path=str(path), image_path=f'../{img_id}.png',
            ori_shape=(30, 40), gt_coordinates='original',
        )
    )  # fmt: skip
    sample.gt_age, sample.pred_age = truth, pred
    return sample


def evaluate(tasks, samples, metrics=None):
    evaluator = MultiTaskEvaluator(metrics)
    evaluator.dataset_meta = dict(tasks=tasks.to_config())
    evaluator.process(samples)
    evaluator.evaluate(len(samples))
    return evaluator.result


@pytest.fixture
def aged(add_module, tmp_path):
    """Errors of 1, 2 and 6 weeks, beside the other tasks' samples."""
    add_module('age_type')
    tasks = TaskTable([*TASKS.values(), Task('gestation', 'age', classes=('weeks',))])
    ages = [age_sample(20.0, 20.0 + error, 100 + i, tmp_path) for i, error in enumerate((1.0, -2.0, 6.0))]
    return evaluate(tasks, [*random_samples(seed=0, number=5), *ages]), ages


def test_a_type_counts_in_the_score(aged):
    result, _ = aged
    assert result.scores['gestation/MAE'] == 3
    assert result.scores['gestation/primary'] == result.scores['type/age'] == pytest.approx(1 / 1.3)
    types = [result.scores[f'type/{name}'] for name in ('segmentation', 'classification', 'detection', 'landmark')]
    assert result.scores['score'] == pytest.approx((sum(types) + 1 / 1.3) / 5)
    lines = [line.split() for line in console_text(score_table(result)).splitlines()]
    assert ['age', 'images', 'score', '%', 'MAE', 'weeks'] in lines
    assert ['gestation', '3', '76.92', '3.00'] in lines


def test_a_type_has_files_intervals_and_breakdowns(aged, tmp_path):
    result, _ = aged
    table = write_results(tmp_path / 'out', result)
    assert '| gestation | age | 0.769 | ' in table
    assert ' | MAE 3.0 weeks |' in table
    rows = read_per_image(tmp_path / 'out' / 'per_image.csv')
    assert rows == result.rows
    assert score_rows(rows, result.tasks) == result
    low, high = bootstrap_intervals(rows)['tasks']['gestation']['MAE']
    assert 1 <= low < 3 < high <= 6
    report = (tmp_path / 'out' / 'report.md').read_text()
    assert '| gestation | weeks | 3 | MAE 3.0 weeks |' in report
    assert report.index('102.png | weeks: MAE 6.0 weeks') < report.index('101.png | weeks: MAE 2.0 weeks')


def test_a_type_is_in_the_html_report(aged, tmp_path):
    result, _ = aged
    only = score_rows([row for row in result.rows if row.task == 'gestation'], result.tasks.only(['gestation']))
    write_results(tmp_path / 'out', only)
    html = write_html_report(tmp_path / 'out').read_text()
    assert html.count('data:image/jpeg') == 3  # worst, median and best
    assert 'MAE 6.0 weeks' in html
    assert 'Error of each image, weeks' in html
    assert 'The bar is 1 / (1 + MAE / 10 weeks).' in html


def test_what_does_not_know_the_type_says_so(aged, tmp_path):
    result, ages = aged
    with pytest.raises(ConfigError, match="no place in a submission for tasks of type 'age', only for segmentation"):
        SubmissionWriter(tmp_path / 'submission').add(ages[0])
    with pytest.raises(ConfigError, match="no constant answer for tasks of type 'age'"):
        ConstantPredictor(result.tasks).fit(ages)


def test_a_drawer_of_the_documentation_writes_the_caption(aged):
    result, ages = aged
    blocks = re.findall(r'```python\n(.*?)```', DOCS.read_text(), re.DOTALL)
    (code,) = (block for block in blocks if 'AgeDrawer' in block)
    visualizer = MultiTaskVisualizer()
    visualizer.dataset_meta = dict(tasks=result.tasks.to_config())
    image = np.full((30, 40, 3), 90, np.uint8)
    plain = visualizer.draw(image, ages[0])
    exec(code, {})
    try:
        drawn = visualizer.draw(image, ages[0])
    finally:
        DRAWERS.pop('age')
    assert drawn.shape[0] > plain.shape[0]  # by a line of the caption


def test_results_of_a_type_whose_module_is_not_imported(aged, tmp_path):
    result, _ = aged
    write_results(tmp_path / 'out', result)
    TASK_TYPES.pop('age')
    with pytest.raises(DataError, match=r"type 'age'.*Is the module imported that registers the type\?"):
        write_html_report(tmp_path / 'out')


def test_a_metric_beside_the_official_one(add_module, tmp_path):
    add_module('area_metric')
    mask = np.zeros((4, 5), int)
    mask[:2] = 1
    larger = mask.copy()
    larger[2] = 1
    samples = [segmentation_sample(mask, larger, task='lesion', img_id=0)]
    samples += [segmentation_sample(mask, mask, task='lesion', img_id=1)]
    metrics = dict(segmentation=[*OWN_METRICS['segmentation'], dict(type='aurora_mm.AreaMetric')])
    result = evaluate(TASKS.only(['lesion']), samples, metrics)
    assert result.scores['lesion/area_error'] == pytest.approx(5 / 20 / 2)
    assert result.scores['lesion/primary'] == result.scores['lesion/DSC']
    assert ['segmentation', 'images', 'DSC', '%', 'HD', 'px', 'area_error', '%'] in [
        line.split() for line in console_text(score_table(result)).splitlines()
    ]
    assert ', area_error 0.125 |' in write_results(tmp_path, result)
    assert json.loads((tmp_path / 'metrics.json').read_text())['intervals']['tasks']['lesion']['area_error'] == [
        0,
        0.25,
    ]
    assert '| lesion | lesion | 2 | area_error 0.125 |' in (tmp_path / 'report.md').read_text()


def test_a_metric_in_place_of_the_official_one(add_module):
    add_module('area_metric')
    mask = np.zeros((4, 5), int)
    sample = segmentation_sample(mask, mask + 1, task='lesion')
    metrics = dict(segmentation=[dict(type='aurora_mm.AreaMetric')])
    result = evaluate(TASKS.only(['lesion']), [sample], metrics)
    assert result.scores['score'] == 0
    assert result.columns['lesion'].headline == 'area_error'
