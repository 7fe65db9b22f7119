"""COCO files changed at random: read as they stand, or refused; nothing else, and no source file is touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools import mask as run_lengths

from aurora_mm.converters import coco_to_fmc
from aurora_mm.datasets import FMCUIADataset, TaskDataset
from aurora_mm.errors import AuroraError
from tests.faults.conftest import many
from tests.faults.json_changes import changed, changes
from tests.fixtures.coco_files import HEIGHT, SQUARE, WIDTH, box, content, image, write_coco

LOAD = [dict(type='LoadUltrasoundImage'), dict(type='LoadTaskAnnotations')]
DETECTION = dict(name='lump', task_type='detection')
SEGMENTATION = dict(name='lump', task_type='segmentation')
LANDMARK = dict(name='lump', task_type='landmark')
NAMES = ('left', 'right')


def good() -> dict[str, Any]:
    """Three images: a polygon, compressed run lengths and run lengths; two keypoints and a box each."""
    region = np.zeros((HEIGHT, WIDTH), np.uint8, order='F')
    region[5:20, 30:50] = 1
    code = run_lengths.encode(region)
    compressed = dict(size=code['size'], counts=code['counts'].decode())
    regions = [SQUARE], compressed, dict(size=[HEIGHT, WIDTH], counts=[100, 50, HEIGHT * WIDTH - 150])
    images = [image(i, f'{i}.png') for i in (3, 4, 'five')]
    points = [1, 2, 2, 30.5, 40, 1]
    annotations = [
        box(id=n, image_id=entry['id'], segmentation=segmentation, keypoints=points, num_keypoints=2)
        for n, (entry, segmentation) in enumerate(zip(images, regions, strict=True))
    ]
    categories = [dict(id=7, name='nodule', keypoints=list(NAMES), supercategory='lump')]
    return dict(info={}, licenses=[]) | content(images, annotations, categories)


@pytest.fixture(scope='module')
def source(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('faults') / 'source'
    write_coco(folder / 'annotations/instances_train.json', good(), folder / 'images/train')
    return folder


def pictures(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / 'images').rglob('*.png')}


def plain(text: str) -> dict[Any, tuple[dict, list[dict]]]:
    """Images by id, each with its annotations that count, joined in the plainest way."""
    data = json.loads(text)
    joined: dict[Any, tuple[dict, list[dict]]] = {(type(i['id']) is str, i['id']): (i, []) for i in data['images']}
    for annotation in data['annotations']:
        if not annotation.get('iscrowd') and not annotation.get('ignore'):
            joined[type(annotation['image_id']) is str, annotation['image_id']][1].append(annotation)
    assert len(joined) == len(data['images'])
    return joined


def expected_box(entry: dict, annotation: dict) -> list[float]:
    x, y, width, height = annotation['bbox']
    assert width > 0
    assert height > 0
    limit = [entry['width'], entry['height']] * 2
    return np.clip([x, y, x + width, y + height], 0, limit).tolist()


def expected_mask(entry: dict, annotations: list[dict]) -> np.ndarray:
    shape = entry['height'], entry['width']
    mask = np.zeros(shape, bool)
    for annotation in annotations:
        code = annotation['segmentation']
        if isinstance(code, list):
            code = run_lengths.merge(run_lengths.frPyObjects(code, *shape))
        elif isinstance(code['counts'], list):
            code = run_lengths.frPyObjects(code, *shape)
        mask |= run_lengths.decode(code).astype(bool)
    return mask


def check_item(item: dict, task: dict, text: str) -> None:
    joined = plain(text)
    (found,) = [(entry, own) for entry, own in joined.values() if item['image_path'] == f'../{entry["file_name"]}']
    entry, annotations = found
    if task is SEGMENTATION:
        everything = [a for a in json.loads(text)['annotations'] if a['image_id'] == entry['id']]
        stored = cv2.imread(item['seg_map_path'], cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(stored > 0, expected_mask(entry, everything))
    elif task is DETECTION:
        (annotation,) = annotations
        np.testing.assert_allclose(item['bbox'], expected_box(entry, annotation), atol=1e-5)
    else:
        (annotation,) = annotations
        names = next(c['keypoints'] for c in json.loads(text)['categories'] if c['id'] == annotation['category_id'])
        points = np.reshape(annotation['keypoints'], (-1, 3))[:, :2]
        np.testing.assert_allclose(item['points'], points, atol=1e-9)
        assert len(names) == len(points)


@many(60, 1500)
@pytest.mark.parametrize('task', [DETECTION, SEGMENTATION, LANDMARK], ids=lambda task: task['task_type'])
def test_converted_as_it_stands_or_refused(source, try_cases, task, cases):
    before, out = pictures(source), source.parent / 'out'

    def one(steps) -> str:
        text = changed(good(), steps)
        (source / 'annotations/instances_train.json').write_text(text, encoding='utf-8', errors='surrogatepass')
        try:
            coco_to_fmc(source, out, link=len(steps) % 2 == 0, **task)
            dataset = FMCUIADataset(str(out), 'train', serialize_data=False, pipeline=LOAD)
            for position in range(len(dataset)):
                dataset[position]
        except AuroraError:
            return 'refused'
        else:
            for position in range(len(dataset)):
                check_item(dataset.get_data_info(position), task, text)
            return 'right'
        finally:
            assert pictures(source) == before
            shutil.rmtree(out, ignore_errors=True)
            assert sorted(path.name for path in source.parent.iterdir()) == ['source']

    try_cases(f'COCO files to FMC-UIA, {task["task_type"]}', cases, changes, one)


@many(60, 1500)
@pytest.mark.parametrize('on_error', ['raise', 'skip'])
def test_read_as_a_task_or_refused(source, try_cases, on_error, cases):
    pytest.importorskip('mmdet')
    file = source / 'annotations/instances_train.json'
    task = dict(name='lump', type='detection', classes=['nodule'])
    config = dict(type='mmdet.CocoDataset', ann_file=str(file), data_prefix=dict(img=str(source / 'images/train')))

    def one(steps) -> str:
        text = changed(good(), steps)
        file.write_text(text, encoding='utf-8', errors='surrogatepass')
        try:
            dataset = TaskDataset(task, config, LOAD, test_mode=True, serialize_data=False, on_error=on_error)
            items = [dataset[position] for position in range(len(dataset))]
        except AuroraError:
            return 'refused'
        joined = plain(text)
        for item in items:
            entry, annotations = joined[type(item['img_id']) is str, item['img_id']]
            kinds = {c['id']: c['name'].strip() for c in json.loads(text)['categories']}
            own = [a for a in annotations if kinds[a['category_id']] == 'nodule']
            expected = [expected_box(entry, annotation) for annotation in own]
            np.testing.assert_allclose(item['gt_bboxes'], np.reshape(expected, (-1, 4)), atol=1e-5)
        if on_error == 'raise':
            assert len(items) == len(joined)
        assert len(items) + len(dataset.skipped) == len(joined)
        return 'right'

    try_cases(f'COCO files as a task, on_error={on_error!r}', cases, changes, one)
