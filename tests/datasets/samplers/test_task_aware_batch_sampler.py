import math
import os
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.samplers import SizePolicy, TaskAwareBatchSampler, task_aware_batch_sampler
from aurora_mm.datasets.samplers.label_shares import solve_draw
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
    with pytest.raises(ConfigError, match='needs a data set of tasks, and list is none: wrap it in TaskDataset'):
        TaskAwareBatchSampler(SimpleNamespace(dataset=[1], seed=0, epoch=0), 4)


class SharedImages(FakeDataset):
    """Ten of the images of `third` bring a label of `small` too; `big` has its own."""

    kinds = {('big',): np.arange(90), ('small', 'third'): np.arange(90, 100), ('third',): np.arange(100, 113)}

    def indices_by_kind(self):
        return self.kinds

    def indices_by_task(self):
        return dict(big=np.arange(90), small=np.arange(90, 100), third=np.arange(90, 113))


class LabelPolicy(SizePolicy):
    """Given probabilities."""

    def __init__(self, *p):
        self.p = np.array(p)

    def probabilities(self, tasks):
        return self.p


def make_shared(*p, **kwargs):
    dataset = SharedImages()
    sampler = TaskAwareBatchSampler(
        SimpleNamespace(dataset=dataset, seed=7, epoch=0), 4, **(dict(batches_of='all', num_batches=300) | kwargs)
    )
    sampler.policy = LabelPolicy(*p)
    sampler.set_progress({}, {})
    return sampler


def count_labels(sampler):
    """The part of the labels that each task got in an epoch."""
    labels = Counter()
    for index in (index for batch in sampler for index in batch):
        labels.update(next(kind for kind, rows in SharedImages.kinds.items() if index in rows))
    return {task: number / labels.total() for task, number in labels.items()}


@pytest.mark.parametrize('batches_of', ['task', 'all'])
def test_labels_have_the_policys_shares_where_images_bring_several(batches_of):
    """Of 10 labels 5 are to be `big`, 2 `small`, 3 `third`: 5 + 2 + 1 images of the three kinds, that is 8."""
    sampler = make_shared(0.5, 0.2, 0.3, batches_of=batches_of)
    assert sampler.probabilities() == pytest.approx(dict(big=0.5, small=0.2, third=0.3), abs=1e-6)
    drawn = count_labels(sampler)
    assert drawn == pytest.approx(dict(big=0.5, small=0.2, third=0.3), abs=0.005)
    assert {name: n / 1200 for name, n in sampler.drawn.items()} == pytest.approx(
        {'big': 5 / 8, 'small, third': 2 / 8, 'third': 1 / 8}, abs=0.005
    )


def test_shares_that_cannot_be_met_are_neared():
    """Every label of `small` brings one of `third`: (.4, .2) cannot be, nearest are (.3, .3) but for a floor."""
    sampler = make_shared(0.4, 0.4, 0.2)
    reached = sampler.probabilities()
    floor = 0.2 / 23 / 2 * 13  # each of 13 images at half the rate of `third`
    both = 0.3 - floor / 2  # least squares: as far below .4 as it is, with the floor, above .2
    total = 0.4 + 2 * both + floor
    assert reached == pytest.approx(dict(big=0.4 / total, small=both / total, third=(both + floor) / total), abs=1e-5)
    assert count_labels(sampler) == pytest.approx(reached, abs=0.005)


def test_the_log_says_which_shares_are_reached(monkeypatch):
    lines = []
    monkeypatch.setattr(task_aware_batch_sampler, 'print_log', lambda text, **_: lines.append(text))
    make_shared(0.5, 0.2, 0.3)
    make()
    assert not lines
    make_shared(0.4, 0.4, 0.2)
    (line,) = lines
    assert line.endswith('small 0.272 for 0.400, third 0.328 for 0.200')


def test_no_image_is_left_out_for_the_sake_of_the_shares():
    """With equal shares the images of `third` alone would never be drawn."""
    equal = (1 / 3,) * 3
    assert make_shared(*equal, max_factor=math.inf).probabilities()['third'] == pytest.approx(1 / 3, abs=1e-6)
    sampler = make_shared(*equal)
    list(sampler)
    rate, alone = (sampler.drawn[name] / images for name, images in (('small, third', 10), ('third', 13)))
    assert alone / rate == pytest.approx((1 / 3 / 23 / 2) / ((1 / 3 - 1 / 3 / 23 / 4 * 13) / 10), rel=0.05)
    with pytest.raises(ConfigError, match=r'max_factor 0.5 must be at least 1'):
        make_shared(*equal, max_factor=0.5)


def test_of_several_draws_with_the_same_shares_the_most_even_one_is_taken():
    """Two tasks, images with a, b, and both: any part of them with both labels gives one half to each."""
    labels = np.array([[True, False, True], [False, True, True]])
    images = np.array([20, 20, 60])
    drawn = solve_draw(labels, images, np.array([0.5, 0.5]), max_factor=math.inf)
    np.testing.assert_allclose(drawn, images / 100, atol=1e-6)


def test_a_batch_of_a_type_holds_images_whose_labels_are_of_its_types():
    batches = list(make_shared(0.5, 0.2, 0.3, batches_of='type'))
    assert {frozenset(index < 90 for index in batch) for batch in batches} == {frozenset([True]), frozenset([False])}


