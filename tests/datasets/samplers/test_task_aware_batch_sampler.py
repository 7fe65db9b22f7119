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
        dict(name='absent', type='classification', classes=['a', 'b']),
    ]
)


class FakeDataset:
    tasks = TASKS

    def indices_by_task(self):
        return {'big': np.arange(90), 'small': np.arange(90, 100)}


def make(epoch=0, seed=7, **kwargs):
    sampler = SimpleNamespace(dataset=FakeDataset(), seed=seed, epoch=epoch)
    return TaskAwareBatchSampler(sampler, **(dict(batch_size=4) | kwargs))


def test_probabilities_by_hand():
    sampler = make()
    big, small = (math.sqrt(90) + 1) ** (1 / 0.7), (math.sqrt(10) + 1) ** (1 / 0.7)
    assert sampler.probabilities() == pytest.approx({'big': big / (big + small), 'small': small / (big + small)})
    sampler.set_losses({'big': 0.5, 'small': 0.01, 'absent': None})
    big, small = (math.sqrt(90) * 0.5 + 1) ** (1 / 0.7), (math.sqrt(10) * 0.01 * 300 + 1) ** (1 / 0.7)
    assert sampler.probabilities() == pytest.approx({'big': big / (big + small), 'small': small / (big + small)})


def test_enormous_losses_do_not_overflow():
    sampler = make()
    sampler.set_losses({'big': 1e300, 'small': 1e-300})
    assert sampler.probabilities()['big'] == pytest.approx(1)


def test_an_epoch_has_as_many_steps_as_cover_the_images():
    assert len(make()) == 25
    assert len(make(batch_size=8)) == 13
    assert len(list(make(num_batches=3))) == 3


def test_batches_are_of_one_task_unless_mixed():
    assert all(len({i < 90 for i in batch}) == 1 for batch in make())
    assert any(len({i < 90 for i in batch}) == 2 for batch in make(mixed=True))


def test_draws_follow_the_probabilities():
    sampler = make(num_batches=4000)
    share = np.mean([batch[0] < 90 for batch in sampler])
    assert share == pytest.approx(sampler.probabilities()['big'], abs=0.03)


def test_a_task_deals_every_image_before_any_twice():
    drawn = Counter(i for batch in make(num_batches=400) for i in batch if i >= 90)
    assert set(drawn) == set(range(90, 100))
    assert max(drawn.values()) - min(drawn.values()) <= 1


def test_an_epoch_follows_from_seed_number_and_losses():
    assert list(make(epoch=3)) == list(make(epoch=3))
    assert list(make(epoch=3)) != list(make(epoch=4))
    assert list(make(seed=1)) != list(make(seed=2))


def test_ranks_see_disjoint_images(monkeypatch):
    per_rank = []
    for rank in range(3):
        monkeypatch.setattr(
            'aurora_mm.datasets.samplers.task_aware_batch_sampler.get_dist_info', lambda rank=rank: (rank, 3)
        )
        per_rank.append(list(make(batch_size=2, mixed=True)))
    assert len(per_rank[0]) == math.ceil(100 / 6)
    for batches in zip(*per_rank, strict=True):
        images = [i for batch in batches for i in batch if i < 90]
        assert len(images) == len(set(images)) or len(images) > 90


def test_a_data_set_without_tasks_is_refused():
    with pytest.raises(ConfigError, match='needs a data set of tasks; list is none'):
        TaskAwareBatchSampler(SimpleNamespace(dataset=[1], seed=0, epoch=0), 4)
