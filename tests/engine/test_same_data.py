"""The data of the processes of a run."""

from types import SimpleNamespace

import pytest

from aurora_mm.datasets.image_fingerprints import FINGERPRINTS
from aurora_mm.engine import same_data
from aurora_mm.errors import DataError


class Rows(list):
    """A data set of some rows."""

    def __init__(self, count=8, fingerprints='AAAA', **counts):
        super().__init__(range(count))
        self.metainfo = dict(images_per_task=counts or dict(organs=count))
        if fingerprints is not None:
            self.metainfo[FINGERPRINTS] = fingerprints


def runner(train, val=None):
    loop = None if val is None else SimpleNamespace(dataloader=SimpleNamespace(dataset=val))
    return SimpleNamespace(train_dataloader=SimpleNamespace(dataset=train), val_loop=loop)


@pytest.fixture
def check(monkeypatch):
    """Checks several runners, each as one process of a run."""

    def processes(*runners):
        facts = []
        monkeypatch.setattr(same_data, 'get_world_size', lambda: len(runners))
        monkeypatch.setattr(same_data, 'all_gather_object', lambda own: facts.append(own) or [own])
        for each in runners:
            same_data.require_same_data(each)
        monkeypatch.setattr(same_data, 'all_gather_object', lambda own: facts)
        for each in runners:
            same_data.require_same_data(each)

    return processes


def test_the_same_data(check):
    check(runner(Rows(), Rows(2)), runner(Rows(), Rows(2)))
    check(runner(Rows(fingerprints=None)), runner(Rows(fingerprints=None)))
    check(runner([1, 2]), runner([3, 4]))  # a data set that says nothing of itself


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (runner(Rows(7), Rows(2)), 'different training data: rows are 8 in process 0 and 7 in process 1; give all'),
        (runner(Rows(), Rows(3)), 'different validation data: rows are 2 in process 0 and 3 in process 1'),
        (runner(Rows(organs=7, kind=1), Rows(2)), 'images of tasks are organs 8 in process 0 and organs 7, kind 1 in'),
        (runner(Rows(fingerprints='BBBB'), Rows(2)), 'contents of images are 63c1dd951ffe in process 0 and '),
    ],
)
def test_other_data(check, other, message):
    with pytest.raises(DataError, match=message):
        check(runner(Rows(), Rows(2)), other)


def test_one_process_compares_nothing(monkeypatch):
    monkeypatch.setattr(same_data, 'all_gather_object', lambda own: pytest.fail('there is nobody to ask'))
    same_data.require_same_data(runner(Rows()))
