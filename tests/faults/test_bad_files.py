"""A list of bad files, each with its right answer: values where it can be read, else what the error says.

``data/expected.json`` holds the answers. Every file goes through every entry that takes such a file.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.challenge.csv_files import read_root
from aurora_mm.converters import coco_to_fmc, fmc_to_mmseg
from aurora_mm.datasets import FMCUIADataset, TaskDataset
from aurora_mm.errors import AuroraError
from aurora_mm.prediction_files.challenge_model import Model
from aurora_mm.publishing import publish
from aurora_mm.tasks import TaskTable
from tests.fixtures.fmc_root import FmcRoot

DATA = Path(__file__).parent / 'data'
EXPECTED: dict[str, dict[str, Any]] = json.loads((DATA / 'expected.json').read_text())
SIZE = (16, 24)
LOAD = [dict(type='LoadUltrasoundImage'), dict(type='LoadTaskAnnotations')]


def every(kind: str) -> Any:
    return pytest.mark.parametrize('name', EXPECTED[kind])


def test_every_file_has_an_answer():
    for kind, answers in EXPECTED.items():
        assert set(answers) == {file.name for file in (DATA / kind).iterdir()}


def check(answer: Any, read: Callable[[], Any]) -> None:
    """Reads, and compares what was found, or the error, with the answer."""
    if not isinstance(answer, str):
        assert read() == answer
        return
    with pytest.raises(AuroraError) as raised:
        read()
    assert re.search(answer, str(raised.value)), raised.value


def items(root: Path, split: str = 'all', **kwargs: Any) -> list[dict[str, Any]]:
    dataset = FMCUIADataset(str(root), split, pipeline=LOAD, test_mode=True, serialize_data=False, **kwargs)
    return [dataset[index] for index in range(len(dataset))]


@pytest.fixture
def root(tmp_path) -> FmcRoot:
    root = FmcRoot(tmp_path / 'root')
    for name in 'abc':
        root.array(f'images/{name}.png', np.full(SIZE, 90, np.uint8))
    return root


# Images


@pytest.fixture(scope='module')
def inferencer(checkpoints) -> MultiTaskInferencer:
    return MultiTaskInferencer(checkpoints[0], device='cpu', show_progress=False)


@pytest.fixture(scope='module')
def model(checkpoints, generated, tmp_path_factory) -> Model:
    folder = tmp_path_factory.mktemp('published') / 'model'
    publish(checkpoints[0], folder, data_root=str(generated))
    return Model(folder, device='cpu')


def image_root(root: FmcRoot, name: str) -> FmcRoot:
    shutil.copy(DATA / 'images' / name, root.path / 'images' / name)
    row = dict(task_id='kind', task_name='classification', num_classes=2, mask=1)
    root.csv('kind', [row | dict(image_path=f'../images/{file}') for file in ('a.png', name)])
    return root


@every('images')
def test_an_image_in_a_data_set(root, name):
    def read() -> list[int]:
        return items(image_root(root, name).path)[1]['img'][5, 7].tolist()

    check(EXPECTED['images'][name], read)
    kept = items(root.path, on_error='skip')
    assert len(kept) == 1 + (not isinstance(EXPECTED['images'][name], str))


@every('images')
def test_an_image_for_the_inferencer(inferencer, name):
    answer = EXPECTED['images'][name]
    file = DATA / 'images' / name
    if isinstance(answer, str):
        check(answer, lambda: inferencer(file, task='kind'))
        return
    (found,) = inferencer(file, task='kind')['predictions']
    (same,) = inferencer(np.asarray(pixels(file)), task='kind')['predictions']
    assert found['scores'] == pytest.approx(same['scores'], abs=1e-5)


def pixels(file: Path) -> np.ndarray:
    from aurora_mm.images.reading import read_image

    return read_image(file).pixels


@every('images')
def test_an_image_of_a_submission(model, root, tmp_path, name):
    """The challenge wants an answer to every row: what cannot be read is answered without looking, and told."""
    problems = model.predict(str(image_root(root, name).path), str(tmp_path / 'out'))
    answer = EXPECTED['images'][name]
    entries = json.loads((tmp_path / 'out' / 'classification_predictions.json').read_text())
    assert [entry['image_path'] for entry in entries] == ['../images/a.png', f'../images/{name}']
    if isinstance(answer, str):
        (problem,) = problems
        assert re.search(answer, problem.message)
    else:
        assert problems == []


# Masks


def mask_root(root: FmcRoot, name: str) -> FmcRoot:
    shutil.copy(DATA / 'masks' / name, root.path / name)
    row = dict(task_id='organs', task_name='segmentation', num_classes=3)
    root.csv('organs', [row | dict(image_path='../images/a.png', mask_path=f'../{name}')])
    return root


def counts(mask: np.ndarray) -> dict[str, int]:
    return {str(value): int((mask == value).sum()) for value in np.unique(mask) if value}


@every('masks')
def test_a_mask_in_a_data_set(root, name):
    check(EXPECTED['masks'][name], lambda: counts(items(mask_root(root, name).path)[0]['gt_seg_map']))


@every('masks')
def test_a_mask_converted(root, tmp_path, name):
    def read() -> dict[str, int]:
        (tmp_path / 'data').mkdir()
        mask_root(root, name).path.rename(tmp_path / 'data' / 'train')  # a root that is not split anew
        fmc_to_mmseg(tmp_path / 'data', tmp_path / 'out')
        (file,) = (tmp_path / 'out').glob('organs/ann_dir/train/**/*.png')
        return counts(cv2.imread(str(file), cv2.IMREAD_UNCHANGED))

    check(EXPECTED['masks'][name], read)


# CSV files


def csv_root(root: FmcRoot, name: str) -> Path:
    shutil.copy(DATA / 'csv' / name, root.path / 'csv_files' / name)
    return root.path


@every('csv')
def test_a_csv_file_in_a_data_set(root, name):
    def read() -> list[list[Any]]:
        return [[Path(item['img_path']).name, item['gt_label']] for item in items(csv_root(root, name))]

    check(EXPECTED['csv'][name], read)


@every('csv')
def test_a_csv_file_for_a_submission(root, name):
    """Without labels the same rows are read or refused, but for what is wrong with labels alone."""
    answer = EXPECTED['csv'][name]
    try:
        found = read_root(csv_root(root, name), TaskTable(), with_labels=False).records
    except AuroraError as error:
        assert isinstance(answer, str)
        assert re.search(answer, str(error))
    else:
        assert len(found) >= 2
        assert not isinstance(answer, str) or 'label' in name


# COCO files


def coco_folder(folder: Path, name: str) -> Path:
    file = folder / 'source' / 'annotations' / 'instances_train.json'
    file.parent.mkdir(parents=True)
    shutil.copy(DATA / 'coco' / name, file)
    for image in 'abc':
        (folder / 'source/images/train').mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f'source/images/train/{image}.png'), np.full(SIZE, 90, np.uint8))
    return folder / 'source'


@every('coco')
def test_a_coco_file_as_a_task(tmp_path, name):
    pytest.importorskip('mmdet')
    source = coco_folder(tmp_path, name)
    config = dict(
        type='mmdet.CocoDataset',
        ann_file=str(source / 'annotations/instances_train.json'),
        data_prefix=dict(img=str(source / 'images/train')),
    )
    task = dict(name='lump', type='detection', classes=['nodule'])

    def read() -> list[list[float]]:
        dataset = TaskDataset(task, config, LOAD, test_mode=True, serialize_data=False)
        return [box for index in range(len(dataset)) for box in dataset[index]['gt_bboxes'].tolist()]

    check(EXPECTED['coco'][name]['detection'], read)


@every('coco')
@pytest.mark.parametrize('task_type', ['detection', 'segmentation'])
def test_a_coco_file_converted(tmp_path, name, task_type):
    source = coco_folder(tmp_path, name)

    def read() -> Any:
        coco_to_fmc(source, tmp_path / 'out', name='lump', task_type=task_type)
        rows = items(tmp_path / 'out', 'train')
        if task_type == 'detection':
            return [row['gt_bboxes'][0].tolist() for row in rows]
        return [int((row['gt_seg_map'] > 0).sum()) for row in rows]

    check(EXPECTED['coco'][name][task_type], read)
