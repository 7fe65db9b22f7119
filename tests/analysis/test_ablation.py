import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aurora_mm.analysis.ablation import AblationRun, plan_runs
from aurora_mm.cli.verbs.ablation import main
from aurora_mm.errors import ConfigError
from tests.fixtures.waiting import LONG, wait_until
from tests.test_chain import folder  # noqa: F401  folder is a fixture


def touch(*files):
    for file in files:
        file.write_text('')
    return map(str, files)


def test_every_config_has_its_first_seed_before_any_has_its_second(tmp_path):
    a, b, c = touch(tmp_path / 'a.py', tmp_path / 'b.py', tmp_path / 'c.py')
    runs = plan_runs([a, f'{b}:7', f'{c}:4,5,5,6'], [0, 1], tmp_path / 'out')
    planned = [(run.config.stem, run.seed) for run in runs]
    assert planned == [('a', 0), ('b', 7), ('c', 4), ('a', 1), ('c', 5), ('c', 6)]
    assert runs[2].folder == tmp_path / 'out' / 'c' / 'seed_4'


@pytest.mark.parametrize(
    ('configs', 'message'),
    [
        (['{a}', '{missing}'], 'no config at .*missing.py'),
        (['{a}', '{other}'], 'two configs are called a'),
        (['{a}:one'], 'seeds are whole numbers'),
    ],
)
def test_what_cannot_be_run_is_said_at_once(tmp_path, configs, message):
    (tmp_path / 'other').mkdir()
    names = dict(a=tmp_path / 'a.py', other=tmp_path / 'other' / 'a.py', missing=tmp_path / 'missing.py')
    touch(names['a'], names['other'])
    with pytest.raises(ConfigError, match=message):
        plan_runs([text.format(**names) for text in configs], [0], tmp_path)


def test_progress_is_read_from_what_a_run_shows(tmp_path):
    run = AblationRun(tmp_path / 'a.py', 3, tmp_path)
    assert run.progress() == (0.0, '')
    run.folder.mkdir(parents=True)
    line = 'epoch {}/4  50/100  0:00:30 left  run {} left  loss 1.5  detection 1.5\n'
    run.log.write_text('a header\n' + line.format(1, '0:01:00') + line.format(3, '1 day, 0:02:00') + 'a table\n')
    share, left = run.progress()
    assert share == pytest.approx(0.95 * 2.5 / 4)
    assert left == '1 day, 0:02:00'
    run.log.write_text('steps  50/200  0:00:30 left  run 0:01:00 left  loss 1.5\n')
    assert run.progress() == (pytest.approx(0.95 / 4), '0:01:00')
    run.trained.write_text('epoch_4.pth')
    assert run.progress()[0] == 0.95


def ablation(*args, **kwargs):
    command = [sys.executable, '-m', 'aurora_mm', 'ablation', *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)


def test_a_config_of_the_package_is_found_by_its_name_as_train_finds_it(tmp_path):
    (run,) = plan_runs(['aurora_us_real.py'], [0], tmp_path)
    assert run.config.is_file() and run.folder == tmp_path / 'aurora_us_real' / 'seed_0'


@pytest.mark.parametrize('options', [['--jobs', '0'], ['--jobs', '-1'], ['--threads', '0'], ['--jobs', 'two']])
def test_no_run_at_a_time_is_refused_and_does_not_wait_for_ever(options, capsys):
    with pytest.raises(SystemExit) as stop:
        main(['a.py', *options])
    assert stop.value.code == 2
    assert f"argument {options[0]}: '{options[1]}' is no whole number of 1 or more" in capsys.readouterr().err


def refused(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, args)))
    assert stop.value.code != 0
    return capsys.readouterr().err


def test_all_configs_are_checked_before_the_first_is_trained(tmp_path, capsys):
    wrong, out = tmp_path / 'wrong.py', tmp_path / 'out'
    wrong.write_text("model = dict(type='NoSuchModel')")
    assert 'NoSuchModel' in refused(capsys, 'aurora_us_real.py', wrong, '--out', out)
    assert 'train_cfg.epochs: unknown' in refused(
        capsys, 'aurora_us_real.py', '--out', out, '--cfg-options', 'train_cfg.epochs=3'
    )
    assert not out.exists()


