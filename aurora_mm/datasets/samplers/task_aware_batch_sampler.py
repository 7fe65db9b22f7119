"""Which task, and which of its images, each training step sees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from aurora_mm.errors import ConfigError
from aurora_mm.registry import DATA_SAMPLERS
from aurora_mm.tasks import TaskTable


@DATA_SAMPLERS.register_module()
class TaskAwareBatchSampler(Sampler[list[int]]):
    """Draws a task for each batch (or each image) by the published loss-aware probabilities.

    ``p(task) ~ (n^size_power * (loss * scale)^loss_power + offset)^(1 / temperature)``, where n is the number of the
    task's images and ``loss`` the running mean of its loss; the loss term is 1 until losses are known.
    :class:`aurora_mm.engine.MultiTaskHook` sets the losses before every epoch.

    Within an epoch a task's images are dealt from a shuffled deck that is shuffled anew when it runs out. All of an
    epoch's draws follow from (seed, epoch, losses), so a resumed run repeats an unbroken one. With several ranks, all
    of them deal from the same decks in turn: no image goes to two ranks in the same round.

    Args:
        sampler: MMEngine's sampler over the data set; it holds the data set, the seed and the epoch.
        batch_size: Images of a batch, on each rank.
        mixed: Draw a task for every image, instead of one for the whole batch (published).
        size_power, loss_power, offset, temperature: See the formula.
        scales: Factor on the loss, by task type.
        num_batches: Batches an epoch, on each rank; by default as many as see each image once on average.
    """

    def __init__(
        self,
        sampler: Sampler,
        batch_size: int,
        mixed: bool = False,
        size_power: float = 0.5,
        loss_power: float = 1.0,
        offset: float = 1.0,
        temperature: float = 0.7,
        scales: Mapping[str, float] | None = None,
        num_batches: int | None = None,
        drop_last: bool = False,
    ) -> None:
        dataset = sampler.dataset
        if not hasattr(dataset, 'indices_by_task'):
            raise ConfigError(f'TaskAwareBatchSampler needs a data set of tasks; {type(dataset).__name__} is none')
        if drop_last:
            raise ConfigError('TaskAwareBatchSampler fills every batch: drop_last means nothing to it')
        self.sampler = sampler
        self.batch_size = batch_size
        self.mixed = mixed
        self.size_power = size_power
        self.loss_power = loss_power
        self.offset = offset
        self.temperature = temperature
        self.scales = dict(landmark=300.0) if scales is None else dict(scales)
        self.indices: dict[str, np.ndarray] = dataset.indices_by_task()
        tasks: TaskTable = dataset.tasks
        self.types = {name: tasks[name].type for name in self.indices}
        self.losses: dict[str, float | None] = {}
        self.rank, self.world_size = get_dist_info()
        total = sum(len(rows) for rows in self.indices.values())
        self.num_batches = num_batches or math.ceil(total / (batch_size * self.world_size))

    def set_losses(self, losses: Mapping[str, float | None]) -> None:
        """The running mean of each task's loss; None for a task without one yet."""
        self.losses = dict(losses)

    def probabilities(self) -> dict[str, float]:
        """p of each task that has images, summing to 1."""
        log_p = []
        for name, rows in self.indices.items():
            loss = self.losses.get(name)
            term = 1.0 if loss is None else (loss * self.scales.get(self.types[name], 1.0)) ** self.loss_power
            # In logarithms, because the power 1 / temperature of a large number may overflow.
            log_p.append(math.log(len(rows) ** self.size_power * term + self.offset) / self.temperature)
        p = np.exp(np.array(log_p) - max(log_p))
        return dict(zip(self.indices, (p / p.sum()).tolist(), strict=True))

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self.sampler.seed, self.sampler.epoch))
        names = list(self.indices)
        p = list(self.probabilities().values())
        decks = {name: _deck(self.indices[name], rng) for name in names}
        for _ in range(self.num_batches):
            batches = []
            for _rank in range(self.world_size):
                drawn = rng.choice(len(names), size=self.batch_size if self.mixed else 1, p=p)
                drawn = drawn if self.mixed else drawn.repeat(self.batch_size)
                batches.append([next(decks[names[i]]) for i in drawn])
            yield batches[self.rank]


def _deck(rows: np.ndarray, rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.permutation(rows).tolist()
