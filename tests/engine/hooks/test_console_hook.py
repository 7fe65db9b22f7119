"""What a run shows, and what only its log file has."""

import contextlib
import io
import re
from itertools import count
from pathlib import Path
from unittest import mock

import pytest
from mmengine.config import Config

from aurora_mm.apis import build_runner, resolve_config
from aurora_mm.checkpoints import load_checkpoint_file, read_config_text
from aurora_mm.errors import ConfigError
from tests.fixtures.checkpoints import SIZES, TASKS

REPO = Path(__file__).resolve().parents[3]

_numbers = count()


def configured(data, work_dir, **changes):
    cfg = Config.fromfile(REPO / 'configs' / 'aurora_fmc_demo.py')
    cfg.tasks = TASKS.to_config()
    cfg.model.backbone.preset = SIZES
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.num_workers = 0
    cfg.train_dataloader.batch_sampler.num_batches = 3
    cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2, val_interval=1)
    cfg.work_dir = str(work_dir)
    # MMEngine names runs by the second, and runs of one name share a log file.
    cfg.experiment_name = f'console_{next(_numbers)}'
    cfg.merge_from_dict(changes)
    return resolve_config(cfg, str(data), 'none')


@pytest.fixture(scope='module')
def trained(generated, tmp_path_factory):
    """Two epochs of three steps: what was shown, and the log file. No text of a config is laid out by yapf."""
    work_dir = tmp_path_factory.mktemp('console')
    formatted = mock.patch('yapf.yapflib.yapf_api.FormatCode', side_effect=AssertionError)
    with contextlib.redirect_stdout(io.StringIO()) as shown, formatted:
        build_runner(configured(generated, work_dir)).train()
    (log,) = work_dir.glob('*/*.log')
    return shown.getvalue(), log.read_text(), work_dir


def test_the_header_says_what_is_run_on_what(trained, generated):
    header = trained[0].split('\nepoch')[0].splitlines()
    assert header[0].startswith('aurora_mm ')
    told = dict(line.split(maxsplit=1) for line in header[1:])
    assert told['config'] == str(REPO / 'configs' / 'aurora_fmc_demo.py')
    assert told['data'] == str(generated)
    assert told['train'] == (
        '32 images of 4 tasks: segmentation 8 of 1, classification 8 of 1, detection 8 of 1, landmark 8 of 1'
    )
    assert told['val'].startswith('8 images of 4 tasks: segmentation 2 of 1')
    assert re.fullmatch(r'MultiTaskModel, \d+\.\d\d M parameters, all trainable', told['model'])
    assert told['device'] == 'cpu, float32'
    assert told['schedule'] == '2 epochs of 3 steps, 8 images a step'
    assert str(trained[2]) in header[-1]
    assert len(header) < 12


def test_the_config_in_the_work_dir_and_in_checkpoints_is_the_config_of_the_run(trained, generated):
    cfg = configured(generated, trained[2]).to_dict()
    del cfg['experiment_name']  # each call makes a new one
    dumped = Config.fromfile(trained[2] / 'aurora_fmc_demo.py').to_dict()
    kept = read_config_text(load_checkpoint_file(trained[2] / 'epoch_2.pth')['meta']['cfg'])
    for found in (dumped, kept):
        assert found['default_hooks'].pop('console') == dict(type='aurora_mm.ConsoleHook')
        assert {key: found[key] for key in cfg} == cfg


def test_each_epoch_has_its_line_with_the_losses(trained):
    lines = re.findall(r'^epoch (\d)/2  3/3  \S+  run \S+ left  loss (\S+)  (.*)$', trained[0], re.MULTILINE)
    assert [epoch for epoch, _, _ in lines] == ['1', '2']
    for _, loss, parts in lines:
        values = dict(part.split() for part in parts.split('  '))
        assert set(values) == {'segmentation', 'classification', 'detection', 'landmark'}
        assert float(loss) > 0


