"""Search for settings of a config with Optuna."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurora_mm.analysis.ablation import AblationRun
from aurora_mm.analysis.ablation_table import AblationRow
from aurora_mm.analysis.search_space import Choices, Range, as_options
from aurora_mm.analysis.settings_file import absolute, keep_settings
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tables import markdown_table

if TYPE_CHECKING:
    import optuna
    from optuna.storages import JournalStorage

AS_IT_IS = 'as_it_is'  # name of the runs without changed settings
FILE = 'study.log'  # Optuna's journal

RunAll = Callable[[Sequence[AblationRun]], list[AblationRun]]


class Study:
    """Trains a config with settings that Optuna proposes, each with several seeds.

    First the config is trained as it is. Then trials are made in rounds of ``at_once``; the value of a trial is the
    mean ``score`` of its seeds, and settings are proposed by the tree-structured Parzen estimator (Bergstra et al.
    2011, https://papers.nips.cc/paper/4443). All results are in the folder, in Optuna's journal and in the folders of
    the runs, and the same study, started again, goes on there. Proposals depend on the seed and the results so far.

    Args:
        config: File of the config.
        space: Values by key of ``--cfg-options``; without any, the study only has the runs of the config as it is.
        seeds: Seeds of each trial.
        out: Folder of the study.
        seed: Seed of the proposals.
        settings: What else all runs have in common, see :func:`aurora_mm.analysis.settings_file.keep_settings`.

    Raises:
        ConfigError: If the folder holds another study, or a seed is there twice.
        DataError: If the journal or the settings of the study are damaged.
    """

    def __init__(
        self,
        config: Path,
        space: dict[str, Choices | Range],
        seeds: Sequence[int],
        out: Path,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        import optuna

        if len(set(seeds)) != len(seeds) or not seeds:
            raise ConfigError(f'the seeds of a study must be different, and at least one, not {list(seeds)}')
        self.config, self.space, self.seeds, self.out, self.seed = config, space, list(seeds), Path(out), seed
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.out.mkdir(parents=True, exist_ok=True)
        storage = _storage(self.out / FILE)
        self._study = optuna.create_study(
            storage=storage, study_name='aurora_mm', direction='maximize', load_if_exists=True
        )
        asked = {
            'the config': absolute(config),
            '--vary': sorted(f'{key}={values!r}' for key, values in space.items()),
            '--seeds': self.seeds,
        }
        keep_settings(self.out, asked | dict(settings or {}), begun=bool(self._trials()))

    def run(self, trials: int, at_once: int, run_all: RunAll) -> list[AblationRun]:
        """Make trials until there are as many as asked for.

        Args:
            trials: Number of trials, with those of earlier starts.
            at_once: Number of trials of a round, none of which knows the results of the others.
            run_all: Trains and tests runs, and returns those that failed.

        Returns:
            The runs that failed. If all runs of the config as it is failed, no trial is made.

        Raises:
            ConfigError: If there are no trials, in all or in a round.
        """
        if trials < 1 or at_once < 1:
            raise ConfigError(f'a study makes at least one trial, and one at once, not {trials} and {at_once}')
        failed = run_all(self._runs(AS_IT_IS, {}))
        if len(failed) == len(self.seeds):
            return failed  # what fails with every seed fails in the trials too
        while pending := self._next_round(trials, at_once):
            runs = {trial.number: self._runs(_name(trial.number), trial.params) for trial in pending}
            failed += run_all([run for of_trial in runs.values() for run in of_trial])
            for number, of_trial in runs.items():
                self._tell(number, of_trial)
        return failed

    def rows(self) -> list[AblationRow]:
        """Read the results: of the config as it is, then of the trials, the best first."""
        names = [_name(trial.number) for trial in self._trials()]
        rows = [AblationRow.read(self.out / name) for name in names]
        rows.sort(key=lambda row: -(row.mean('score') or 0.0))
        return [AblationRow.read(self.out / AS_IT_IS), *rows]

    def table(self) -> str:
        """Format a Markdown table of the settings and scores of all finished trials, the best first."""
        scored = [(trial.value, trial) for trial in self._trials('COMPLETE') if trial.value is not None]
        cells = [
            [_name(trial.number), *(_short(trial.params[key]) for key in self.space), f'{score:.4f}']
            for score, trial in sorted(scored, key=lambda pair: -pair[0])
        ]
        return markdown_table(['trial', *self.space, 'score'], cells)

    def best_options(self) -> list[str]:
        """Return the settings of the best trial as texts for ``--cfg-options``; none if no trial is finished."""
        return as_options(self._study.best_trial.params) if self._trials('COMPLETE') else []

    def summary(self) -> str:
        """Say in a line which settings are best; those of the config as it is may be."""
        options = self.best_options()
        if not options:
            return 'no trial is finished'
        score, before = self._study.best_value, AblationRow.read(self.out / AS_IT_IS).mean('score')
        best = f'--cfg-options {" ".join(options)} (score {score:.4f})'
        if before is not None and before >= score:
            return f'best: the config as it is (score {before:.4f}); best trial: {best}'
        return f'best: {best}'

    def _next_round(self, trials: int, at_once: int) -> list[optuna.trial.FrozenTrial]:
        """Return the trials to make now: those that an earlier start left, or else new ones."""
        import optuna

        left = self._trials('RUNNING')
        if left or not self.space:
            return left
        begun = len(self._trials())
        # A sampler of its own for each round, so that a study that is started again proposes what it would have.
        self._study.sampler = optuna.samplers.TPESampler(
            seed=self.seed + begun, n_startup_trials=min(10, max(trials // 3, 1)), constant_liar=True
        )
        for _ in range(min(at_once, trials - begun)):
            trial = self._study.ask()
            for key, values in self.space.items():
                values.suggest(trial, key)
        return self._trials('RUNNING')

    def _trials(self, *states: str) -> list[optuna.trial.FrozenTrial]:
        """Return the trials in some states, by default in any."""
        import optuna

        wanted = [optuna.trial.TrialState[state] for state in states] or None
        return self._study.get_trials(deepcopy=False, states=wanted)

    def _runs(self, name: str, settings: dict[str, Any]) -> list[AblationRun]:
        return [AblationRun(self.config, seed, self.out, name, tuple(as_options(settings))) for seed in self.seeds]

    def _tell(self, number: int, runs: Sequence[AblationRun]) -> None:
        import optuna

        if all(run.finished for run in runs):
            self._study.tell(number, AblationRow.read(runs[0].folder.parent).mean('score'))
        else:
            self._study.tell(number, state=optuna.trial.TrialState.FAIL)

    def to_json(self) -> str:
        """Format the settings and values of all trials as JSON."""
        trials = [
            dict(name=_name(trial.number), state=trial.state.name.lower(), settings=trial.params, score=trial.value)
            for trial in self._trials()
        ]
        return json.dumps(trials, indent=2)


def _storage(file: Path) -> JournalStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if file.exists():
        _check_journal(file)
    try:
        # Optuna reads the lines without checking what they are.
        return JournalStorage(JournalFileBackend(str(file)))
    except (ValueError, TypeError, KeyError, AssertionError) as error:
        raise DataError(f'is no journal of a study, or damaged ({error}); give another folder', file=file) from error


def _check_journal(file: Path) -> None:
    """Check that each line is whole: Optuna would write behind a line that is not, and then read neither."""
    with file.open('rb') as lines:
        for number, line in enumerate(lines, 1):
            try:
                is_whole = line.endswith(b'\n') and 'op_code' in json.loads(line)
            except (ValueError, TypeError):
                is_whole = False
            if not is_whole:
                raise DataError(
                    'is no journal of a study, or damaged in this line; remove the line if it is the last one, or give '
                    'another folder',
                    file=file,
                    row=number,
                )


def _name(number: int) -> str:
    return f'trial_{number:03d}'


def _short(value: Any) -> str:
    return f'{value:.4g}' if isinstance(value, float) else str(value)
