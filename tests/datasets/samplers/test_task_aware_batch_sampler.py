import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from aurora_mm.datasets.samplers import TaskAwareBatchSampler
from aurora_mm.errors import ConfigError
from aurora_mm.tasks import TaskTable

TASKS = TaskTable(
    [
        dict(name='big', type='classification', classes=['a', 'b']),
        dict(name='small', type='landmark', points=['p']),
        dict(name='third', type='landmark', points=['p']),
        dict(name='absent', type='classification', classes=['a', 'b']),
    ]
)
SIZES = dict(big=90, small=10, third=23)
PROPORTIONAL = dict(type='aurora_mm.SizePolicy', power='proportional')


class FakeDataset:
    tasks = TASKS

    def indices_by_task(self):
        ends = np.cumsum(list(SIZES.values()))
        return {name: np.arange(end - SIZES[name], end) for name, end in zip(SIZES, ends, strict=True)}


def task_of(index):
    return next(name for name, rows in FakeDataset().indices_by_task().items() if index in rows)


def make(epoch=0, seed=7, **kwargs):
    sampler = SimpleNamespace(dataset=FakeDataset(), seed=seed, epoch=epoch)
    drawn = TaskAwareBatchSampler(sampler, **(dict(batch_size=4) | kwargs))
    drawn.set_progress({}, {})
    return drawn


def run_epochs(sampler, epochs):
    """All batches of some epochs."""
    batches = []
    for epoch in range(epochs):
        sampler.sampler.epoch = epoch
        batches += list(sampler)
    return batches


def make_ranks(monkeypatch, world_size, **kwargs):
    """The samplers of all ranks."""
    samplers = []
    for rank in range(world_size):
        monkeypatch.setattr(
            'aurora_mm.datasets.samplers.task_aware_batch_sampler.get_dist_info', lambda rank=rank: (rank, world_size)
        )
        samplers.append(make(**kwargs))
    return samplers


def test_the_published_policy_is_the_default():
    sampler = make()
    weights = [(math.sqrt(n) + 1) ** (1 / 0.7) for n in SIZES.values()]
    assert list(sampler.probabilities().values()) == pytest.approx([w / sum(weights) for w in weights])
    before = sampler.probabilities()['small']
    sampler.set_progress({'big': 0.5, 'small': 0.01, 'absent': None}, {})
    assert sampler.probabilities()['small'] > before


def test_an_epoch_has_as_many_steps_as_cover_the_images():
    assert len(make()) == math.ceil(123 / 4)
    assert len(list(make(num_batches=3))) == 3


@pytest.mark.parametrize(('batches_of', 'kinds'), [('task', 1), ('type', 2), ('all', 3)])
def test_what_the_images_of_a_batch_share(batches_of, kinds):
    batches = list(make(batches_of=batches_of, batch_size=16, num_batches=60))
    names = [{task_of(i) for i in batch} for batch in batches]
    assert max(map(len, names)) == kinds
    if batches_of == 'type':
        assert {frozenset(n) for n in names} == {frozenset({'big'}), frozenset({'small', 'third'})}
    with pytest.raises(ConfigError, match="batches_of 'organ' is none of task, type, all"):
        make(batches_of='organ')


@pytest.mark.parametrize('batches_of', ['task', 'type', 'all'])
def test_an_epoch_draws_each_task_as_often_as_expected(batches_of):
    sampler = make(batches_of=batches_of, num_batches=101, batch_size=4)
    drawn = Counter(task_of(i) for batch in sampler for i in batch)
    # One batch of a group more or less; within a group, one image.
    slack = {'task': 4, 'type': 4, 'all': 1}[batches_of]
    for name, p in sampler.probabilities().items():
        assert abs(drawn[name] - 404 * p) <= slack


@pytest.mark.parametrize('batches_of', ['task', 'type', 'all'])
def test_every_place_of_an_epoch_has_the_policys_probability(batches_of):
    """The first image's task, over many epochs, against p: nothing depends on the place in the epoch."""
    sampler = make(batches_of=batches_of, num_batches=5)
    first = []
    for epoch in range(3000):
        sampler.sampler.epoch = epoch
        first.append(task_of(next(iter(sampler))[0]))
    for name, p in sampler.probabilities().items():
        assert first.count(name) / 3000 == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 3000))


