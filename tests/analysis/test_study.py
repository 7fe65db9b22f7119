from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from aurora_mm.analysis.search_space import Choices, Range, as_options, read_search_space
from aurora_mm.analysis.settings_file import SETTINGS_FILE
from aurora_mm.errors import ConfigError, DataError
from tests.fixtures.verbs import LONG
from tests.test_chain import folder  # noqa: F401  folder is a fixture

optuna = pytest.importorskip('optuna')

from aurora_mm.analysis.study import Study  # noqa: E402


def test_a_space_is_read_without_running_anything():
    space = read_search_space(
        ['a.lr=log:1e-5..1e-3', 'a.n=2..5', 'b=0.5..1', 'c=1,2,1', 'e=1,1.0,True,1', "d=x,None,True,__import__('os')"]
    )
    assert space == {
        'a.lr': Range(1e-5, 1e-3, log=True),
        'a.n': Range(2, 5),
        'b': Range(0.5, 1),
        'c': Choices((1, 2)),
        'e': Choices((1, 1.0, True)),
        'd': Choices(('x', None, True, "__import__('os')")),
    }
    trial = optuna.trial.FixedTrial({'a.n': 3, 'b': 0.75})
    assert isinstance(space['a.n'].suggest(trial, 'a.n'), int)
    assert space['b'].suggest(trial, 'b') == 0.75
    assert as_options({'a.lr': 0.001, 'd': None}) == ['a.lr=0.001', 'd=None']


@pytest.mark.parametrize(
    'text', ['a', '=1', 'a=', 'a=log:1,2', 'a=2..1', 'a=1..1', 'a=log:0..1', 'a=x..y', 'a=True..2', 'a=1..nan', 'a=1..']
)
def test_what_is_no_space_is_refused_with_its_text(text):
    with pytest.raises(ConfigError, match='--vary'):
        read_search_space([text])


def test_a_key_occurs_once():
    with pytest.raises(ConfigError, match='a is there twice'):
        read_search_space(['a=1', 'a=2'])


SPACE = read_search_space(['lr=log:1e-4..1e-1', 'width=4,8,16'])


class Killed(Exception):
    """In the place of a signal."""


class Trainings:
    """Gives each run a score that depends on its settings alone, and can be killed before a run."""

    def __init__(self, most=None, failing=()):
        self.most, self.failing, self.made = most, failing, []

    def __call__(self, runs):
        failed = []
        for run in runs:
            if run.finished:
                continue
            if self.most is not None and len(self.made) >= self.most:
                raise Killed
            self.made.append((run.folder.parent.name, run.seed))
            if run.folder.parent.name in self.failing:
                failed.append(run)
                continue
            options = dict(option.split('=') for option in run.options)
            score = 0.5 - abs(float(options.get('lr', 0.3)) - 0.01) - 0.01 * run.seed
            means = dict(task_mean=score, score=score)
            content = dict(tasks=dict(a=dict(primary=score)), types=dict(segmentation=score), intervals={}, **means)
            file = run.folder / 'test/metrics.json'
            file.parent.mkdir(parents=True)
            file.write_text(json.dumps(content))
        return failed


def make(out, tmp_path, space=SPACE, seeds=(0, 1), **kwargs):
    return Study(tmp_path / 'config.py', space, seeds, out, **kwargs)


def test_a_study_that_was_killed_ends_as_an_unbroken_one(tmp_path):
    unbroken = make(tmp_path / 'a', tmp_path)
    every = Trainings()
    assert unbroken.run(6, 2, every) == []
    assert len(every.made) == 2 * (1 + 6)
    with pytest.raises(Killed):
        make(tmp_path / 'b', tmp_path).run(6, 2, Trainings(most=7))
    again = make(tmp_path / 'b', tmp_path)
    rest = Trainings()
    again.run(6, 2, rest)
    assert len(rest.made) == 2 * (1 + 6) - 7, 'no run is made twice'
    assert again.to_json() == unbroken.to_json()
    assert again.table() == unbroken.table()
    assert again.best_options() == unbroken.best_options()
    make(tmp_path / 'b', tmp_path).run(6, 2, Trainings(most=0))  # nothing is left to do


def test_no_trial_is_made_where_the_config_as_it_is_fails(tmp_path):
    study, trainings = make(tmp_path / 'a', tmp_path), Trainings(failing={'as_it_is'})
    assert [run.seed for run in study.run(6, 2, trainings)] == [0, 1]
    assert len(trainings.made) == 2
    assert study.run(6, 2, Trainings()) == [], 'the mistake was mended'
    assert study.best_options()


