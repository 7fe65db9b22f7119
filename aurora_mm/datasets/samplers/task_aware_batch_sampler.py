"""The batch sampler for training on several tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
from mmengine.dataset import DefaultSampler
from mmengine.dist import get_dist_info
from mmengine.logging import print_log
from torch.utils.data import Sampler

from aurora_mm.datasets.image_kinds import indices_by_kind
from aurora_mm.datasets.item_shards import item_shards
from aurora_mm.datasets.samplers.label_shares import label_matrix, label_shares, solve_draw
from aurora_mm.datasets.samplers.policies import LossAwarePolicy, SamplingPolicy, TaskProgress
from aurora_mm.datasets.samplers.shuffled_indices import ShuffledIndices
from aurora_mm.datasets.seeded_index import SeededIndex
from aurora_mm.datasets.task_dataset_wrapper import require_tasks
from aurora_mm.errors import ConfigError
from aurora_mm.registry import DATA_SAMPLERS

_BATCHES_OF = ('task', 'type', 'all')
_MISSED = 0.002  # share of the labels; larger deviations from the wanted shares are logged


@DATA_SAMPLERS.register_module()
class TaskAwareBatchSampler(Sampler[list[int]]):
    """Batch sampler that gives every task the share of the labels that a sampling policy decides.

    Images are of one kind if they have labels of the same tasks. If every image has one label, a kind is a task. Before
    each epoch, :func:`aurora_mm.datasets.samplers.label_shares.solve_draw` computes how often to draw each kind, so
    that the shares of the tasks in all labels are the probabilities of the policy. These shares may not be possible,
    for example if all images with a label of one task have a label of another one. Then the closest possible shares
    are used and logged.

    The kinds of an epoch are drawn by systematic sampling and shuffled, so their numbers differ from the expected
    numbers by less than one: one batch if a batch is of one task or type, one image otherwise. The images of a kind are
    drawn without replacement until all of them were used, also across epochs, so that the numbers of draws of two
    images of a kind never differ by more than one.

    In distributed training, all ranks take images from the same sequences. Two ranks do not get the same image in the
    same step, unless a sequence is shuffled again in that step. A run can go on with another number of ranks and the
    same images in each step, see :meth:`keep_batches`.

    An epoch is determined by the seed, its number, ``progress`` and ``drawn``. :class:`aurora_mm.engine.MultiTaskHook`
    sets ``progress`` and ``drawn`` before each epoch and stores them in checkpoints, so that a resumed run draws the
    same images as an uninterrupted one. A training loop without this hook must call :meth:`set_progress` itself.

    Each index has its own random seed for augmentation (see :class:`aurora_mm.datasets.seeded_index.SeededIndex`), made
    of the seed of the run, the epoch and the position. The result does not depend on the number of workers.

    Args:
        sampler: MMEngine's sampler, which has the data set, the seed and the epoch.
        batch_size: Number of images in a batch, on each rank.
        policy: Config of the sampling policy, by default :class:`LossAwarePolicy`.
        batches_of: Which images may be in the same batch: those with labels of the same tasks (``'task'``, as in
            AURORA), of the same task types (``'type'``), or all (``'all'``).
        num_batches: Number of batches in an epoch, on each rank. By default the number of labels divided by the
            number of images that all ranks use in a step, rounded up.
        max_factor: Limits how unevenly images are drawn if images have several labels. At least 1. See
            :func:`~aurora_mm.datasets.samplers.label_shares.solve_draw`.
        shard_window: Number of shards of each kind whose images are drawn together, before those of the next shards
            are. The shards that are needed at the same time then fit into a small cache. Each image is drawn as often
            as without it. None draws from all shards.
        drop_last: Must be False, because every batch is full.

    Attributes:
        drawn (dict[str, int]): Number of images of each kind that all ranks drew in the epochs so far. A kind is named
            by its tasks, separated by commas.
        drawn_for (tuple[int, int]): Numbers of ranks and of images on each rank for which batches are drawn. All ranks
            together use their product in a step.
        skip (int): Number of batches that the next epoch leaves out at its beginning, because an interrupted run has
            used them; set to 0 when it has begun.

    Raises:
        ConfigError: If the data set is not one of tasks, or an argument is not valid. Also when an epoch starts before
            :meth:`set_progress` was called.
    """

    required_hooks = ('DistSamplerSeedHook',)  # sets the epoch

    def __init__(
        self,
        sampler: DefaultSampler,
        batch_size: int,
        policy: dict[str, Any] | None = None,
        batches_of: str = 'task',
        num_batches: int | None = None,
        max_factor: float = 2.0,
        shard_window: int | None = None,
        drop_last: bool = False,
    ) -> None:
        dataset = sampler.dataset
        require_tasks(dataset, 'TaskAwareBatchSampler')
        if drop_last:
            raise ConfigError('TaskAwareBatchSampler fills every batch: drop_last means nothing to it')
        if batches_of not in _BATCHES_OF:
            raise ConfigError(f'batches_of {batches_of!r} is none of {", ".join(_BATCHES_OF)}')
        if not max_factor >= 1:
            raise ConfigError(f'max_factor {max_factor} must be at least 1')
        if num_batches is not None and num_batches < 1:
            raise ConfigError(f'num_batches {num_batches} must be at least 1')
        self.sampler = sampler
        self.batch_size = batch_size
        self.policy: SamplingPolicy = LossAwarePolicy() if policy is None else DATA_SAMPLERS.build(policy)
        self.batches_of = batches_of
        if shard_window is not None and shard_window < 1:
            raise ConfigError(f'shard_window {shard_window} must be at least 1')
        items = dataset.indices_by_task()
        self.progress = {name: TaskProgress(name, dataset.tasks[name].type, len(items[name])) for name in items}
        kinds = indices_by_kind(dataset)
        self._labels = label_matrix(list(items), list(kinds))
        self._images = np.array([len(indices) for indices in kinds.values()])
        self._groups = _group(list(kinds), {name: task.type for name, task in self.progress.items()}, batches_of)
        self.max_factor = max_factor
        names = [', '.join(kind) for kind in kinds]
        shards = None if shard_window is None else item_shards(dataset, 'shard_window')
        self.indices_of = {
            name: ShuffledIndices(
                name, indices, sampler.seed, None if shards is None else shards[indices], shard_window or 1
            )
            for name, indices in zip(names, kinds.values(), strict=True)
        }
        self.drawn = dict.fromkeys(names, 0)
        self._knows_progress = False
        self.rank, self.world_size = get_dist_info()
        self.skip = 0
        self._given_batches = num_batches
        self.drawn_for = (self.world_size, batch_size)
        self.num_batches = self._count_batches()

    def set_progress(self, losses: Mapping[str, float | None], scores: Mapping[str, float | None]) -> None:
        """Set the progress of the tasks, which the policy uses from the next epoch on.

        Logs the wanted shares of labels that are not possible.

        Args:
            losses: Running mean of each task's loss. Tasks without a loss may be None or absent.
            scores: Primary score of each task's last validation, in [0, 1]. Tasks without one may be None or absent.
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
                'images bring labels of several tasks, so the shares of the labels that the policy gives are not met: '
                f'{", ".join(missed)}',
                logger='current',
            )

    def keep_batches(self, ranks: int, batch_size: int) -> None:
        """Draw the batches that a run on another number of ranks draws, and share the images of a step anew.

        All images, their order and their augmentation stay as they were. A rank's share of a step may then have more,
        or only a part, of the batches that one rank had.

        Args:
            ranks: Number of ranks of the other run.
            batch_size: Number of images on each of them.

        Raises:
            ConfigError: If the ranks of this run cannot get equal shares.
        """
        images = ranks * batch_size
        if images % self.world_size:
            raise ConfigError(
                f'the run takes {images} images a step, and {self.world_size} ranks cannot share them equally: take a '
                f'number of ranks that divides {images}, or set another train_dataloader.batch_size'
            )
        self.drawn_for = (ranks, batch_size)
        self.num_batches = self._count_batches()

    def _count_batches(self) -> int:
        total = sum(task.images for task in self.progress.values())
        return self._given_batches or math.ceil(total / math.prod(self.drawn_for))

    def probabilities(self) -> dict[str, float]:
        """Return the share of the labels that each task with images gets. The shares sum to 1."""
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
        skip, self.skip = self.skip, 0
        images = math.prod(self.drawn_for)
        share = images // self.world_size
        own = range(self.rank * share, (self.rank + 1) * share)
        epoch = self._draw_kinds().reshape(self.num_batches, images)
        for number, kinds in enumerate(epoch.tolist()):
            mine: list[int] = []
            for slot, name in enumerate(names[kind] for kind in kinds):
                if slot in own and number >= skip:
                    seed = (self.sampler.seed, self.sampler.epoch, number * images + slot)
                    mine.append(SeededIndex(self.indices_of[name][drawn[name]], seed))
                drawn[name] += 1
            if number >= skip:
                yield mine
        self.drawn = drawn

    def _draw_kinds(self) -> np.ndarray:
        """Draw (batches of all ranks, images on a rank) indices of kinds, one for each image of an epoch."""
        rng = np.random.default_rng((self.sampler.seed, self.sampler.epoch))
        p, groups = self._solve(), self._groups
        ranks, batch_size = self.drawn_for
        group_of_batch = _systematic([p[group].sum() for group in groups], self.num_batches * ranks, rng)
        kinds = np.empty((len(group_of_batch), batch_size), dtype=np.int64)
        for number, group in enumerate(groups):
            batches = np.flatnonzero(group_of_batch == number)
            drawn = _systematic(p[group], len(batches) * batch_size, rng)
            kinds[batches] = group[drawn].reshape(-1, batch_size)
        return kinds


def _group(kinds: list[tuple[str, ...]], types: Mapping[str, str], batches_of: str) -> list[np.ndarray]:
    """Return groups of the indices of kinds whose images may be in the same batch."""
    rules: dict[str, Callable[[tuple[str, ...]], Hashable]] = {
        'task': lambda kind: kind,
        'type': lambda kind: frozenset(types[name] for name in kind),
        'all': lambda kind: '',
    }
    keys = [rules[batches_of](kind) for kind in kinds]
    return [np.flatnonzero([key == other for other in keys]) for key in dict.fromkeys(keys)]


def _systematic(weights: np.ndarray | list[float], size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw indices by systematic sampling, in random order.

    Each index is drawn as often as its weight says, rounded up or down.

    Args:
        weights: Weight of each index.
        size: Number of draws.
        rng: Random number generator.

    Returns:
        (size,) indices.
    """
    edges = np.cumsum(weights)
    points = (np.arange(size) + rng.random()) / size * edges[-1] if size else np.empty(0)
    drawn = np.searchsorted(edges, points, side='right').clip(max=len(edges) - 1)
    rng.shuffle(drawn)
    return drawn
