"""Segmentation tasks whose classes may overlap, from the CSV file to the report and to predictions."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

from aurora_mm.checking import check_data
from aurora_mm.cli.main import main
from aurora_mm.run_lengths import decode_mask
from tests.fixtures.type_chain import TypeChain, write_csv

CLASSES = ['plate', 'band', 'rim']
TASKS = [
    dict(
        name='parts',
        type='multi_label_segmentation',
        classes=CLASSES,
        measurements=[dict(type='Area', name='plate area', label='plate')],
    )
]


@pytest.fixture
def chain(tmp_path):
    """24 images of a plate with a band across it and beyond; in some the band is not labelled."""
    rng = np.random.default_rng(0)
    (tmp_path / 'data' / 'img').mkdir(parents=True)
    (tmp_path / 'data' / 'masks').mkdir()
    rows = []
    y, x = np.mgrid[:64, :80]
    for i in range(24):
        cy, cx = rng.uniform((26, 30), (38, 50))
        plate = np.hypot(y - cy, x - cx) < 20
        masks = [plate, np.abs(y - cy) < 5, plate & (np.hypot(y - cy, x - cx) > 15)]
        image = rng.normal(60, 8, (64, 80)) + 60 * masks[0] + 50 * masks[1] + 60 * masks[2]
        cv2.imwrite(str(tmp_path / 'data' / 'img' / f'{i}.png'), image.clip(0, 255).astype(np.uint8))
        paths = []
        for name, mask in zip(CLASSES, masks, strict=True):
            paths.append(f'../masks/{i}_{name}.png')
            cv2.imwrite(str(tmp_path / 'data' / 'masks' / f'{i}_{name}.png'), mask.astype(np.uint8) * 255)
        if i % 4 == 0:
            paths[1] = None
        row = dict(task_id='parts', task_name='multi_label_segmentation', num_classes=3, image_path=f'../img/{i}.png')
        rows.append(row | dict(mask_paths=json.dumps(paths)))
    write_csv(tmp_path / 'data', 'parts', rows)
    return TypeChain(tmp_path, TASKS, dict(multi_label_segmentation=dict(channels=16)))


@pytest.mark.long
def test_from_csv_to_report_and_predictions(chain, tmp_path, capsys):
    chain.prepare()
    scores = chain.train()
    of_task = scores['tasks']['parts']
    assert {'DSC', 'HD', 'HD95', 'NSD', 'DSC_plate', 'HD_band', 'primary'} <= of_task.keys()
    assert of_task['primary'] == of_task['DSC']
    assert {'DSC', 'HD'} <= scores['intervals']['tasks']['parts'].keys()
    assert scores['constant']['tasks']['parts']['DSC'] > 0.5
    rows = list(csv.DictReader((tmp_path / 'run' / 'test' / 'per_image.csv').open()))
    labelled = list(csv.DictReader(next((tmp_path / 'split/val/csv_files').glob('*.csv')).open()))
    count = sum(path is not None for row in labelled for path in json.loads(row['mask_paths']))
    assert len(rows) == count < 3 * len(labelled)
    assert decode_mask(json.loads(rows[0]['truth']), (64, 80)).sum() > 900

    html = chain.report()
    assert html.count('data:image/jpeg') == 3 and 'Dice (DSC)' in html

    images = [tmp_path / 'data' / 'img' / f'{i}.png' for i in range(2)]
    content = chain.predict(*images)
    (prediction,) = content['images'][0]['predictions']
    picture = cv2.imread(str(tmp_path / 'predicted' / prediction['mask']), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (64, 80) and picture.max() < 8
    for segment in prediction['segments']:
        mask = decode_mask(segment['rle']['counts'], (64, 80))
        assert (mask == (picture >> CLASSES.index(segment['label']) & 1)).all() and mask.sum() == segment['area']
    areas = {segment['label']: segment['area'] for segment in prediction['segments']}
    (measured,) = prediction['measurements']
    assert measured['value'] == areas.get('plate', 0) and measured['unit'] == 'px2'
    coco = json.loads((tmp_path / 'predicted' / 'coco' / 'parts.json').read_text())
    assert [category['name'] for category in coco['categories']] == CLASSES
    assert len(coco['annotations']) == sum(len(i['predictions'][0]['segments']) for i in content['images'])
    merged = chain.predict(*images, tta=True)
    assert merged['images'][0]['predictions'][0]['measurements'][0]['views'] > 1

    with pytest.raises(SystemExit, match='2'):
        chain.submission()
    assert "'parts' is of type multi_label_segmentation, which has no place in a sub" in capsys.readouterr().err


def test_what_looks_wrong_in_masks_is_found(chain, tmp_path):
    for name in CLASSES:
        cv2.imwrite(str(tmp_path / 'data' / 'masks' / f'1_{name}.png'), np.zeros((64, 80), np.uint8))
    cv2.imwrite(str(tmp_path / 'data' / 'masks' / '2_rim.png'), np.full((64, 80), 255, np.uint8))
    cv2.imwrite(str(tmp_path / 'data' / 'masks' / '3_rim.png'), np.full((64, 80), 9, np.uint8))
    found = check_data(tmp_path / 'data', TASKS, workers=0)
    assert '3_rim.png has values [9]' in next(p.message for p in found.problems if p.stops_training)
    assert {'empty mask', 'full mask'} <= found.by_kind().keys()


def test_masks_go_to_coco_and_back(chain, tmp_path):
    tasks = ['--tasks', str(tmp_path / 'tasks.py')]
    main(['convert-dataset', 'fmc2coco', str(tmp_path / 'data'), str(tmp_path / 'coco'), *tasks])
    main(['convert-dataset', 'coco2fmc', str(tmp_path / 'coco'), str(tmp_path / 'back')])
    rows = [(file, row) for file in tmp_path.glob('back/*/csv_files/parts.csv') for row in csv.DictReader(file.open())]
    assert len(rows) == 24
    for file, row in rows:
        (path,) = json.loads(row['mask_paths'])
        picture = cv2.imread(str(file.parent / path), cv2.IMREAD_UNCHANGED)
        number = row['image_path'].rpartition('/')[2].removesuffix('.png')
        for bit, name in ((0, 'plate'), (2, 'rim')):
            mask = cv2.imread(str(tmp_path / 'data' / 'masks' / f'{number}_{name}.png'), cv2.IMREAD_UNCHANGED)
            assert (picture >> bit & 1 == mask // 255).all()
