"""Which task, and which of its images, each training step sees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from mmengine.dataset import DefaultSampler
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from aurora_mm.datasets.samplers.policies import LossAwarePolicy, SamplingPolicy, TaskProgress
from aurora_mm.datasets.samplers.shuffled_indices import ShuffledIndices
from aurora_mm.errors import ConfigError
from aurora_mm.registry import DATA_SAMPLERS

_BATCHES_OF = ('task', 'type', 'all')


@DATA_SAMPLERS.register_module()
class TaskAwareBatchSampler(Sampler[list[int]]):
    """Draws tasks by a policy's probabilities, and draws their images from shuffled indices.

    Every image slot of an epoch goes to a task with the policy's probability p, in random order but in numbers as
    near to p as whole numbers are: batches of one task (or type) are within one batch of their expected number,
    images of mixed batches within one image. The shuffled indices go on from epoch to epoch: after any number of
    epochs, every image of a task has been drawn as often as any other of it, or once more.

    With several ranks, all of them draw from the same shuffled indices in turn, so no image goes to two ranks of a
    round (but where the indices run out and are shuffled anew).

    An epoch follows from the seed, its number, ``progress`` and ``drawn``. :class:`aurora_mm.engine.MultiTaskHook` sets
    both before each epoch and keeps them with the checkpoint, so a resumed run repeats an unbroken one. A loop without
    that hook calls :meth:`set_progress` itself; until someone has, the sampler refuses to draw.

    A data set whose items bring labels of several tasks tells how many by ``label_counts()``. A slot of such an item
    trains several tasks, so the policy's probabilities are divided by the number of labels: the policy goes on to say
    how often a task is trained.

    Args:
        sampler: MMEngine's sampler over the data set; it holds the data set, the seed and the epoch.
        batch_size: Images of a batch, on each rank.
        policy: Config of the sampling policy; the published one by default.
        batches_of: What the images of a batch share: 'task' (published), 'type', or 'all' for nothing.
        num_batches: Batches an epoch, on each rank; by default as many as see each image once on average.

    Attributes:
        drawn (dict[str, int]): Images of each task drawn to all ranks in the epochs so far.

    Raises:
        ConfigError: If the data set has no tasks, or an argument means nothing here. When it is iterated over, if
            nobody called :meth:`set_progress`.
    """

    required_hooks = ('DistSamplerSeedHook',)  # tells the epoch

    def __init__(
        self,
        sampler: DefaultSampler,
        batch_size: int,
        policy: dict | None = None,
        batches_of: str = 'task',
        num_batches: int | None = None,
        drop_last: bool = False,
    ) -> None:
        dataset = sampler.dataset
        if not hasattr(dataset, 'indices_by_task'):
            raise ConfigError(f'TaskAwareBatchSampler needs a data set of tasks; {type(dataset).__name__} is none')
        if drop_last:
            raise ConfigError('TaskAwareBatchSampler fills every batch: drop_last means nothing to it')
        if batches_of not in _BATCHES_OF:
            raise ConfigError(f'batches_of {batches_of!r} is none of {", ".join(_BATCHES_OF)}')
        self.sampler = sampler
        self.batch_size = batch_size
        self.policy: SamplingPolicy = LossAwarePolicy() if policy is None else DATA_SAMPLERS.build(policy)
        self.batches_of = batches_of
        rows = dataset.indices_by_task()
        self.progress = {name: TaskProgress(name, dataset.tasks[name].type, len(rows[name])) for name in rows}
        self._share = np.ones(len(rows))
        if hasattr(dataset, 'label_counts'):
            counts = dataset.label_counts()
            self._share = np.array([(1 / counts[rows[name]]).mean() for name in rows])
        self.indices_of = {name: ShuffledIndices(name, rows[name], sampler.seed) for name in rows}
        self.drawn = dict.fromkeys(rows, 0)
        self._knows_progress = False
        self.rank, self.world_size = get_dist_info()
        total = sum(task.images for task in self.progress.values())
        self.num_batches = num_batches or math.ceil(total / (batch_size * self.world_size))

    def set_progress(self, losses: Mapping[str, float | None], scores: Mapping[str, float | None]) -> None:
        """What the policy goes by from the next epoch on.

        Args:
            losses: Running mean of each task's loss. scores: Primary score of each task's last validation. A task
                without one yet has None, or is absent.
        """
        self._knows_progress = True
        self.progress = {
            name: TaskProgress(name, task.type, task.images, losses.get(name), scores.get(name))
            for name, task in self.progress.items()
        }

    def probabilities(self) -> dict[str, float]:
        """p of each task that has images, summing to 1."""
        return dict(zip(self.progress, self._probabilities().tolist(), strict=True))

    def _probabilities(self) -> np.ndarray:
        p = self.policy.probabilities(list(self.progress.values())) * self._share
        return p / p.sum()

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        if not self._knows_progress:
            raise ConfigError(
                f'TaskAwareBatchSampler with {type(self.policy).__name__} does not know where the run stands: add '
                "default_hooks=dict(multi_task=dict(type='MultiTaskHook')) to the config, or call its set_progress in "
                'a training loop of your own'
            )
        names = list(self.progress)
        drawn = dict(self.drawn)
        for batches in self._draw_tasks().reshape(self.num_batches, self.world_size, self.batch_size):
            mine = []
            for rank, batch in enumerate(batches.tolist()):
                for name in (names[i] for i in batch):
                    if rank == self.rank:
                        mine.append(self.indices_of[name][drawn[name]])
                    drawn[name] += 1
            yield mine
        self.drawn = drawn

    def _draw_tasks(self) -> np.ndarray:
        """(batches of all ranks, batch_size) the number of each slot's task."""
        rng = np.random.default_rng((self.sampler.seed, self.sampler.epoch))
        p = self._probabilities()
        kinds = [dict(task=task.name, type=task.type, all='')[self.batches_of] for task in self.progress.values()]
        groups = [np.flatnonzero([kind == other for other in kinds]) for kind in dict.fromkeys(kinds)]
        group_of_batch = _systematic([p[group].sum() for group in groups], self.num_batches * self.world_size, rng)
        tasks = np.empty((len(group_of_batch), self.batch_size), dtype=np.int64)
        for number, group in enumerate(groups):
            batches = np.flatnonzero(group_of_batch == number)
            drawn = _systematic(p[group], len(batches) * self.batch_size, rng)
            tasks[batches] = group[drawn].reshape(-1, self.batch_size)
        return tasks


def _systematic(weights: np.ndarray | list[float], size: int, rng: np.random.Generator) -> np.ndarray:
    """(size,) draws in random order, each with its probability, and in numbers within one of the expected.

    Systematic sampling: evenly spaced points behind one random start, on the line that the weights divide.
    """
    edges = np.cumsum(weights)
    points = (np.arange(size) + rng.random()) / size * edges[-1] if size else np.empty(0)
    drawn = np.searchsorted(edges, points, side='right').clip(max=len(edges) - 1)
    rng.shuffle(drawn)
    return drawn
