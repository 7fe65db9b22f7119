"""Tasks whose images have any number of classes, from the CSV file to the report and to predictions."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

from aurora_mm.checking import check_data
from tests.fixtures.type_chain import TypeChain, write_csv

CLASSES = ['bright', 'dark', 'striped']
TASKS = [dict(name='signs', type='multi_label_classification', classes=CLASSES)]


@pytest.fixture
def chain(tmp_path):
    """24 images: a bright left half, a dark right half, stripes, or several of these, or none."""
    rng = np.random.default_rng(0)
    (tmp_path / 'data' / 'img').mkdir(parents=True)
    rows = []
    for i in range(24):
        labels = [label for label in range(3) if i % 8 >> label & 1]
        image = rng.normal(120, 8, (64, 80))
        image[:, :40] += 90 * (0 in labels)
        image[:, 40:] -= 80 * (1 in labels)
        image[::4] += 40 * (2 in labels)
        cv2.imwrite(str(tmp_path / 'data' / 'img' / f'{i}.png'), image.clip(0, 255).astype(np.uint8))
        row = dict(task_id='signs', task_name='multi_label_classification', num_classes=3, image_path=f'../img/{i}.png')
        rows.append(row | dict(labels=json.dumps(labels)))
    write_csv(tmp_path / 'data', 'signs', rows)
    return TypeChain(tmp_path, TASKS, dict(multi_label_classification=dict(hidden_channels=16)))


@pytest.mark.long
def test_from_csv_to_report_and_predictions(chain, tmp_path, capsys):
    chain.prepare()
    scores = chain.train()
    of_task = scores['tasks']['signs']
    assert {'AUC', 'mAP', 'F1', 'AUC_bright', 'AP_dark', 'F1_striped', 'primary'} <= of_task.keys()
    assert of_task['primary'] == of_task['AUC']
    assert {'AUC', 'mAP'} <= scores['intervals']['tasks']['signs'].keys()
    assert scores['constant']['tasks']['signs']['AUC'] == 0.5
    rows = list(csv.DictReader((tmp_path / 'run' / 'test' / 'per_image.csv').open()))
    assert [row['target'] for row in rows[:3]] == CLASSES
    html = chain.report()
    assert 'Probability of what is true' in html
    images = [tmp_path / 'data' / 'img' / f'{i}.png' for i in range(2)]
    content = chain.predict(*images)
    (prediction,) = content['images'][0]['predictions']
    assert list(prediction['scores']) == CLASSES
    assert prediction['labels'] == [name for name, score in prediction['scores'].items() if score >= 0.5]
    chain.predict(*images, tta=True)
    with pytest.raises(SystemExit, match='2'):
        chain.submission()
    assert "'signs' is of type multi_label_classification, which has no place in a sub" in capsys.readouterr().err


def test_equal_images_with_different_classes_are_found(chain, tmp_path):
    images = tmp_path / 'data' / 'img'
    (images / '0.png').write_bytes((images / '3.png').read_bytes())
    found = check_data(tmp_path / 'data', TASKS, workers=0).by_kind()
    (problem,) = found['same image with different labels']
    assert 'but the classes [[], [0, 1]] for task' in problem.message
