"""Generated data of four small tasks, and a submission made by disturbing its truth."""

import shutil

import numpy as np
import predictions
import pytest

from aurora_mm.phantoms import make_dataset
from aurora_mm.submission import SubmissionWriter
from aurora_mm.tasks import TaskTable

FOUR_TASKS = TaskTable(
    [
        dict(name='organs', type='segmentation', classes=['background', 'a', 'b']),
        dict(name='kind', type='classification', classes=['x', 'y', 'z']),
        dict(name='find', type='detection', classes=['lesion']),
        dict(name='ends', type='landmark', points=['left', 'right'], swaps=[('left', 'right')]),
    ]
)


@pytest.fixture(scope='session')
def made(tmp_path_factory):
    """(data root, submission folder, the samples with their predictions)."""
    path = tmp_path_factory.mktemp('four_tasks')
    make_dataset(path / 'data', FOUR_TASKS, images_per_task=4)
    samples = predictions.true_samples(path / 'data', FOUR_TASKS)
    rng = np.random.default_rng(0)
    writer = SubmissionWriter(path / 'submission')
    for sample in samples:
        predictions.disturb(sample, FOUR_TASKS[sample.task], rng)
        writer.add(sample)
    writer.finish()
    return path / 'data', path / 'submission', samples


@pytest.fixture
def tasks():
    return FOUR_TASKS


@pytest.fixture
def root(made):
    return made[0]


@pytest.fixture
def samples(made):
    return made[2]


@pytest.fixture
def submission(made, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(made[1], tmp_path / 'submission')
