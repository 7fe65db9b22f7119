"""Tasks with several boxes an image, from the CSV file to the report and to predictions."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

from aurora_mm.visualization import SHOWN_SCORE
from tests.fixtures.type_chain import TypeChain, write_csv

TASKS = [dict(name='nodules', type='multi_object_detection', classes=['nodule', 'cyst'])]


@pytest.fixture
def chain(tmp_path):
    """20 images with 0, 1 or 2 boxes of two classes: nodules are bright and cysts dark."""
    rng = np.random.default_rng(0)
    (tmp_path / 'data' / 'img').mkdir(parents=True)
    rows = []
    for i in range(20):
        image = rng.normal(110, 12, (64, 80)).clip(0, 255).astype(np.uint8)
        boxes, labels = [], []
        for side in range(i % 3):
            x, y = 6 + 38 * side + int(rng.integers(6)), 8 + int(rng.integers(20))
            labels.append(int(rng.integers(2)))
            boxes.append([x, y, x + 24, y + 20])
            image[y : y + 20, x : x + 24] = 40 if labels[-1] else 220
        cv2.imwrite(str(tmp_path / 'data' / 'img' / f'{i}.png'), image)
        row = dict(task_id='nodules', task_name='multi_object_detection', num_classes=2, image_path=f'../img/{i}.png')
        rows.append(row | dict(boxes=json.dumps(boxes), box_labels=json.dumps(labels)))
    write_csv(tmp_path / 'data', 'nodules', rows)
    return TypeChain(tmp_path, TASKS, dict(multi_object_detection=dict(channels=16)))


@pytest.mark.long
def test_from_csv_to_report_and_predictions(chain, tmp_path, capsys):
    chain.prepare()
    scores = chain.train()
    of_task = scores['tasks']['nodules']
    assert {'AP', 'AP50', 'AP75', 'AR', 'primary'} <= of_task.keys()
    assert of_task['primary'] == of_task['AP']
    assert scores['images']['nodules'] == 8
    assert 'AP' in scores['intervals']['tasks']['nodules']
    assert scores['constant']['tasks']['nodules']['AP'] <= 1
    rows = list(csv.DictReader((tmp_path / 'run' / 'test' / 'per_image.csv').open()))
    assert {row['target'] for row in rows} == {'nodule', 'cyst'}
    assert '[]' in {row['truth'] for row in rows}
    html = chain.report()
    assert 'AP50 of each image' in html
    assert html.count('data:image/jpeg') == 3
    images = [tmp_path / 'data' / 'img' / f'{i}.png' for i in range(3)]
    content = chain.predict(*images)
    (prediction,) = content['images'][2]['predictions']
    assert prediction['type'] == 'multi_object_detection'
    assert all(box['label'] in ('nodule', 'cyst') for box in prediction['boxes'])
    coco = json.loads((tmp_path / 'predicted' / 'coco' / 'nodules.json').read_text())
    boxes = [box for image in content['images'] for box in image['predictions'][0]['boxes']]
    assert len(coco['annotations']) == sum(box['score'] >= SHOWN_SCORE for box in boxes)  # those of the pictures
    assert [category['name'] for category in coco['categories']] == ['nodule', 'cyst']
    assert (tmp_path / 'predicted' / 'overlays' / 'nodules').is_dir()
    chain.predict(*images, tta=True)
    with pytest.raises(SystemExit, match='2'):
        chain.submission()
    assert "'nodules' is of type multi_object_detection, which has no place in a submission" in capsys.readouterr().err
