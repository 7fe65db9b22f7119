import math
from pathlib import Path

import pytest
from mmengine.config import Config

from aurora_mm.analysis.weight_search import WeightSearch
from aurora_mm.errors import ConfigError, DataError


def config(**changes):
    tasks = [
        dict(name='a', type='detection', classes=['x']),
        dict(name='b', type='landmark', points=['p']),
        dict(name='c', type='landmark', points=['p']),
    ]
    return Config(
        dict(
            tasks=tasks,
            model=dict(balancer=dict(type='SelectiveLossBalancer')),
            train_cfg=dict(max_epochs=9),
            default_hooks=dict(checkpoint=dict(interval=5)),
            custom_hooks=[dict(type='MultiTaskHook')],
            **changes,
        )
    )


class FakeTraining:
    """The nearer detection's weight is to 2, the better; more epochs help all alike."""

    def __init__(self, fail_at=None):
        self.calls = []
        self.fail_at = fail_at

    def __call__(self, cfg, epoch):
        if len(self.calls) == self.fail_at:
            raise KeyboardInterrupt
        self.calls.append((cfg.work_dir.rsplit('/', 1)[1], epoch))
        assert cfg.model.balancer.type == 'FixedLossBalancer'
        assert cfg.custom_hooks[-1] == dict(type='StopAfterEpochHook', epoch=epoch)
        last = Path(cfg.work_dir) / 'last_checkpoint'
        assert (cfg.resume, cfg.load_from) == ((True, last.read_text()) if last.exists() else (False, None))
        assert cfg.train_cfg.max_epochs == 9
        file = last.parent / f'epoch_{epoch}.pth'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        last.write_text(str(file))
        return epoch / 100 - abs(math.log(cfg.model.balancer.factors.detection / 2))


def test_the_best_go_on_and_the_best_of_them_wins(tmp_path):
    training = FakeTraining()
    search = WeightSearch(config(), tmp_path, trials=9)
    best = search.run(training)
    assert [epoch for _, epoch in training.calls] == [1] * 9 + [3] * 3 + [9]
    target = min(search.trials, key=lambda trial: abs(math.log(trial.factors['detection'] / 2)))
    assert best is target
    assert search.trials[0].factors == dict(detection=1.0, landmark=1.0)
    for trial in search.trials:
        assert math.prod(trial.factors.values()) == pytest.approx(1, rel=1e-3)
    table = search.table().splitlines()
    assert table[2].startswith(f'| {best.name} |')
    assert len(table) == 2 + 9


def test_a_search_that_was_stopped_goes_on(tmp_path):
    whole = FakeTraining()
    expected = WeightSearch(config(), tmp_path / 'whole', trials=6).run(whole)
    first, second = FakeTraining(fail_at=7), FakeTraining()
    with pytest.raises(KeyboardInterrupt):
        WeightSearch(config(), tmp_path / 'broken', trials=6).run(first)
    assert WeightSearch(config(), tmp_path / 'broken', trials=6).run(second) == expected
    assert first.calls + second.calls == whole.calls


def test_one_stage_is_a_random_search(tmp_path):
    training = FakeTraining()
    WeightSearch(config(), tmp_path, trials=4, epochs=[9]).run(training)
    assert [epoch for _, epoch in training.calls] == [9] * 4


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'after epochs \[3, 12\], but the config trains for 9'):
        WeightSearch(config(), tmp_path, epochs=[3, 12])
    WeightSearch(config(), tmp_path, trials=2, epochs=[1]).run(FakeTraining())
    with pytest.raises(ConfigError, match='of a search with other trials'):
        WeightSearch(config(), tmp_path, trials=3)


@pytest.mark.parametrize(
    'change',
    [
        lambda text: text[:9],
        lambda text: '{}',
        lambda text: text.replace('"name"', '"nome"'),
        lambda text: text.replace('"1": 0', '"x": 0').replace('"1": -0', '"x": -0'),
        lambda text: text.replace('"detection": 1.0', '"detection": "1.0"'),
        lambda text: text.replace('"detection": 1.0', '"detection": 1e999'),
    ],
)
def test_results_that_are_none_are_named(tmp_path, change):
    WeightSearch(config(), tmp_path, trials=2, epochs=[1]).run(FakeTraining())
    file = tmp_path / 'search.json'
    changed = change(file.read_text())
    assert changed != file.read_text()
    file.write_text(changed)
    with pytest.raises(DataError, match=r'search\.json: '):
        WeightSearch(config(), tmp_path, trials=2, epochs=[1])


def test_a_trial_stays_in_the_folder_of_its_search(tmp_path):
    WeightSearch(config(), tmp_path, trials=2, epochs=[1]).run(FakeTraining())
    file = tmp_path / 'search.json'
    file.write_text(file.read_text().replace('trial_01', '../../elsewhere'))
    with pytest.raises(ConfigError, match='of a search with other trials'):
        WeightSearch(config(), tmp_path, trials=2, epochs=[1])


@pytest.mark.parametrize('wrong', [dict(keep=0), dict(keep=-1.0), dict(keep=2.0), dict(keep=math.nan), dict(trials=0)])
def test_a_search_without_trials_is_refused(tmp_path, wrong):
    with pytest.raises(ConfigError, match='at least one trial, and keeps more than 0 and at most 1'):
        WeightSearch(config(), tmp_path, **wrong)
