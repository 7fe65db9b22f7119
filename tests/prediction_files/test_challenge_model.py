import csv
import json
import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from aurora_mm.apis import read_checkpoint
from aurora_mm.errors import DataError, WeightsError
from aurora_mm.prediction_files.challenge_model import Model
from aurora_mm.publishing import publish
from aurora_mm.submission import score_submission
from tests.fixtures.checkpoints import REPO, TASKS
from tests.fixtures.waiting import LONG

LISTS = ('classification_predictions.json', 'detection_predictions.json', 'regression_predictions.json')


@pytest.fixture(scope='module')
def weights(checkpoints, generated, tmp_path_factory):
    folder = tmp_path_factory.mktemp('published') / 'model'
    publish(checkpoints[0], folder, data_root=str(generated))
    return folder


@pytest.fixture(scope='module')
def model(weights):
    return Model(weights, device='cpu')


def rows(root, task):
    with (root / 'csv_files' / f'{task}.csv').open(newline='') as stream:
        return list(csv.DictReader(stream))


def image(root, task, index=0):
    return root / 'csv_files' / rows(root, task)[index]['image_path']


def truncate(file, size):
    file.write_bytes(file.read_bytes()[:size])


def entries(out):
    return {(e['task_id'], e['image_path']): e for name in LISTS for e in json.loads((out / name).read_text())}


def test_answers_for_images_that_cannot_be_read_are_published(weights):
    answers = read_checkpoint(weights)['meta']['constant_answers']
    assert answers.keys() == set(TASKS)
    assert sum(answers['kind']['scores']) == pytest.approx(1)
    assert np.shape(answers['ends']['points']) == (2, 2)


def test_every_row_is_answered_and_the_scorer_has_no_complaint(model, unlabelled, generated, tmp_path):
    assert model.predict(unlabelled, tmp_path / 'out', batch_size=4) == []
    scored = score_submission(generated, tmp_path / 'out', TASKS)
    assert scored.problems == []
    assert sum(scored.scored.values()) == 40


def test_unreadable_images_still_give_a_whole_valid_submission(model, unlabelled, generated, tmp_path):
    """One truncated PNG a type, of which the header may be left, and one that is not there at all."""
    sizes = {name: cv2.imread(str(image(unlabelled, name))).shape[:2] for name in TASKS}
    for name in TASKS:
        truncate(image(unlabelled, name), 2000)
    truncate(image(unlabelled, 'organs', 1), 8)  # no header: nobody knows its size
    image(unlabelled, 'find', 1).unlink()
    problems = model.predict(unlabelled, tmp_path / 'out')
    assert len(problems) == 6
    assert all(problem.has_fallback for problem in problems)
    for name in TASKS:
        found = [problem.message for problem in problems if f'{name}.csv, row 2: image ' in problem.message]
        assert len(found) == 1, name
        assert f'{image(unlabelled, name).name} cannot be read' in found[0]

    scored = score_submission(generated, tmp_path / 'out', TASKS)
    assert sum(scored.scored.values()) == 40
    # The scorer remarks on the two images whose size had to be guessed, and scores them.
    guessed = {(name, rows(unlabelled, name)[1]['image_path']) for name in ('organs', 'find')}
    assert {(problem.task, problem.image) for problem in scored.problems} <= guessed
    assert all(problem.scored for problem in scored.problems)

    first = tmp_path / 'out' / rows(unlabelled, 'organs')[0]['mask_path'].removeprefix('../')
    mask = cv2.imread(str(first), cv2.IMREAD_UNCHANGED)
    assert mask.shape == sizes['organs']
    assert not mask.any()
    answers = entries(tmp_path / 'out')
    box = answers['find', rows(unlabelled, 'find')[0]['image_path']]
    height, width = sizes['find']
    np.testing.assert_allclose(np.array(box['bbox_pixels']) / [width, height, width, height], box['bbox_normalized'])
    absent = answers['find', rows(unlabelled, 'find')[1]['image_path']]
    assert box['bbox_normalized'] == pytest.approx(absent['bbox_normalized'], abs=1e-6)
    assert answers['kind', rows(unlabelled, 'kind')[0]['image_path']]['predicted_probs'] == pytest.approx([0.5, 0.5])


def share_images(root, count=2):
    """Has the first images of `kind` asked for boxes and points too, one of them for points twice."""
    shared = [row['image_path'] for row in rows(root, 'kind')[:count]]
    for name, paths in (('find', shared), ('ends', [*shared, shared[0]])):
        first = rows(root, name)[0]
        with (root / 'csv_files' / f'{name}.csv').open('a', newline='') as stream:
            writer = csv.DictWriter(stream, first, lineterminator='\n')
            writer.writerows(first | dict(image_path=path) for path in paths)
    return shared


def test_an_image_is_encoded_once_for_all_its_rows(model, unlabelled, tmp_path, monkeypatch):
    alone = {name: model.inferencer(str(image(unlabelled, 'kind')), task=name)['predictions'][0] for name in TASKS}
    shared = share_images(unlabelled)
    encoded = []
    whole = model.inferencer.model.extract_feat
    monkeypatch.setattr(
        model.inferencer.model, 'extract_feat', lambda inputs: encoded.append(len(inputs)) or whole(inputs)
    )
    assert model.predict(unlabelled, tmp_path / 'out') == []
    assert sum(encoded) == 41  # 40 images, of which one stands in two rows of one task
    found = entries(tmp_path / 'out')
    assert len(found) == 30 + 4
    assert found['kind', shared[0]]['predicted_probs'] == pytest.approx(
        list(alone['kind']['scores'].values()), abs=1e-4
    )
    assert found['find', shared[0]]['bbox_pixels'] == pytest.approx(alone['find']['boxes'][0]['box'], rel=1e-3)
    points = [value for point in alone['ends']['points'].values() for value in point]
    assert found['ends', shared[0]]['predicted_points_pixels'] == pytest.approx(points, rel=1e-3)


