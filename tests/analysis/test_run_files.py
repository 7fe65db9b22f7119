import json

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.visualization import LocalVisBackend

from aurora_mm.analysis.ablation_table import training_speed
from aurora_mm.analysis.report.training_log import TrainingLog
from aurora_mm.analysis.run_files import read_run_config, read_run_tasks, read_scalars, scalar_files
from aurora_mm.analysis.run_history import read_run
from aurora_mm.errors import DataError


@pytest.fixture
def file(tmp_path):
    """As MMEngine writes it."""
    backend = LocalVisBackend(str(tmp_path / '20260101_000000' / 'vis_data'))
    tasks = [dict(name='a', type='detection', classes=['x'])]
    backend.add_config(Config(dict(tasks=tasks, train_dataloader=dict(batch_size=4))))
    backend.add_scalars(dict(loss=1.5, time=0.5, note='of text'), step=5)
    backend.add_scalars(dict(loss=float('nan'), time=0.5), step=10)
    return scalar_files(tmp_path)[0]


def test_what_mmengine_writes_is_read(file):
    first, second = read_scalars(file)
    assert first == dict(loss=1.5, time=0.5, step=5)
    assert second['loss'] != second['loss']
    assert read_run_config(file)['train_dataloader'] == dict(batch_size=4)
    assert list(read_run_tasks(file)) == ['a']


@pytest.mark.parametrize('rest', ['{"loss": 1.', '{', '\0' * 500, '{"loss": 1.0, "step": "', 'Infin', '\u00e4'])
def test_an_unfinished_last_line_is_left_out_and_told(file, rest, caplog):
    whole = read_scalars(file)[:1]
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0] + rest.encode())
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    assert read_scalars(file) == whole
    logger.removeHandler(caplog.handler)
    assert 'scalars.json, row 2: the last line is not finished and is left out' in caplog.text


def test_a_last_line_without_a_line_break_that_is_whole_counts(file):
    file.write_text('{"loss": 1.0, "step": 5}')
    assert read_scalars(file) == [dict(loss=1.0, step=5)]


@pytest.mark.parametrize(
    'line',
    [
        *('{"loss": 1.', '3', '{"loss": 1.0}', '{"step": 1.5}', '{"step": true}', '{"step": -1}', '{"step": 1e300}'),
        *('\xff', '{"step": 1, "loss": 1' + '0' * 400 + '}', '[' * 100_000),
    ],
)
def test_any_other_line_is_named(file, line):
    file.write_bytes(b'{"loss": 1.0, "step": 5}\n' + line.encode('latin-1') + b'\n')
    with pytest.raises(DataError, match=r'scalars\.json, row 2: no line of logged numbers'):
        read_scalars(file)


def test_python_in_the_config_of_a_run_is_not_run(file, tmp_path):
    proof = tmp_path / 'proof'
    file.with_name('config.py').write_text(f'import pathlib\npathlib.Path({str(proof)!r}).touch()\ntasks = []\n')
    lines = (dict(loss=1.0, time=1.0, step=5), dict(score=0.5, step=1))
    file.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    for read in (read_run, training_speed):
        with pytest.raises(DataError, match=r'config\.py: no config of a run: line 1 of the config is no plain value'):
            read(tmp_path)
    assert TrainingLog.read(tmp_path).training  # needs no config
    assert not proof.exists()


@pytest.mark.parametrize('text', ['tasks = 3', "tasks = [dict(name='a')]", 'tasks = {1: 2}', "tasks = ['a']"])
def test_what_are_no_tasks(file, text):
    file.with_name('config.py').write_text(text)
    with pytest.raises(DataError, match=r'config\.py: no config of a run'):
        read_run_tasks(file)


def test_a_speed_needs_a_number_of_images(file, tmp_path):
    assert training_speed(tmp_path) == 8
    for text in ('', 'train_dataloader = 3', "train_dataloader = dict(batch_size='8')"):
        file.with_name('config.py').write_text(text)
        with pytest.raises(DataError, match=r'config\.py: no speed'):
            training_speed(tmp_path)