def test_sampled_in_proportion_an_epoch_is_each_image_once():
    sampler = make(batches_of='all', batch_size=3, policy=PROPORTIONAL)
    assert len(sampler) * 3 == 123
    assert sorted(i for batch in sampler for i in batch) == list(range(123))


def test_decks_go_on_from_epoch_to_epoch():
    sampler = make(num_batches=7)  # far fewer images an epoch than there are
    drawn = Counter(i for batch in run_epochs(sampler, 40) for i in batch)
    assert sum(sampler.drawn.values()) == sum(drawn.values()) == 7 * 4 * 40
    for name, rows in FakeDataset().indices_by_task().items():
        assert {drawn[i] for i in rows} <= {sampler.drawn[name] // len(rows), sampler.drawn[name] // len(rows) + 1}


def test_a_resumed_run_deals_what_an_unbroken_one_does():
    unbroken, broken = make(), make()
    expected = run_epochs(unbroken, 4)
    run_epochs(broken, 2)
    resumed = make()
    resumed.drawn.update(broken.drawn)
    got = []
    for epoch in (2, 3):
        resumed.sampler.epoch = epoch
        got += list(resumed)
    assert got == expected[-len(got) :]


def test_an_epoch_that_is_broken_off_counts_as_not_begun():
    sampler = make()
    batches = iter(sampler)
    first = [next(batches), next(batches)]
    batches.close()
    assert not any(sampler.drawn.values())
    assert list(sampler)[:2] == first


def test_an_epoch_follows_from_seed_number_and_progress():
    assert list(make(epoch=3)) == list(make(epoch=3))
    assert list(make(epoch=3)) != list(make(epoch=4))
    assert list(make(seed=1)) != list(make(seed=2))
    informed = make(epoch=3)
    informed.set_progress(dict(big=1.0, small=5.0, third=0.0), {})
    assert list(informed) != list(make(epoch=3))


@pytest.mark.parametrize('batches_of', ['task', 'type', 'all'])
def test_ranks_share_one_epoch_and_see_disjoint_images(monkeypatch, batches_of):
    ranks = make_ranks(monkeypatch, 3, batch_size=2, batches_of=batches_of, policy=PROPORTIONAL)
    per_rank = [run_epochs(sampler, 3) for sampler in ranks]
    assert len(per_rank[0]) == 3 * math.ceil(123 / 6)
    assert ranks[0].drawn == ranks[1].drawn == ranks[2].drawn
    drawn = Counter(i for batches in per_rank for batch in batches for i in batch)
    for name, rows in FakeDataset().indices_by_task().items():
        assert max(drawn[i] for i in rows) - min(drawn[i] for i in rows) <= 1, name
    within_a_pass = 0
    for batches in zip(*per_rank, strict=True):
        images = [i for batch in batches for i in batch]
        within_a_pass += len(images) == len(set(images))
    assert within_a_pass >= len(per_rank[0]) - 9  # a deck is shuffled anew three times, for each of three tasks


def test_a_data_set_without_tasks_is_refused():
    with pytest.raises(ConfigError, match='needs a data set of tasks; list is none'):
        TaskAwareBatchSampler(SimpleNamespace(dataset=[1], seed=0, epoch=0), 4)


def test_a_slot_that_brings_several_labels_counts_for_all_of_them():
    """Items of `small` and `third` are the same images: each of the two is trained by the other's slots too."""

    class Shared(FakeDataset):
        def label_counts(self):
            return np.array([1] * SIZES['big'] + [2] * (SIZES['small'] + SIZES['third']))

    sampler = TaskAwareBatchSampler(
        SimpleNamespace(dataset=Shared(), seed=7, epoch=0), 4, dict(type='aurora_mm.SizePolicy', power='uniform')
    )
    assert sampler.probabilities() == pytest.approx(dict(big=1 / 2, small=1 / 4, third=1 / 4))