def test_the_best_stands_first_and_is_named(tmp_path):
    study = make(tmp_path / 'a', tmp_path)
    study.run(5, 2, Trainings())
    rows = study.rows()
    assert rows[0].name == 'as_it_is'
    scores = [row.mean('score') for row in rows[1:]]
    assert scores == sorted(scores, reverse=True) and len(scores) == 5
    trials = {trial['name']: trial for trial in json.loads(study.to_json())}
    best = trials[rows[1].name]
    assert best['score'] == pytest.approx(scores[0])
    assert study.best_options() == as_options(best['settings'])
    assert study.table().splitlines()[2].startswith(f'| {rows[1].name} |')
    assert study.summary() == f'best: --cfg-options {" ".join(study.best_options())} (score {best["score"]:.4f})'


def test_a_config_that_is_better_than_all_trials_is_named_the_best(tmp_path):
    study = make(tmp_path / 'a', tmp_path, space=read_search_space(['lr=0.4,0.5']))
    assert study.summary() == 'no trial is finished'
    study.run(2, 1, Trainings())
    assert study.summary().startswith('best: the config as it is (score ')
    assert '; best trial: --cfg-options lr=0.' in study.summary()


def test_a_failed_trial_has_no_value_and_is_not_proposed_again(tmp_path):
    study = make(tmp_path / 'a', tmp_path)
    failed = study.run(3, 1, Trainings(failing={'trial_001'}))
    assert [(run.folder.parent.name, run.seed) for run in failed] == [('trial_001', 0), ('trial_001', 1)]
    assert [trial['state'] for trial in json.loads(study.to_json())] == ['complete', 'fail', 'complete']
    assert 'trial_001' not in study.table()


def test_seeds_alone(tmp_path):
    study = make(tmp_path / 'a', tmp_path, space={}, seeds=(0, 1, 2))
    study.run(5, 2, Trainings())
    (row,) = study.rows()
    assert row.seeds == [0, 1, 2]
    assert study.best_options() == []


@pytest.mark.parametrize('text', ['garbage\n', '\0\n', '[]\n', '5\n', '{"op_code": 99, "worker_id": "x"}\n', '{"op_c'])
def test_a_damaged_journal_is_named(tmp_path, text):
    (tmp_path / 'study').mkdir()
    (tmp_path / 'study/study.log').write_text(text)
    with pytest.raises(DataError, match=r'study\.log(, row 1)?: is no journal of a study, or damaged'):
        make(tmp_path / 'study', tmp_path)
    assert (tmp_path / 'study/study.log').read_text() == text


def test_numbers_that_make_no_study(tmp_path):
    with pytest.raises(ConfigError, match=r'must be different, and at least one, not \[0, 0\]'):
        make(tmp_path / 'study', tmp_path, seeds=(0, 0))
    for numbers in ((0, 1), (-1, 1), (1, 0)):
        with pytest.raises(ConfigError, match='at least one trial, and one at once'):
            make(tmp_path / 'study', tmp_path).run(*numbers, Trainings())


def test_another_study_in_the_folder_is_refused(tmp_path):
    out, data = tmp_path / 'a', {'--data-root': '/data/a'}
    make(out, tmp_path, seeds=(4,))  # without a trial, nothing depends on what was asked
    with pytest.raises(Killed):
        make(out, tmp_path, settings=data).run(2, 1, Trainings(most=2))
    assert not list(out.rglob('trial_000/*')), 'no run of a trial has begun'
    for other, message in (
        (dict(space=read_search_space(['lr=1,2'])), r'--vary lr=Range\(.*, not lr=Choices'),
        (dict(seeds=(4,)), r'--seeds 0 1, not 4,'),
        (dict(settings={'--data-root': '/data/b'}), '--data-root /data/a, not /data/b'),
    ):
        with pytest.raises(ConfigError, match=f'{out} holds runs with {message}'):
            make(out, tmp_path, **(dict(settings=data) | other))
    settings = json.loads((out / SETTINGS_FILE).read_text())
    assert settings.keys() == {'the config', '--vary', '--seeds', '--data-root'}
    make(out, tmp_path, settings=data)


@pytest.mark.slow
def test_the_verb_is_killed_and_goes_on(folder, tmp_path):  # noqa: F811
    out = tmp_path / 'out'
    command = [sys.executable, '-m', 'aurora_mm', 'study', folder / 'config.py', '--data-root', folder / 'data']
    command += ['--tasks', folder / 'tasks.py', '--out', out, '--trials', '1', '--jobs', '1', '--vary']
    command += ['optim_wrapper.optimizer.weight_decay=log:1e-3..1e-1']
    command = list(map(str, command))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + LONG
    while not (out / 'trial_000/seed_0/last_checkpoint').exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, 'no checkpoint in time'
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LONG)
    assert process.returncode == 143
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'best: --cfg-options optim_wrapper.optimizer.weight_decay=' in done.stdout
    assert {'ablation.md', 'ablation.json', 'study.md', 'study.json', 'compare.png'} <= {f.name for f in out.iterdir()}
