"""All 27 tasks, against the second implementation of the official scorer."""

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from aurora_mm.challenge.official_scores import official_scores
from aurora_mm.challenge.submission import SubmissionWriter, score_submission
from aurora_mm.evaluation import MultiTaskEvaluator
from aurora_mm.evaluation.per_image import read_per_image
from aurora_mm.evaluation.results_folder import write_results
from aurora_mm.evaluation.scores import nested_scores
from aurora_mm.phantoms import make_dataset
from aurora_mm.tasks import TaskTable

pytest.importorskip('SimpleITK', reason='the official scorer takes the Hausdorff distance from SimpleITK')
import official_scorer
import predictions

from tests.fixtures.evaluation_samples import OWN_METRICS

CONFIGS = Path(__file__).resolve().parents[3] / 'configs'
TASKS = TaskTable(Config.fromfile(CONFIGS / '_base_/tasks/fmc_uia.py').tasks)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp('all_tasks')
    make_dataset(path / 'data', TASKS, images_per_task=8, workers=2)
    scores = write_disturbed(path / 'submission', predictions.true_samples(path / 'data', TASKS), TASKS)
    return path / 'data', path / 'submission', scores


@pytest.fixture
def folders(made):
    return made[:2]


def write_disturbed(folder, samples, tasks):
    """A submission of disturbed truth; returns the evaluator's scores of the same predictions."""
    rng = np.random.default_rng(0)
    writer = SubmissionWriter(folder)
    evaluator = MultiTaskEvaluator(OWN_METRICS)
    evaluator.dataset_meta = {'tasks': tasks.to_config()}
    for sample in samples:
        predictions.disturb(sample, tasks[sample.task], rng)
        writer.add(sample)
        evaluator.process([sample])
    writer.finish()
    return nested_scores(evaluator.evaluate(len(samples)))


def assert_official(result, root, folder):
    expected = official_scorer.score(root, folder)
    assert sorted(expected) == sorted(result.scores['tasks'])
    compared = 0
    for task, metrics in expected.items():
        for name, value in metrics.items():
            found = result.scores['tasks'][task][name]
            assert found == pytest.approx(value, abs=1e-4 if name == 'HD' else 1e-6), (task, name)
            compared += 1
    return compared


def test_every_figure_of_27_tasks_is_the_official_one(folders):
    result = score_submission(*folders, TASKS)
    assert result.problems == []
    assert result.scored == result.asked
    assert assert_official(result, *folders) == 12 * 2 + 9 * 5 + 3 + 3
    assert 0.4 < result.scores['score'] < 0.95
    assert all(result.scores['tasks'][task.name]['AUC'] > 0.5 for task in TASKS.of_type('classification'))


def test_scoring_a_submission_gives_the_evaluators_own_numbers(made):
    root, folder, scores = made
    assert score_submission(root, folder, TASKS).scores == scores


@pytest.mark.skipif('AURORA_REAL_DATA' not in os.environ, reason='AURORA_REAL_DATA names no data set to read')
def test_real_data(tmp_path):
    root = Path(os.environ['AURORA_REAL_DATA']) / 'val'
    tasks = TaskTable(Config.fromfile(CONFIGS / '_base_/tasks/us_real.py').tasks)
    scores = write_disturbed(tmp_path, predictions.true_samples(root, tasks), tasks)
    result = score_submission(root, tmp_path, tasks)
    assert result.problems == []
    assert result.scores == scores
    assert assert_official(result, root, tmp_path) == 3 * 2 + 2 * 5 + 2 + 1


def test_the_table_of_results_holds_every_score(folders, tmp_path):
    result = score_submission(*folders, TASKS)
    write_results(tmp_path, result.scores, result.rows, result.tasks)
    rows = read_per_image(tmp_path / 'per_image.csv')
    assert rows == result.rows
    assert nested_scores(official_scores(rows, TASKS)) == result.scores


def test_what_is_faulty_is_scored_as_the_official_scorer_does(folders, tmp_path):
    """Masks of another size or with strange values, absent masks and entries, second entries."""
    root, good = folders
    bad = tmp_path / 'bad'
    shutil.copytree(good, bad)
    masks = sorted(bad.glob('Segmentation/*/*/masks/*.png'))
    for path in masks[::7]:
        path.unlink()
    for path in masks[1::7]:
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), cv2.resize(mask, (150, 111), interpolation=cv2.INTER_NEAREST))
    for path in masks[2::7]:
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        mask[:5, :5] = 200
        cv2.imwrite(str(path), mask)
    edit(bad / 'classification_predictions.json', lambda entries: entries[::2] + entries[:6])
    edit(bad / 'detection_predictions.json', lambda entries: [swapped(e) for e in entries[1:]])
    edit(bad / 'regression_predictions.json', lambda entries: entries[1:])
    result = score_submission(root, bad, TASKS)
    assert assert_official(result, root, bad) == 75
    assert len(result.problems) >= 3 * len(masks[2::7])


def edit(path, change):
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def swapped(entry):
    """Every third box with its left and right exchanged."""
    x1, y1, x2, y2 = entry['bbox_pixels']
    return entry | {'bbox_pixels': [x2, y1, x1, y2]} if int(x1) % 3 == 0 else entry
