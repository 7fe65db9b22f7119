import copy
import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from aurora_mm.config_variables import set_data_root
from aurora_mm.datasets.seeded_index import SeededIndex, seeded_by

PIPELINE = [
    dict(type='LoadUltrasoundImage'),
    dict(type='LoadTaskAnnotations'),
    dict(type='FitToSize', size=64),
    dict(type='RandomGeometry', prob=1.0),
    dict(type='ApplyGeometry'),
    dict(type='RandomGaussianNoise', prob=1.0),
    dict(type='PackMultiTaskInputs'),
]


def loader(root, num_workers, **kwargs):
    return Runner.build_dataloader(
        dict(
            batch_size=3,
            num_workers=num_workers,
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_sampler=dict(type='aurora_mm.TaskAwareBatchSampler', num_batches=4, batches_of='all'),
            collate_fn=dict(type='pseudo_collate'),
            dataset=dict(type='aurora_mm.FMCUIADataset', data_root=str(root), pipeline=PIPELINE),
        )
        | kwargs,
        seed=3,
    )


def epoch_of(data, epoch=0):
    """The images of an epoch as the model gets them, and their files."""
    data.batch_sampler.set_progress({}, {})
    data.batch_sampler.sampler.set_epoch(epoch)
    torch.manual_seed(len(random.sample(range(100), 7)))  # whatever the process drew before
    images, files = [], []
    for batch in data:
        images += batch['inputs']
        files += [sample.img_path for sample in batch['data_samples']]
    return torch.stack(images), files


PART = dict(type='aurora_mm.FMCUIADataset')
WRAPPED = dict(
    alone=PART,
    concat=dict(type='aurora_mm.ConcatTaskDataset', datasets=[PART, PART]),
    repeat=dict(type='aurora_mm.RepeatTaskDataset', times=3, dataset=PART),
    balanced=dict(type='aurora_mm.ClassBalancedTaskDataset', oversample_thr=0.9, dataset=PART),
    both=dict(
        type='aurora_mm.ConcatTaskDataset',
        datasets=[PART, dict(type='aurora_mm.RepeatTaskDataset', times=2, dataset=PART)],
    ),
    nested=dict(
        type='aurora_mm.RepeatTaskDataset',
        times=2,
        dataset=dict(type='aurora_mm.ConcatTaskDataset', datasets=[PART, PART]),
    ),
)


@pytest.fixture(params=WRAPPED)
def wrapped(request, fmc_root):
    """A data set of tasks, alone and in every wrapper."""
    fmc_root.fill(10)
    cfg = Config(dict(train_dataloader=dict(dataset=copy.deepcopy(WRAPPED[request.param]))))
    set_data_root(cfg, str(fmc_root.path))
    return cfg.train_dataloader.dataset.to_dict() | dict(pipeline=PIPELINE)


def test_the_number_of_workers_changes_nothing(fmc_root, wrapped):
    images, files = epoch_of(loader(fmc_root.path, 0, dataset=wrapped))
    for num_workers in (1, 2):
        found, names = epoch_of(loader(fmc_root.path, num_workers, dataset=wrapped))
        assert names == files
        torch.testing.assert_close(found, images, rtol=0, atol=0)
    other, _ = epoch_of(loader(fmc_root.path, 0, dataset=wrapped), epoch=1)
    assert (other != images).any()


def test_a_later_epoch_is_that_of_an_unbroken_run(fmc_root, wrapped):
    unbroken = loader(fmc_root.path, 0, dataset=wrapped)
    epoch_of(unbroken)
    drawn = unbroken.batch_sampler.drawn
    images, files = epoch_of(unbroken, epoch=1)
    resumed = loader(fmc_root.path, 0, dataset=wrapped)
    resumed.batch_sampler.drawn = dict(drawn)  # as MultiTaskHook does it
    found, names = epoch_of(resumed, epoch=1)
    assert names == files
    torch.testing.assert_close(found, images, rtol=0, atol=0)


def test_two_draws_of_an_image_are_augmented_unlike(fmc_root):
    fmc_root.fill(10)
    dataset = loader(fmc_root.path, 0).dataset
    first, again, second = (dataset[SeededIndex(2, (0, 0, place))]['inputs'] for place in (5, 5, 6))
    assert (first == again).all()
    assert (first != second).any()


def states():
    return random.getstate(), pickle.dumps(np.random.get_state()), torch.get_rng_state().tolist()


def test_an_item_leaves_the_random_states_as_they_were():
    before = states()
    for index in (SeededIndex(4, (1, 2)), pickle.loads(pickle.dumps(SeededIndex(4, (1, 2))))):
        with seeded_by(index):
            drawn = random.random(), np.random.random(), float(torch.rand(()))
        assert states() == before
    with seeded_by(SeededIndex(9, (1, 2))):
        assert (random.random(), np.random.random(), float(torch.rand(()))) == drawn
    with seeded_by(4):
        random.random()
    assert states() != before
