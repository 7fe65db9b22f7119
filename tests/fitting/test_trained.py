"""The features that calibration and routing are fitted to."""

import csv

import numpy as np
import pytest
import torch

from aurora_mm.apis import read_config, resolve_config
from aurora_mm.config_variables import set_image_size
from aurora_mm.errors import ConfigError
from aurora_mm.fitting.trained import image_features, trained_model
from aurora_mm.phantoms import make_dataset
from aurora_mm.tasks import Task, TaskTable
from tests.fixtures.checkpoints import REPO

TASKS = TaskTable([Task('a', 'classification', ('x', 'y')), Task('b', 'classification', ('x', 'y'))])


class CountingModel:
    """Its feature of an image is the mean of its pixels."""

    def __init__(self):
        self.images = 0

    def data_preprocessor(self, batch):
        return dict(inputs=torch.stack(list(batch['inputs'])).float())

    def extract_feat(self, inputs):
        self.images += len(inputs)
        return [inputs.mean(1, keepdim=True)]


@pytest.fixture
def cfg(tmp_path):
    """Six images of task a, of which two are labelled for task b too, and six of task b alone."""
    make_dataset(tmp_path, TASKS, 6, val_images_per_task=1)
    files = [tmp_path / f'train/csv_files/{name}.csv' for name in 'ab']
    rows, others = (list(csv.DictReader(file.open(newline=''))) for file in files)
    with files[1].open('a', newline='') as stream:
        writer = csv.DictWriter(stream, others[0].keys())
        writer.writerows(others[0] | dict(image_path=row['image_path']) for row in rows[:2])
    cfg = read_config(REPO / 'configs/aurora_fmc_demo.py')
    cfg.tasks = TASKS.to_config()
    resolve_config(cfg, str(tmp_path), 'none')
    cfg.val_dataloader.update(num_workers=0, batch_size=5)
    return cfg


def test_what_is_fitted_is_of_the_size_that_predict_uses(checkpoints, generated):
    cfg = set_image_size(read_config(REPO / 'configs/aurora_fmc_demo.py'), 192)
    with pytest.raises(ConfigError, match='what is fitted must be what is predicted: the config makes network inputs'):
        trained_model(cfg, checkpoints[0], str(generated))


def test_an_image_is_encoded_once_for_all_its_labels(cfg):
    model = CountingModel()
    features, tasks = image_features(model, cfg, 'train')
    assert model.images == len(features) == len(tasks) == 12
    assert sorted(map(sorted, tasks)) == [['a']] * 4 + [['a', 'b']] * 2 + [['b']] * 6


def test_of_many_images_some_are_taken_at_equal_intervals(cfg):
    model = CountingModel()
    every, _ = image_features(CountingModel(), cfg, 'train')
    some, tasks = image_features(model, cfg, 'train', most=4)
    assert model.images == len(tasks) == 4
    np.testing.assert_array_equal(some, every[[0, 4, 7, 11]])