def test_each_row_of_an_unreadable_image_is_told(model, unlabelled, tmp_path):
    (shared,) = share_images(unlabelled, 1)
    truncate(unlabelled / 'csv_files' / shared, 2000)
    problems = model.predict(unlabelled, tmp_path / 'out')
    assert sorted(re.match(r'.*?(\w+\.csv, row \d+): image', problem.message)[1] for problem in problems) == [
        'ends.csv, row 12', 'ends.csv, row 13', 'find.csv, row 12', 'kind.csv, row 2',
    ]  # fmt: skip
    assert all(problem.has_fallback for problem in problems)


def test_numbers_that_are_not_finite_are_answered_without_looking(weights, unlabelled, generated, tmp_path):
    model = Model(weights, device='cpu')
    with torch.no_grad():
        for parameter in model.inferencer.model.parameters():
            parameter.fill_(torch.nan)
    problems = model.predict(unlabelled, tmp_path / 'out')
    assert len(problems) == 40
    assert all(problem.has_fallback and 'are not finite' in problem.message for problem in problems)
    assert score_submission(generated, tmp_path / 'out', TASKS).problems == []


def test_rows_that_cannot_be_answered_are_told(model, unlabelled, tmp_path):
    file = unlabelled / 'csv_files' / 'spleen.csv'
    text = image(unlabelled, 'kind').name
    file.write_text(
        'task_id,task_name,num_classes,image_path\n'
        f'spleen,classification,2,../Classification/kind/images/{text}\n'
        'kind,classification,many,../Classification/kind/images/x.png\n'
    )
    problems = model.predict(unlabelled, tmp_path / 'out')
    messages = [problem.message for problem in problems]
    assert not any(problem.has_fallback for problem in problems)
    assert any("1 rows of task 'spleen', which the model does not know" in message for message in messages)
    assert any("num_classes 'many'" in message for message in messages)
    assert len(entries(tmp_path / 'out')) == 30


def test_models_without_such_answers_are_refused_before_anything_is_read(checkpoints, tmp_path):
    with pytest.raises(WeightsError, match='aurora-mm publish'):
        Model(checkpoints[0], device='cpu')
    with pytest.raises(WeightsError, match=r'has no manifest\.json, so that it is no model folder'):
        Model(tmp_path)


def test_a_root_without_csv_files_is_refused(model, tmp_path):
    with pytest.raises(DataError, match='no such folder'):
        model.predict(tmp_path, tmp_path / 'out')


DOCKERFILE = (REPO / 'docker' / 'Dockerfile').read_text()
PLACE = '/opt/aurora/model'  # of the model in the image


def copied():
    """What the Dockerfile copies from the repository: source and target."""
    for line in re.findall(r'^COPY (?!--from)(.*)$', DOCKERFILE, re.MULTILINE):
        *sources, target = line.split()
        yield from ((source, target) for source in sources)


def test_what_the_image_copies_is_there_and_not_ignored():
    allowed = {line[1:] for line in (REPO / '.dockerignore').read_text().splitlines() if line.startswith('!')}
    sources = dict(copied())
    assert sources.keys() == allowed
    assert sources.pop('docker/model') == PLACE
    assert all((REPO / source).exists() for source in sources)


@pytest.mark.long
def test_the_entry_point(weights, unlabelled, tmp_path):
    """From a copy of what the image copies, with its environment; the input not writable, problems told."""
    truncate(image(unlabelled, 'kind'), 2000)
    before = sorted(unlabelled.rglob('*'))
    tree = tmp_path / 'source'
    for source, _ in copied():
        if (REPO / source).is_dir():  # as Docker, which copies links as links
            ignored = shutil.ignore_patterns('__pycache__')
            shutil.copytree(REPO / source, tree / source, symlinks=True, ignore=ignored)
    (entry,) = re.findall(r'^ENTRYPOINT (.*)$', DOCKERFILE, re.MULTILINE)
    (variables,) = re.findall(r'^ENV (.*)$', DOCKERFILE, re.MULTILINE)
    env = dict(word.split('=') for word in variables.split())
    assert (env['AURORA_MODEL'], env['HF_HUB_OFFLINE']) == (PLACE, '1')
    env |= dict(AURORA_MODEL=str(weights), PYTHONPATH=str(tree), OMP_NUM_THREADS='1', HOME=str(tmp_path))
    places = {'/input': str(unlabelled), '/output': str(tmp_path / 'out')}
    program, *arguments = json.loads(entry)
    assert program == 'aurora-mm'
    command = [sys.executable, '-m', 'aurora_mm', *(places.get(word, word) for word in arguments)]
    command += ['--device', 'cpu', '--problems', str(tmp_path / 'problems.json'), '--tta']
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stderr
    assert 'cannot be read (answered without looking)' in done.stderr
    assert len(json.loads((tmp_path / 'problems.json').read_text())) == 1
    assert len(entries(tmp_path / 'out')) == 30
    assert sorted(unlabelled.rglob('*')) == before
