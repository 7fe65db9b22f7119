"""Small data for runs on an accelerator: phantoms of the configs' own tasks, some images with labels of several."""

import csv
from pathlib import Path

import pytest
from mmengine.config import Config

from aurora_mm.phantoms import make_dataset
from aurora_mm.tasks import TaskTable
from tests.fixtures.checkpoints import ALL_TYPES

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def phantoms(folder, name, train):
    """Images of the tasks of a config, ``train`` of each and one to validate on."""
    tasks = TaskTable(Config.fromfile(CONFIGS / '_base_' / 'tasks' / f'{name}.py').tasks)
    make_dataset(folder, tasks, train, val_images_per_task=1)
    return folder


def label_again(root, source, target, **label):
    """Lists the images of one task for another task too."""
    with (root / f'csv_files/{source}.csv').open(newline='') as stream:
        images = [row['image_path'] for row in csv.DictReader(stream)]
    file = root / f'csv_files/{target}.csv'
    with file.open(newline='') as stream:
        rows = list(csv.DictReader(stream))
    rows += [rows[0] | dict(image_path=image) | label for image in images]
    with file.open('w', newline='') as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope='session')
def us_real(tmp_path_factory):
    """Eight tasks of four types; images of breast lesions have three labels. Not to be changed."""
    root = phantoms(tmp_path_factory.mktemp('us_real') / 'data', 'us_real', 1)
    for part in (root / 'train', root / 'val'):
        label_again(part, 'breast_lesion', 'breast_2cls', mask=1)
        label_again(part, 'breast_lesion', 'breast_lesion_det', x_min=10, y_min=10, x_max=60, y_max=50)
    return root


@pytest.fixture(scope='session')
def fmc_uia(tmp_path_factory):
    """The 27 tasks of the challenge. Not to be changed."""
    return phantoms(tmp_path_factory.mktemp('fmc_uia') / 'data', 'fmc_uia', 1)


@pytest.fixture(scope='session')
def all_types(tmp_path_factory):
    """A task of each registered type. Not to be changed."""
    root = tmp_path_factory.mktemp('all_types') / 'data'
    make_dataset(root, ALL_TYPES, 2, val_images_per_task=1)
    return root