@pytest.mark.skipif('AURORA_REAL_DATA' not in os.environ, reason='AURORA_REAL_DATA names no data set to read')
def test_the_shares_of_the_small_real_data_set():
    dataset = FMCUIADataset(os.environ['AURORA_REAL_DATA'], split='train', all_labels=True)
    uniform = dict(type='aurora_mm.SizePolicy', power='uniform')
    sampler = TaskAwareBatchSampler(SimpleNamespace(dataset=dataset, seed=0, epoch=0), 8, uniform, 'all')
    sampler.set_progress({}, {})
    reached = sampler.probabilities()
    assert reached.pop('breast_3cls') == pytest.approx(0.141, abs=1e-3)  # 45 images bring its label alone
    assert all(share == pytest.approx(0.125, abs=0.006) for share in reached.values())
    assert len({index for batch in sampler for index in batch}) == 385  # every image, in one epoch


@pytest.mark.parametrize('ranks', [1, 2, 8])
def test_another_number_of_ranks_shares_the_same_batches(monkeypatch, ranks):
    """With the augmentation of each image; a rank may have parts of batches."""
    four = [list(sampler) for sampler in make_ranks(monkeypatch, 4, batch_size=2, policy=PROPORTIONAL)]
    others = make_ranks(monkeypatch, ranks, batch_size=2, policy=PROPORTIONAL)
    for sampler in others:
        sampler.keep_batches(4, 2)
        assert len(sampler) == len(four[0])
    other = [list(sampler) for sampler in others]
    for mine, theirs in zip(zip(*four, strict=True), zip(*other, strict=True), strict=True):
        assert [(i, i.seed) for batch in mine for i in batch] == [(i, i.seed) for batch in theirs for i in batch]
        assert {len(batch) for batch in theirs} == {8 // ranks}
    assert others[0].drawn == make_drawn(monkeypatch)


def make_drawn(monkeypatch):
    sampler = make_ranks(monkeypatch, 4, batch_size=2, policy=PROPORTIONAL)[0]
    list(sampler)
    return sampler.drawn


def test_an_epoch_can_begin_within():
    whole, rest = make(), make()
    rest.skip = 3
    batches = list(whole)
    assert [[(i, i.seed) for i in batch] for batch in rest] == [[(i, i.seed) for i in b] for b in batches[3:]]
    assert rest.drawn == whole.drawn
    assert rest.skip == 0
    assert len(rest) == len(batches)


class InShards(FakeDataset):
    """Ten images a shard; the last images of a task share one with the first of the next task."""

    def shards(self):
        return np.arange(sum(SIZES.values())) // 10


def make_in_shards(epoch=0, **kwargs):
    sampler = SimpleNamespace(dataset=InShards(), seed=7, epoch=epoch)
    drawn = TaskAwareBatchSampler(sampler, **(dict(batch_size=4, policy=PROPORTIONAL, shard_window=2) | kwargs))
    drawn.set_progress({}, {})
    return drawn


def big_images(batches):
    return [int(index) for batch in batches for index in batch if index < SIZES['big']]


def test_images_are_drawn_from_a_window_of_shards_that_moves_on():
    images = big_images(run_epochs(make_in_shards(), 4))
    passes = [images[start : start + 90] for start in range(0, len(images) - 90, 90)]
    orders = set()
    for drawn in passes:
        assert sorted(drawn) == list(range(90))
        windows = [drawn[start : start + 20] for start in range(0, 90, 20)]
        shards = [sorted({index // 10 for index in window}) for window in windows]
        assert [len(of_window) for of_window in shards] == [2, 2, 2, 2, 1]
        assert all(
            {index // 10 for index in window[:8]} == set(of_window)
            for window, of_window in zip(windows[:4], shards[:4], strict=True)
        )
        orders.add(str(shards))
    assert len(orders) == len(passes) > 2  # each pass in an order of its own


def test_a_window_of_all_shards_is_no_window_and_one_of_a_shard_keeps_to_it():
    drawn = big_images(make_in_shards(shard_window=1, num_batches=24))[:60]
    assert [index // 10 for index in drawn[::10]] == [index // 10 for index in drawn[9::10]]
    spread = big_images(make_in_shards(shard_window=99, num_batches=24))[:20]
    assert len({index // 10 for index in spread}) > 4


def test_a_window_changes_neither_tasks_nor_how_often_an_image_is_drawn():
    windowed, free = make_in_shards(), make(policy=PROPORTIONAL)
    for one, other in zip(run_epochs(windowed, 3), run_epochs(free, 3), strict=True):
        assert [task_of(index) for index in one] == [task_of(index) for index in other]
    assert windowed.drawn == free.drawn
    counts = Counter(index for batch in run_epochs(make_in_shards(), 5) for index in batch)
    for rows in InShards().indices_by_task().values():
        assert max(counts[index] for index in rows) - min(counts[index] for index in rows) <= 1


def test_with_a_window_too_an_epoch_can_begin_within_and_be_shared_by_other_ranks(monkeypatch):
    unbroken = make_in_shards()
    whole = [[(i, i.seed) for i in batch] for batch in run_epochs(unbroken, 2)]
    rest = make_in_shards(epoch=1)
    first = make_in_shards()
    list(first)
    rest.drawn, rest.skip = dict(first.drawn), 5
    assert [[(i, i.seed) for i in batch] for batch in rest] == whole[len(whole) // 2 + 5 :]
    ranks = []
    for rank in range(2):
        monkeypatch.setattr(
            'aurora_mm.datasets.samplers.task_aware_batch_sampler.get_dist_info', lambda rank=rank: (rank, 2)
        )
        ranks.append(make_in_shards())
        ranks[-1].keep_batches(1, 4)
    shared = [[(i, i.seed) for batch in step for i in batch] for step in zip(*ranks, strict=True)]
    assert shared == whole[: len(whole) // 2]


def test_a_window_needs_images_in_shards():
    with pytest.raises(ConfigError, match='shard_window needs images in shards, and those of FakeDataset are files of'):
        make(shard_window=2)
    with pytest.raises(ConfigError, match='shard_window 0 must be at least 1'):
        make_in_shards(shard_window=0)
