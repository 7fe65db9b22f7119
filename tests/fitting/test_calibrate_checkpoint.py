"""From a checkpoint to a calibrated one, and what test, predict and the inferencer make of it."""

import json

import numpy as np
import pytest
import torch

from aurora_mm.apis import MultiTaskInferencer, average_checkpoints, read_checkpoint, write_checkpoint
from aurora_mm.calibration.calibration import CALIBRATION, Calibration
from aurora_mm.calibration.observations import halves
from aurora_mm.cli.verbs.calibrate import main as calibrate
from aurora_mm.cli.verbs.test import main as run_test
from aurora_mm.errors import WeightsError
from aurora_mm.phantoms import make_dataset
from aurora_mm.prediction_files.contents import SCHEMA_FILE
from aurora_mm.prediction_files.writer import PredictionWriter
from aurora_mm.tasks import TaskTable
from tests.fixtures.checkpoints import REPO, TASKS, save_random_model
from tests.prediction_files.json_schema import errors

CONFIG = str(REPO / 'configs' / 'aurora_fmc_demo.py')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('calibration') / 'data'
    make_dataset(folder, TASKS, 10, val_images_per_task=10)
    return folder


@pytest.fixture(scope='module')
def calibrated(data):
    source = save_random_model(data.parent / 'epoch_1.pth', data, 0)
    options = [
        '--data-root',
        str(data),
        '--cfg-options',
        'val_dataloader.num_workers=0',
        'model.heads.segmentation.channels=16',
    ]
    calibrate([CONFIG, str(source), *options, '--coverage', '.8', '--repeats', '2'])
    return source.with_name('epoch_1_calibrated.pth')


def images(data, task):
    return sorted(str(file) for file in data.glob(f'val/*/**/{task}/images/*.png'))


def test_only_the_calibration_is_added(calibrated):
    before, after = (read_checkpoint(calibrated.with_name(name)) for name in ('epoch_1.pth', 'epoch_1_calibrated.pth'))
    assert after['meta'].keys() - before['meta'].keys() == {CALIBRATION}
    torch.testing.assert_close(after['state_dict'], before['state_dict'], rtol=0, atol=0, equal_nan=True)
    assert after['meta'][CALIBRATION]['tasks'].keys() == set(TASKS)


def test_what_was_measured_is_written(calibrated):
    folder = calibrated.with_name('epoch_1_calibration')
    content = json.loads((folder / 'calibration.json').read_text())
    assert content['coverage'] == 0.8 and content['tasks'].keys() == set(TASKS)
    assert all(0 <= t['reached'] <= 1 for task in content['tasks'].values() for t in task['coverage'].values())
    assert content['tasks']['kind']['reliability']['after']['ece'] is not None
    assert content['tasks']['ends']['reliability']['before'] is None
    assert '| ends | 10 | - |' in (folder / 'calibration.md').read_text()
    assert (folder / 'reliability.png').stat().st_size > 1000


def test_predictions_and_their_files_hold_it(calibrated, data, tmp_path):
    plain = MultiTaskInferencer(calibrated.with_name('epoch_1.pth'), 'cpu', show_progress=False)
    sure = MultiTaskInferencer(calibrated, 'cpu', show_progress=False)
    assert plain.calibration is None and '80 % coverage for 4 tasks' in sure.calibration.sentence()
    file = images(data, 'kind')[0]
    before, after = (one([file], task='all')['predictions'][0] for one in (plain, sure))
    assert 'uncertainty' not in before['kind']
    state = sure.calibration.states['kind']
    logits = np.log(list(before['kind']['scores'].values())) / state['parameters']['temperature']
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(list(after['kind']['scores'].values()), expected, rtol=1e-4)
    assert after['kind']['label'] == before['kind']['label'] in after['kind']['uncertainty']['classes']
    assert after['ends']['uncertainty']['radii'].keys() == {'left', 'right'}
    assert after['find']['uncertainty']['margin'] >= 0
    np.testing.assert_array_equal(before['organs']['mask'], after['organs']['mask'])
    flag = after['ends']['out_of_distribution']
    assert flag['flagged'] is (flag['distance'] > flag['limit'])
    (row,) = sure.predict_rows([dict(img_path=file, img_id=0, tasks=list(TASKS))])
    writer = PredictionWriter(tmp_path, sure.tasks, [], overlays=False)
    writer.add(0, np.zeros((64, 64, 3), np.uint8), row[1])
    writer.finish([])
    written = json.loads((tmp_path / 'predictions.json').read_text())
    assert errors(written, json.loads(SCHEMA_FILE.read_text())) == []
    image = written['images'][0]
    assert image['out_of_distribution'] == flag
    assert {p['task']: p['uncertainty'] for p in image['predictions']}['ends'] == after['ends']['uncertainty']
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert sure([noise], task='kind')['predictions'][0]['out_of_distribution']['flagged']