def test_each_validation_has_its_table_and_the_best_is_named(trained):
    shown = trained[0]
    assert len(re.findall(r'^ *score \(mean over 4 types\) .*\d', shown, re.MULTILINE)) == 2
    assert re.search(r'^ +organs +2 ', shown, re.MULTILINE)
    assert len(re.findall(r'^best so far: 0\.\d{4}, best_score_epoch_\d\.pth$', shown, re.MULTILINE)) == 2
    assert re.search(rf'^trained 2 epochs in \S+; last checkpoint: {trained[2]}/epoch_2\.pth$', shown, re.MULTILINE)


def test_all_else_is_in_the_log_file_alone(trained):
    shown, log, _ = trained
    for text in (
        'System environment',
        'Config:',
        'Hooks will be executed',
        'paramwise_options -- ',
        'Epoch(train)',
        'Epoch(val)',
        'tasks after epoch 2',
        'Saving checkpoint',
        'will be deprecated',
    ):
        assert text in log
        assert text not in shown
    assert 'aurora_mm ' in log and '  work dir  ' in log and 'best so far' in log


def test_a_resumed_run_says_where_it_goes_on(generated, tmp_path, capsys):
    stop = dict(type='StopAfterEpochHook', epoch=1)
    build_runner(configured(generated, tmp_path, custom_hooks=[stop])).train()
    assert re.search(r'^trained 1 epoch in .* stopped early: 2 were planned', capsys.readouterr().out, re.MULTILINE)
    build_runner(configured(generated, tmp_path, resume=True)).train()
    assert '2 epochs of 3 steps, 8 images a step, from epoch 2\n' in capsys.readouterr().out


def test_a_training_that_counts_steps(generated, tmp_path, capsys):
    cfg = configured(generated, tmp_path, log_processor=dict(by_epoch=False))
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=5, val_interval=4)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint = None
    cfg.default_hooks.console = dict(type='ConsoleHook', interval=2)
    build_runner(cfg).train()
    shown = capsys.readouterr().out
    assert re.findall(r'^steps  (\d)/5', shown, re.MULTILINE) == ['2', '4', '5']
    assert '5 steps, 8 images a step' in shown
    assert 'trained 5 steps in ' in shown


def test_a_training_without_validation(generated, tmp_path, capsys):
    cfg = configured(generated, tmp_path)
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.default_hooks.checkpoint.save_best = None
    build_runner(cfg).train()
    shown = capsys.readouterr().out
    assert '\n  train ' in shown and '\n  val ' not in shown
    assert 'trained 2 epochs in ' in shown


def test_a_test_has_its_header_and_its_line(generated, tmp_path, capsys):
    build_runner(configured(generated, tmp_path)).test()
    shown = capsys.readouterr().out
    assert re.search(r'^  test +8 images of 4 tasks', shown, re.MULTILINE)
    assert '  schedule' not in shown
    assert re.search(r'^test  1/1  ', shown, re.MULTILINE)


def test_the_console_is_short_with_mmengines_other_runner_too(generated, tmp_path, capsys):
    cfg = configured(generated, tmp_path, runner_type='FlexibleRunner')
    runner = build_runner(cfg)
    assert capsys.readouterr().out == ''
    runner.logger.warning('mind the gap')
    assert capsys.readouterr().out == 'warning: mind the gap\n'
    (log,) = tmp_path.glob('*/*.log')
    assert 'System environment' in log.read_text()


def test_a_hook_of_the_users_own_config_is_kept(generated, tmp_path):
    cfg = configured(generated, tmp_path)
    cfg.default_hooks.console = dict(type='ConsoleHook', interval=7)
    assert [hook.interval for hook in build_runner(cfg).hooks if type(hook).__name__ == 'ConsoleHook'] == [7]


def test_a_part_that_cannot_be_built_is_named(generated, tmp_path):
    cfg = configured(generated, tmp_path)
    cfg.default_hooks.console = dict(type='ConsoleHook', intervall=7)
    with pytest.raises(ConfigError, match=r"aurora_fmc_demo.py: default_hooks.console: .*'intervall'"):
        build_runner(cfg)
    cfg = configured(generated, tmp_path)
    cfg.val_evaluator.metrics.detection = [dict(type='BoxIoUMetric'), dict(type='NoMetric')]
    with pytest.raises(ConfigError, match=r"metric 'NoMetric' of task '\w+' is not registered"):
        build_runner(cfg).train()
