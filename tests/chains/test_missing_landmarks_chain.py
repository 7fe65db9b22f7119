"""Landmarks of which a third are not labelled, from the CSV file to the report and to predictions."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

from tests.fixtures.type_chain import TypeChain, write_csv

TASKS = [dict(name='bar', type='landmark', points=['left', 'right'], swaps=[('left', 'right')])]


@pytest.fixture
def chain(tmp_path):
    """24 images of a bright bar; every third lacks the left end, every third the right one."""
    rng = np.random.default_rng(0)
    (tmp_path / 'data' / 'img').mkdir(parents=True)
    rows = []
    for i in range(24):
        image = rng.normal(40, 8, (64, 80))
        left, right, y = rng.integers(8, 30), rng.integers(50, 72), rng.integers(10, 50)
        image[y : y + 4, left:right] = 200
        cv2.imwrite(str(tmp_path / 'data' / 'img' / f'{i}.png'), image.clip(0, 255).astype(np.uint8))
        points = [json.dumps([int(x), int(y) + 2]) if i % 3 != end else 'null' for end, x in enumerate((left, right))]
        row = dict(task_id='bar', task_name='Regression', num_classes=2, image_path=f'../img/{i}.png')
        rows.append(row | {f'point_{end + 1}_xy': cell for end, cell in enumerate(points)})
    write_csv(tmp_path / 'data', 'bar', rows)
    return TypeChain(tmp_path, TASKS, {})


def test_from_csv_to_report_and_predictions(chain, tmp_path):
    chain.prepare()
    scores = chain.train()
    of_task = scores['tasks']['bar']
    assert all(np.isfinite(of_task[name]) for name in ('MRE', 'MRE_left', 'MRE_right', 'MRE_diagonal', 'primary'))
    assert np.isfinite(scores['constant']['tasks']['bar']['MRE'])
    (log,) = (tmp_path / 'run').rglob('vis_data/scalars.json')
    losses = [step['loss'] for line in log.read_text().splitlines() if 'loss' in (step := json.loads(line))]
    assert losses
    assert np.isfinite(losses).all()

    cells = list(csv.DictReader((tmp_path / 'split' / 'val' / 'csv_files' / 'bar.csv').open()))
    labelled = sum(row[f'point_{i}_xy'] != 'null' for row in cells for i in (1, 2))
    assert labelled < 2 * len(cells)
    rows = list(csv.DictReader((tmp_path / 'run' / 'test' / 'per_image.csv').open()))
    assert len(rows) == labelled
    images: dict[str, list[float]] = {}
    for row in rows:
        images.setdefault(row['img_id'], []).append(float(row['error']))
    assert of_task['MRE'] == pytest.approx(np.mean([np.mean(errors) for errors in images.values()]))

    assert 'bar' in chain.report()
    image = next(tmp_path / 'data' / 'img' / f'{i}.png' for i in range(24))
    (prediction,) = chain.predict(image)['images'][0]['predictions']
    assert np.isfinite(list(prediction['points'].values())).all()