def test_the_test_measures_it_and_says_so(calibrated, data, tmp_path, capsys):
    options = ['--data-root', str(data), '--overlays', '0', '--out-dir', str(tmp_path / 'test'), '--cfg-options']
    options += ['test_dataloader.num_workers=0', 'model.heads.segmentation.channels=16']
    run_test([CONFIG, str(calibrated), *options])
    assert 'calibrated: probabilities, sets and margins at 80 % coverage for 4 tasks' in capsys.readouterr().out
    content = json.loads((tmp_path / 'test' / 'calibration.json').read_text())
    # These are the images that it was fitted to: the limit is the 9th of 10 scores, ceil(11 * 0.8).
    assert content['tasks']['ends']['coverage']['left']['reached'] == pytest.approx(0.9)
    assert 0 <= content['flagged'] <= 0.1


def test_several_models_together_are_not_calibrated(calibrated, data):
    both = MultiTaskInferencer([calibrated, calibrated.with_name('epoch_1.pth')], 'cpu', show_progress=False)
    assert both.calibration is None
    views = MultiTaskInferencer(calibrated, 'cpu', tta=(1.0,), show_progress=False)
    assert views.calibration is None
    assert 'uncertainty' not in views(images(data, 'kind')[:1], task='kind')['predictions'][0]
    assert CALIBRATION not in average_checkpoints([calibrated, calibrated])['meta']


@pytest.mark.parametrize(
    'change',
    [
        dict(coverage=2),
        dict(tasks={'other': dict(parameters={}, limits={})}),
        dict(tasks={'kind': dict(parameters=dict(temperature='hot'), limits={})}),
        dict(tasks={'kind': dict(parameters={}, limits={})}),
        dict(tasks={'ends': dict(parameters={}, limits=dict(left=-1))}),
        dict(distance=dict(mean=[])),
        dict(tasks=3),
    ],
)
def test_a_damaged_calibration_is_refused(calibrated, change, tmp_path):
    content = read_checkpoint(calibrated)
    content['meta'][CALIBRATION] = content['meta'][CALIBRATION] | change
    write_checkpoint(tmp_path / 'bad.pth', content)
    with pytest.raises(WeightsError, match='cannot be used'):
        MultiTaskInferencer(tmp_path / 'bad.pth', 'cpu', show_progress=False)


def test_halves_keep_groups_whole():
    groups = [f'patient {i // 3}' for i in range(30)]
    seen = set()
    for seed in range(5):
        first, second = halves(groups, seed)
        assert sorted([*first, *second]) == list(range(30))
        assert {groups[i] for i in first}.isdisjoint(groups[i] for i in second)
        assert abs(len(first) - len(second)) <= 3
        seen.add(tuple(first))
    assert len(seen) > 1


def test_tasks_without_a_state_stay_as_they_are():
    calibration = Calibration(TaskTable(TASKS.values()), {}, 0.9)
    assert Calibration.from_plain(calibration.plain(), TASKS, 'x.pth').states == {}
