"""One small generated data set in all three layouts."""

from types import SimpleNamespace

import pytest

from aurora_mm.converters import fmc_to_coco, fmc_to_mmseg
from aurora_mm.phantoms import make_dataset
from aurora_mm.tasks import TaskTable

TASKS = TaskTable(
    [
        dict(name='fetal_head', type='segmentation', classes=['background', 'head']),
        dict(name='fetal_head_det', type='detection', classes=['head']),
        dict(name='kind', type='classification', classes=['x', 'y']),
        dict(name='ends', type='landmark', points=['left', 'right'], swaps=[('left', 'right')]),
    ]
)


@pytest.fixture(scope='session')
def data(tmp_path_factory):
    """``fmc`` (train/ and val/), ``coco`` and ``mmseg``: folders."""
    folder = tmp_path_factory.mktemp('interop')
    found = SimpleNamespace(fmc=folder / 'fmc', coco=folder / 'coco', mmseg=folder / 'mmseg', tasks=TASKS)
    make_dataset(found.fmc, TASKS, 8, seed=0, val_images_per_task=4)
    fmc_to_coco(found.fmc, found.coco, list(TASKS.values()))
    fmc_to_mmseg(found.fmc, found.mmseg, list(TASKS.values()))
    return found
