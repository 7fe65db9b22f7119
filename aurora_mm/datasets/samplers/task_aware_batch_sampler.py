"""Which images, and so which tasks, each training step sees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from mmengine.dataset import DefaultSampler
from mmengine.dist import get_dist_info
from mmengine.logging import print_log
from torch.utils.data import Sampler

from aurora_mm.datasets.image_kinds import indices_by_kind
from aurora_mm.datasets.samplers.label_shares import label_matrix, label_shares, solve_draw
from aurora_mm.datasets.samplers.policies import LossAwarePolicy, SamplingPolicy, TaskProgress
from aurora_mm.datasets.samplers.shuffled_indices import ShuffledIndices
from aurora_mm.datasets.seeded_index import SeededIndex
from aurora_mm.errors import ConfigError
from aurora_mm.registry import DATA_SAMPLERS

_BATCHES_OF = ('task', 'type', 'all')
_MISSED = 0.002  # of the labels: the log tells of tasks whose part is further off


@DATA_SAMPLERS.register_module()
class TaskAwareBatchSampler(Sampler[list[int]]):
    """Draws images such that every task gets the part of the labels that a policy gives it.

    Images are of one kind if they bring labels of the same tasks; where every image brings one label, a kind is a task.
    Before each epoch :func:`aurora_mm.datasets.samplers.label_shares.solve_draw` finds how often to draw each kind, so
    that the tasks' parts of all labels are the policy's probabilities. Where that cannot be (of two tasks whose labels
    always come together, both get the same), the nearest parts are taken, and the log says what they are.

    Every image slot of an epoch goes to a kind with its probability, in random order but in numbers as near to it as
    whole numbers are: batches of one task (or type) are within one batch of their expected number, images of mixed
    batches within one image. Images of a kind are drawn from shuffled indices that go on from epoch to epoch: after
    any number of epochs, every image of a kind has been drawn as often as any other of it, or once more.

    With several ranks, all of them draw from the same shuffled indices in turn, so no image goes to two ranks of a
    round (but where the indices run out and are shuffled anew).

    An epoch follows from the seed, its number, ``progress`` and ``drawn``. :class:`aurora_mm.engine.MultiTaskHook` sets
    both before each epoch and keeps them with the checkpoint, so a resumed run repeats an unbroken one. A loop without
    that hook calls :meth:`set_progress` itself; until someone has, the sampler refuses to draw.

    Each index brings a seed, made of the run's seed, the epoch and the slot, by which the data sets of this package
    augment the image (:class:`aurora_mm.datasets.seeded_index.SeededIndex`): the number of workers changes nothing.

    Args:
        sampler: MMEngine's sampler over the data set; it holds the data set, the seed and the epoch.
        batch_size: Images of a batch, on each rank.
        policy: Config of the sampling policy; the published one by default.
        batches_of: What the images of a batch share: the tasks of their labels ('task', published), the types of these
            tasks ('type'), or nothing ('all').
        num_batches: Batches an epoch, on each rank; by default the number of labels / images of a batch on all ranks,
            rounded up.
        max_factor: Where images bring several labels, limits how unevenly images are drawn for the sake of the shares:
            one is drawn at least 1 / ``max_factor`` times, and at most ``max_factor`` times, as often as it would be
            for one of its tasks if labels came one at a time.

    Attributes:
        drawn (dict[str, int]): Images of each kind drawn to all ranks in the epochs so far; a kind is named after its
            tasks, with commas between them.

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
        max_factor: float = 2.0,
        drop_last: bool = False,
    ) -> None:
        dataset = sampler.dataset
        if not hasattr(dataset, 'indices_by_task'):
            raise ConfigError(f'TaskAwareBatchSampler needs a data set of tasks; {type(dataset).__name__} is none')
        if drop_last:
            raise ConfigError('TaskAwareBatchSampler fills every batch: drop_last means nothing to it')
        if batches_of not in _BATCHES_OF:
            raise ConfigError(f'batches_of {batches_of!r} is none of {", ".join(_BATCHES_OF)}')
        if not max_factor >= 1:
            raise ConfigError(f'max_factor {max_factor} must be at least 1')
        self.sampler = sampler
        self.batch_size = batch_size
        self.policy: SamplingPolicy = LossAwarePolicy() if policy is None else DATA_SAMPLERS.build(policy)
        self.batches_of = batches_of
        rows = dataset.indices_by_task()
        self.progress = {name: TaskProgress(name, dataset.tasks[name].type, len(rows[name])) for name in rows}
        kinds = indices_by_kind(dataset)
        self._labels = label_matrix(list(rows), list(kinds))
        self._images = np.array([len(indices) for indices in kinds.values()])
        self._groups = _group(list(kinds), {name: task.type for name, task in self.progress.items()}, batches_of)
        self.max_factor = max_factor
        names = [', '.join(kind) for kind in kinds]
        self.indices_of = {
            name: ShuffledIndices(name, indices, sampler.seed)
            for name, indices in zip(names, kinds.values(), strict=True)
        }
        self.drawn = dict.fromkeys(names, 0)
        self._knows_progress = False
        self.rank, self.world_size = get_dist_info()
        total = sum(task.images for task in self.progress.values())
        self.num_batches = num_batches or math.ceil(total / (batch_size * self.world_size))

    def set_progress(self, losses: Mapping[str, float | None], scores: Mapping[str, float | None]) -> None:
        """Set what the policy goes by from the next epoch on. Logs the shares of labels that cannot be met.

        Args:
            losses: Running mean of each task's loss. scores: Primary score of each task's last validation. A task
                without one yet has None, or is absent.
        """
        self._knows_progress = True
        self.progress = {
            name: TaskProgress(name, task.type, task.images, losses.get(name), scores.get(name))
            for name, task in self.progress.items()
        }
        wanted, reached = self._wanted(), self.probabilities()
        missed = [
            f'{name} {reached[name]:.3f} for {share:.3f}'
            for name, share in zip(self.progress, wanted.tolist(), strict=True)
            if abs(reached[name] - share) > _MISSED
        ]
        if missed:
            print_log(
                'images bring labels of several tasks, so the parts of the labels that the policy gives are not met: '
                f'{", ".join(missed)}',
                logger='current',
            )

    def probabilities(self) -> dict[str, float]:
        """The part of the labels that each task with images gets, summing to 1."""
        return dict(zip(self.progress, label_shares(self._labels, self._solve()).tolist(), strict=True))

    def _wanted(self) -> np.ndarray:
        return self.policy.probabilities(list(self.progress.values()))

    def _solve(self) -> np.ndarray:
        return solve_draw(self._labels, self._images, self._wanted(), self.max_factor)

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        if not self._knows_progress:
            raise ConfigError(
                f'TaskAwareBatchSampler with {type(self.policy).__name__} does not know where the run stands: add '
                "default_hooks=dict(multi_task=dict(type='MultiTaskHook')) to the config, or call its set_progress in "
                'a training loop of your own'
            )
        names = list(self.indices_of)
        drawn = dict(self.drawn)
        epoch = self._draw_kinds().reshape(self.num_batches, self.world_size, self.batch_size)
        for number, batches in enumerate(epoch.tolist()):
            mine: list[int] = []
            for rank, batch in enumerate(batches):
                for slot, name in enumerate(names[i] for i in batch):
                    if rank == self.rank:
                        place = (number * self.world_size + rank) * self.batch_size + slot
                        seed = (self.sampler.seed, self.sampler.epoch, place)
                        mine.append(SeededIndex(self.indices_of[name][drawn[name]], seed))
                    drawn[name] += 1
            yield mine
        self.drawn = drawn

    def _draw_kinds(self) -> np.ndarray:
        """(batches of all ranks, batch_size) the number of each slot's kind of image."""
        rng = np.random.default_rng((self.sampler.seed, self.sampler.epoch))
        p, groups = self._solve(), self._groups
        group_of_batch = _systematic([p[group].sum() for group in groups], self.num_batches * self.world_size, rng)
        kinds = np.empty((len(group_of_batch), self.batch_size), dtype=np.int64)
        for number, group in enumerate(groups):
            batches = np.flatnonzero(group_of_batch == number)
            drawn = _systematic(p[group], len(batches) * self.batch_size, rng)
            kinds[batches] = group[drawn].reshape(-1, self.batch_size)
        return kinds


def _group(kinds: list[tuple[str, ...]], types: Mapping[str, str], batches_of: str) -> list[np.ndarray]:
    """The numbers of the kinds of images that may share a batch, for each group of them."""
    shared = {
        'task': lambda kind: kind,
        'type': lambda kind: frozenset(types[name] for name in kind),
        'all': lambda kind: '',
    }[batches_of]
    keys = [shared(kind) for kind in kinds]
    return [np.flatnonzero([key == other for other in keys]) for key in dict.fromkeys(keys)]


def _systematic(weights: np.ndarray | list[float], size: int, rng: np.random.Generator) -> np.ndarray:
    """(size,) draws in random order, each with its probability, and in numbers within one of the expected.

    Systematic sampling: evenly spaced points behind one random start, on the line that the weights divide.
    """
    edges = np.cumsum(weights)
    points = (np.arange(size) + rng.random()) / size * edges[-1] if size else np.empty(0)
    drawn = np.searchsorted(edges, points, side='right').clip(max=len(edges) - 1)
    rng.shuffle(drawn)
    return drawn
