"""Search for fixed loss weights by successive halving."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process

from aurora_mm.apis import build_runner, last_checkpoint
from aurora_mm.engine.hooks.resume_validation_hook import VALIDATED_EPOCH
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation.metrics.result_row import is_number
from aurora_mm.files import write_text
from aurora_mm.json_files import read_json_value
from aurora_mm.tables import markdown_table


@dataclass
class Trial:
    """One set of weights with its scores so far.

    Args:
        name: Name of the trial and of its folder.
        factors: Weight by task type, with a geometric mean of 1.
        scores: ``score`` of the validation after each stage, by the last epoch of the stage.
    """

    name: str
    factors: dict[str, float]
    scores: dict[int, float] = field(default_factory=dict)


class WeightSearch:
    """Trains a config with random weights of the task types, and continues only the best of them.

    This is successive halving (Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943).

    A trial is continued from its checkpoint, with the full schedule of the learning rate. Results are written to
    ``search.json`` after every training, and the same search, started again, continues from there.

    Args:
        cfg: A resolved config (see :func:`aurora_mm.apis.resolve_config`) that trains by epochs.
        out_dir: Folder of the trials and results.
        trials: Number of trials; all weights of the first are 1.
        epochs: The epochs after which trials are compared, ascending; a single one is a random search.
        keep: Fraction of the trials that continue after each of these epochs.
        spread: Weights are drawn log-uniformly from ``[1 / spread, spread]`` before they are normalised.
        seed: Seed of the weights.

    Raises:
        ConfigError: If the epochs are not within those of the config, there are no trials or none is kept, or
            ``search.json`` belongs to another search.
        DataError: If ``search.json`` is damaged.
    """

    def __init__(
        self,
        cfg: Config,
        out_dir: str | Path,
        trials: int = 9,
        epochs: Sequence[int] = (),
        keep: float = 1 / 3,
        spread: float = 4.0,
        seed: int = 0,
    ) -> None:
        longest = cfg.train_cfg.max_epochs
        self.epochs = sorted({*(epochs or [max(longest // 9, 1), max(longest // 3, 1), longest])})
        if self.epochs[0] < 1 or self.epochs[-1] > longest:
            raise ConfigError(f'stages end after epochs {self.epochs}, but the config trains for {longest}')
        if trials < 1 or not 0 < keep <= 1:
            raise ConfigError(
                f'a search has at least one trial, and keeps more than 0 and at most 1, not {trials}, {keep}'
            )
        self.cfg = cfg
        self.out_dir = Path(out_dir)
        self.keep = keep
        self.trials = self._load(_draw(sorted({task['type'] for task in cfg.tasks}), trials, spread, seed))

    def run(self, train: Callable[[Config, int], float] | None = None) -> Trial:
        """Train all stages.

        Args:
            train: Trains a config up to the end of an epoch and returns the score; by default MMEngine's runner.

        Returns:
            The best trial of the last stage.
        """
        train = train or train_until
        going = self.trials
        for epoch in self.epochs:
            for trial in going:
                if epoch not in trial.scores:
                    trial.scores[epoch] = train(self._config(trial, epoch), epoch)
                    self._save()
            going = sorted(going, key=lambda trial: -trial.scores[epoch])
            if epoch != self.epochs[-1]:
                going = going[: math.ceil(len(going) * self.keep)]
        return going[0]

    def table(self) -> str:
        """Format a Markdown table of all trials, sorted by number of stages, then by score."""
        types = list(self.trials[0].factors)
        heads = ['trial', *types, *(f'score, epoch {epoch}' for epoch in self.epochs)]
        order = sorted(self.trials, key=lambda trial: [-trial.scores.get(epoch, -1) for epoch in self.epochs[::-1]])
        rows = []
        for trial in order:
            scores = [f'{trial.scores[epoch]:.3f}' if epoch in trial.scores else '-' for epoch in self.epochs]
            rows.append([trial.name, *(f'{trial.factors[t]:.3g}' for t in types), *scores])
        return markdown_table(heads, rows)

    def _config(self, trial: Trial, epoch: int) -> Config:
        cfg = copy.deepcopy(self.cfg)
        cfg.model.balancer = ConfigDict(type='FixedLossBalancer', factors=trial.factors)
        cfg.work_dir = str(self.out_dir / trial.name)
        cfg.experiment_name = f'{trial.name}_epoch_{epoch}'
        cfg.default_hooks.checkpoint.interval = 1
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='StopAfterEpochHook', epoch=epoch)]
        last = last_checkpoint(cfg.work_dir)
        cfg.resume, cfg.load_from = last is not None, None if last is None else str(last)
        return cfg

    def _load(self, drawn: list[Trial]) -> list[Trial]:
        file = self.out_dir / 'search.json'
        if not file.exists():
            return drawn
        found = read_json_value(file)
        if not isinstance(found, list):
            raise DataError(f'not the results of a search: a {type(found).__name__}', file=file)
        trials = []
        for number, entry in enumerate(found):
            try:
                trials.append(_trial(entry))
            except ValueError as error:
                raise DataError(f'not the results of a search: entry {number}: {error}', file=file) from error
        if [(trial.name, trial.factors) for trial in trials] != [(trial.name, trial.factors) for trial in drawn]:
            raise ConfigError(f'{file} is of a search with other trials; give another folder')
        return trials

    def _save(self) -> None:
        if is_main_process():
            write_text(self.out_dir / 'search.json', json.dumps([asdict(trial) for trial in self.trials], indent=2))


def train_until(cfg: Config, epoch: int) -> float:
    """Train until the ``StopAfterEpochHook`` of a config stops, and return the validation score."""
    runner = build_runner(cfg)
    runner.train()
    if runner.message_hub.get_info(VALIDATED_EPOCH, 0) < runner.epoch:
        runner.val()
    return float(runner.message_hub.get_scalar('val/score').current())


def _trial(entry: Any) -> Trial:
    if not isinstance(entry, dict) or set(entry) != {known.name for known in fields(Trial)}:
        raise ValueError(f'{repr(entry)[:60]} describes no trial')
    for name in ('factors', 'scores'):
        values = entry[name]
        if not isinstance(values, dict) or not all(map(is_number, values.values())):
            raise ValueError(f'{name} is {repr(values)[:60]}, not numbers by name')
    if not all(epoch.isascii() and epoch.isdecimal() and len(epoch) < 10 for epoch in entry['scores']):
        raise ValueError(f'scores are of {list(entry["scores"])}, which are no epochs')
    # JSON has text for keys.
    return Trial(entry['name'], entry['factors'], {int(epoch): score for epoch, score in entry['scores'].items()})


def _draw(types: Sequence[str], trials: int, spread: float, seed: int) -> list[Trial]:
    rng = np.random.default_rng(seed)
    drawn = [Trial('trial_00', dict.fromkeys(types, 1.0))]
    for number in range(1, trials):
        logs = rng.uniform(-math.log(spread), math.log(spread), len(types))
        # Only ratios of weights are searched: the level of all weights acts like the learning rate.
        factors = np.exp(logs - logs.mean()).round(4).tolist()
        drawn.append(Trial(f'trial_{number:02d}', dict(zip(types, factors, strict=True))))
    return drawn