def test_ctrl_c_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('aurora_mm.analysis.ablation.Ablation.run', interrupt)
    assert refused(capsys, 'aurora_us_real.py', '--out', tmp_path) == (
        'interrupted; the same command goes on where it stopped\n'
    )


def test_a_table_of_nothing_is_an_error(tmp_path, capsys):
    assert 'no run of these configs is finished here' in refused(
        capsys, 'aurora_us_real.py', '--out', tmp_path, '--table-only'
    )
    assert not list(tmp_path.iterdir())


def test_runs_with_other_data_or_options_do_not_come_into_one_table(tmp_path, capsys, monkeypatch):
    made = []
    monkeypatch.setattr('aurora_mm.analysis.ablation.Ablation.run', lambda self, runs: made.append(self) or [])
    args = ('aurora_us_real.py', '--out', tmp_path / 'out', '--data-root')
    main([*map(str, args), 'data/a'])
    main([*map(str, args), 'data/b'])  # nothing was trained yet: a mistake may be mended
    begun = tmp_path / 'out' / 'aurora_us_real' / 'seed_0' / 'last_checkpoint'
    begun.parent.mkdir(parents=True)
    begun.touch()
    told = refused(capsys, *args, 'data/a')
    assert 'runs with --data-root' in told and 'data/b, not' in told and 'give the same arguments' in told
    told = refused(capsys, *args, 'data/b', '--cfg-options', 'train_cfg.max_epochs=3')
    assert 'runs with --cfg-options (none), not train_cfg.max_epochs=3' in told
    assert len(made) == 2
    there = Path('data/b').resolve()
    monkeypatch.chdir(tmp_path)  # the same folder, called from elsewhere
    main([*map(str, args), str(there)])
    assert len(made) == 3


@pytest.mark.slow
def test_runs_are_stopped_resumed_and_put_in_a_table_and_a_failed_one_is_named(folder, tmp_path):  # noqa: F811
    first, broken, out = folder / 'config.py', tmp_path / 'broken.py', tmp_path / 'out'
    broken.write_text(f"_base_ = '{first}'\nload_from = '{tmp_path}/missing.pth'")
    options = ('default_hooks.console.type=ConsoleHook', 'default_hooks.console.interval=1')
    args = (f'{first}:0,1', broken, '--data-root', folder / 'data', '--tasks', folder / 'tasks.py', '--out', out)
    args += ('--cfg-options', *options)
    process = ablation(*args, '--jobs', 1)
    wait_until((out / 'config' / 'seed_0' / 'last_checkpoint').exists, lambda: process.poll() is None)
    assert process.poll() is None, process.communicate()[0]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LONG)
    log = out / 'config' / 'seed_0' / 'console.log'
    assert 'epoch 3/3' not in log.read_text(), 'stopped too late to show anything'
    size = log.stat().st_size
    time.sleep(2)
    assert log.stat().st_size == size  # its training was stopped too

    process = ablation(*args)
    output = process.communicate(timeout=LONG)[0]
    assert process.returncode == 1, output
    assert f'broken, seed 0 failed, see {out}/broken/seed_0/console.log' in ' '.join(output.split())
    assert 'missing.pth' in (out / 'broken' / 'seed_0' / 'console.log').read_text()
    assert ', from epoch ' in log.read_text()
    assert (out / 'ablation.md').read_text() in output
    assert (out / 'compare.png').stat().st_size > 10_000
    entries = json.loads((out / 'ablation.json').read_text())
    assert [entry['seeds'] for entry in entries] == [[0, 1], []]
    for seed in (0, 1):
        seen = json.loads((out / 'config' / f'seed_{seed}' / 'test' / 'metrics.json').read_text())
        assert entries[0]['figures']['score']['values'][seed] == seen['score']
        assert f'seed = {seed}' in (out / 'config' / f'seed_{seed}' / 'config.py').read_text().replace('=', ' = ')
        assert not list((out / 'config' / f'seed_{seed}').glob('best_*'))
    assert entries[0]['figures']['images_per_second']['mean'] > 0

    before = log.stat().st_mtime
    process = ablation(f'{first}:0,1', '--out', out)
    assert '| config | 2 |' in process.communicate(timeout=LONG)[0]
    assert process.returncode == 0
    assert log.stat().st_mtime == before
