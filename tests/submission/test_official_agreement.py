"""All 27 tasks, against the second implementation of the official scorer."""

import json
import math
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from aurora_mm.analysis.results_folder import write_results
from aurora_mm.evaluation import MultiTaskEvaluator, read_per_image, score_rows
from aurora_mm.phantoms import make_dataset
from aurora_mm.submission import SubmissionWriter, score_submission
from aurora_mm.tasks import TaskTable

pytest.importorskip('SimpleITK', reason='the official scorer takes the Hausdorff distance from SimpleITK')
import official_scorer
import predictions

pytestmark = pytest.mark.long

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
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
    """A submission of disturbed truth; returns what the evaluator finds of the same predictions."""
    rng = np.random.default_rng(0)
    writer = SubmissionWriter(folder)
    evaluator = MultiTaskEvaluator()
    evaluator.dataset_meta = {'tasks': tasks.to_config()}
    for sample in samples:
        predictions.disturb(sample, tasks[sample.task], rng)
        writer.add(sample)
        evaluator.process([sample])
    writer.finish()
    evaluator.evaluate(len(samples))
    return evaluator.result


def assert_official(result, root, folder):
    expected = official_scorer.score(root, folder)
    assert sorted(expected) == sorted(result.tasks)
    compared = 0
    for task, metrics in expected.items():
        for name, value in metrics.items():
            found = result.scores[f'{task}/{name}']
            found = result.columns[task].columns[name].undefined if math.isnan(found) else found
            assert found == pytest.approx(value, abs=1e-4 if name == 'HD' else 1e-6), (task, name)
            compared += 1
    return compared


def test_every_figure_of_27_tasks_is_the_official_one(folders):
    submission = score_submission(*folders, TASKS)
    assert submission.problems == []
    assert submission.scored == submission.asked
    result = submission.result
    assert assert_official(result, *folders) == 12 * 2 + 9 * 5 + 3 + 3
    assert 0.4 < result.scores['score'] < 0.95
    assert all(result.scores[f'{task.name}/AUC'] > 0.5 for task in TASKS.of_type('classification'))


def test_scoring_a_submission_gives_the_evaluators_own_numbers(made):
    root, folder, result = made
    assert score_submission(root, folder, TASKS).result.scores == result.scores


@pytest.mark.skipif('AURORA_REAL_DATA' not in os.environ, reason='AURORA_REAL_DATA names no data set to read')
def test_real_data(tmp_path):
    root = Path(os.environ['AURORA_REAL_DATA']) / 'val'
    tasks = TaskTable(Config.fromfile(CONFIGS / '_base_/tasks/us_real.py').tasks)
    expected = write_disturbed(tmp_path, predictions.true_samples(root, tasks), tasks)
    submission = score_submission(root, tmp_path, tasks)
    assert submission.problems == []
    assert submission.result.scores == expected.scores
    assert assert_official(submission.result, root, tmp_path) == 3 * 2 + 2 * 5 + 2 + 1


def test_the_table_of_results_holds_every_score(folders, tmp_path):
    result = score_submission(*folders, TASKS).result
    write_results(tmp_path, result)
    rows = read_per_image(tmp_path / 'per_image.csv')
    assert rows == result.rows
    assert score_rows(rows, TASKS) == result


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
    submission = score_submission(root, bad, TASKS)
    assert assert_official(submission.result, root, bad) == 75
    assert len(submission.problems) >= 3 * len(masks[2::7])


def edit(path, change):
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def swapped(entry):
    """Every third box with its left and right exchanged."""
    x1, y1, x2, y2 = entry['bbox_pixels']
    return entry | {'bbox_pixels': [x2, y1, x1, y2]} if int(x1) % 3 == 0 else entry
