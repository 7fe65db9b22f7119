"""Several boxes an image, from CSV files to COCO files and back."""

import json

import cv2
import numpy as np

from aurora_mm.converters import coco_to_fmc, fmc_to_coco
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.tasks import Task
from tests.fixtures.type_chain import write_csv

CLASSES = ['nodule', 'cyst']


def test_round_trip(tmp_path):
    answers = [([[2.0, 3.0, 12.5, 20.0], [20.0, 3.0, 40.0, 30.0]], [1, 0]), ([], []), ([[0.0, 0.0, 5.0, 5.0]], [1])]
    rows = []
    for i, (boxes, labels) in enumerate(answers):
        (tmp_path / 'data').mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / 'data' / f'{i}.png'), np.full((30, 40), 90, np.uint8))
        row = dict(task_id='finds', task_name='multi_object_detection', num_classes=2, image_path=f'../{i}.png')
        rows.append(row | dict(boxes=json.dumps(boxes), box_labels=json.dumps(labels)))
    write_csv(tmp_path / 'data', 'finds', rows)
    tasks = [dict(name='finds', type='multi_object_detection', classes=CLASSES)]
    fmc_to_coco(tmp_path / 'data', tmp_path / 'coco', tasks)
    files = list((tmp_path / 'coco' / 'annotations').glob('*.json'))
    categories = [[c['name'] for c in json.loads(file.read_text())['categories']] for file in files]
    assert categories == [CLASSES] * len(files)
    (task,) = coco_to_fmc(tmp_path / 'coco', tmp_path / 'back')
    assert task == Task.from_config(tasks[0])
    found = [
        (item['bboxes'], item['bboxes_labels'])
        for split in ('train', 'val')
        if (tmp_path / 'back' / split).is_dir()
        for item in FMCUIADataset(str(tmp_path / 'back'), split, tasks=tasks).load_data_list()
    ]
    assert sorted(map(str, found)) == sorted(
        str(([[float(x) for x in box] for box in b], label)) for b, label in answers
    )
