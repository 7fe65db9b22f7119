"""Tasks that predict a number, from the CSV file to the report and to predictions."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.checking import check_data
from aurora_mm.checkpoints import load_checkpoint_file
from aurora_mm.cli.main import main
from aurora_mm.prediction_files.challenge_model import Model
from aurora_mm.web.result_html import result_html
from tests.fixtures.type_chain import TypeChain, write_csv

TASKS = [dict(name='gestation', type='scalar_regression', values=['age'], unit='weeks', zoom=False)]


@pytest.fixture
def chain(tmp_path):
    """20 images whose brightness is the age."""
    rng = np.random.default_rng(0)
    (tmp_path / 'data' / 'img').mkdir(parents=True)
    rows = []
    for i in range(20):
        image = rng.normal(30 + 9 * i, 8, (64, 80)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / 'data' / 'img' / f'{i}.png'), image)
        row = dict(task_id='gestation', task_name='scalar_regression', num_classes=1, image_path=f'../img/{i}.png')
        rows.append(row | dict(value=20.5 + i))
    write_csv(tmp_path / 'data', 'gestation', rows)
    return TypeChain(tmp_path, TASKS, dict(scalar_regression=dict(hidden_channels=16)))


@pytest.mark.long
def test_from_csv_to_report_and_predictions(chain, tmp_path, capsys):
    chain.prepare()
    scores = chain.train()
    of_task = scores['tasks']['gestation']
    assert {'MAE', 'RMSE', 'R2', 'Pearson', 'ICC', 'bias', 'LoA_low', 'LoA_high', 'primary'} <= of_task.keys()
    assert of_task['MAE'] < 15  # the head starts at the mean of the training values
    assert {'MAE', 'R2'} <= scores['intervals']['tasks']['gestation'].keys()
    assert scores['constant']['tasks']['gestation']['R2'] <= 0
    assert f'MAE {of_task["MAE"]:.2f} weeks' in (tmp_path / 'run' / 'test' / 'report.md').read_text()
    train = [float(row['value']) for row in csv.DictReader(
        (tmp_path / 'split' / 'train' / 'csv_files' / 'gestation.csv').open())]  # fmt: skip
    state = load_checkpoint_file(chain.checkpoint)['state_dict']
    assert state['heads.scalar_regression.statistics'][0].tolist() == pytest.approx([np.mean(train), np.std(train)])
    html = chain.report()
    assert 'Agreement of gestation (Bland-Altman), weeks' in html
    assert 'MAE, weeks' in html or 'MAE' in html
    images = [tmp_path / 'data' / 'img' / f'{i}.png' for i in range(2)]
    content = chain.predict(*images)
    (prediction,) = content['images'][0]['predictions']
    assert prediction['unit'] == 'weeks'
    page = result_html(content['images'][0], dict(gestation='a.png'))
    assert f'{prediction["value"]:.4g} weeks' in page
    inferencer = MultiTaskInferencer(chain.checkpoint, device='cpu', show_progress=False)
    (answer,) = inferencer([str(images[0])], task='gestation')['predictions']
    assert answer['value'] == pytest.approx(prediction['value'], abs=1e-4)
    twice = chain.predict(*images, tta=True)['images'][0]['predictions'][0]
    assert abs(twice['value'] - prediction['value']) < 10
    model = tmp_path / 'model'
    main(['publish', str(chain.checkpoint), str(model), '--data-root', str(tmp_path / 'split')])
    (problem,) = Model(model, device='cpu').predict(tmp_path / 'data', tmp_path / 'out')
    assert problem.message == "20 rows of task 'gestation', whose type has no place in a submission"
    with pytest.raises(SystemExit, match='2'):
        chain.submission()
    assert "'gestation' is of type scalar_regression, which has no place in a submission" in capsys.readouterr().err


def test_a_number_far_from_the_others_is_found(chain, tmp_path):
    file = tmp_path / 'data' / 'csv_files' / 'gestation.csv'
    file.write_text(file.read_text().replace(',25.5', ',2550'))
    report = check_data(tmp_path / 'data', TASKS, workers=0)
    (problem,) = report.by_kind()['unusual value']
    assert f'{file}, row 7: value 2550 of task' in problem.message
    assert not report.stops_training


def test_json_text_of_the_tasks(chain):
    assert json.dumps(chain.tasks.to_config()) == json.dumps(
        [dict(name='gestation', type='scalar_regression', values=['age'], unit='weeks', flip=True, zoom=False)]
    )
