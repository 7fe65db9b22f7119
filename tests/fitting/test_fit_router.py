"""From a checkpoint to one with a router, and what the inferencer, predict and the page make of it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from aurora_mm.apis import MultiTaskInferencer, average_checkpoints, read_checkpoint
from aurora_mm.cli.verbs.fit_router import main as fit_router
from aurora_mm.cli.verbs.predict import main as predict
from aurora_mm.errors import ConfigError
from aurora_mm.fitting.fit_router import RoutingAccuracy
from aurora_mm.phantoms import make_dataset
from aurora_mm.prediction_files.contents import SCHEMA_FILE
from aurora_mm.routing.task_router import ROUTER, TaskRouter
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.web.page_predictor import PagePredictor
from aurora_mm.web.result_html import result_html
from aurora_mm.web.uploads import UploadFolder
from tests.fixtures.checkpoints import REPO, TASKS, save_random_model
from tests.prediction_files.json_schema import errors


@pytest.fixture(scope='module')
def routed(tmp_path_factory):
    """A random model with a router for phantoms, which an untrained encoder tells well enough."""
    folder = tmp_path_factory.mktemp('routing')
    make_dataset(folder / 'data', TASKS, 24, val_images_per_task=13)
    source = save_random_model(folder / 'epoch_1.pth', folder / 'data', 0)
    changes = ['val_dataloader.num_workers=0', 'model.heads.segmentation.channels=16']
    config = str(REPO / 'configs' / 'aurora_fmc_demo.py')
    fit_router([config, str(source), '--data-root', str(folder / 'data'), '--cfg-options', *changes])
    return source.with_name('epoch_1_routed.pth')


@pytest.fixture(scope='module')
def inferencer(routed):
    return MultiTaskInferencer(routed, 'cpu', show_progress=False)


def image(routed, task):
    return sorted(str(file) for file in routed.parent.glob(f'data/val/*/**/{task}/images/*.png'))[1]


def sure_of(inferencer, monkeypatch, *tasks):
    """Has the router be sure of these tasks, whatever the image."""
    bias = np.array([50.0 if name in tasks else -50.0 for name in TASKS])
    router = TaskRouter(tuple(TASKS), np.zeros_like(inferencer.router.weights), bias)
    monkeypatch.setattr(inferencer.model, 'router', router)


def test_a_wrong_confidence_is_refused_before_the_images_are_read(tmp_path, capsys):
    with pytest.raises(SystemExit):
        fit_router(['aurora_fmc_demo.py', str(tmp_path / 'missing.pth'), '--confidence', '2'])
    assert 'the confidence of a router is between 0 and 1, not 2.0' in capsys.readouterr().err


def test_only_the_router_is_added(routed):
    before, after = (read_checkpoint(routed.with_name(name)) for name in ('epoch_1.pth', routed.name))
    assert after['meta'].keys() - before['meta'].keys() == {ROUTER}
    torch.testing.assert_close(after['state_dict'], before['state_dict'], rtol=0, atol=0, equal_nan=True)
    router = TaskRouter.from_plain(after['meta'][ROUTER], TASKS, routed)
    assert router.distance is not None
    assert router.confidence == 0.5


def test_accuracy_by_hand():
    features = np.array([[3.0], [3.0], [-3.0], [0.1]])
    router = TaskRouter(('a', 'b'), np.array([[1.0], [-1.0]]), np.zeros(2), 0.9)
    labels = np.array([[1, 0], [1, 1], [1, 0], [1, 0]], bool)
    # chosen: a, a, b, none; the likeliest: a, a, b, a
    found = RoutingAccuracy.measure(router, features, labels)
    assert found == (4, 0.75, 0.25, pytest.approx(2 / 3), pytest.approx(2 / 5), 0.25)


def test_the_chosen_tasks_are_answered_in_one_encoding(inferencer, routed, monkeypatch):
    sure_of(inferencer, monkeypatch, 'kind', 'ends')
    encodings = []
    whole = inferencer.model.extract_feat
    monkeypatch.setattr(inferencer.model, 'extract_feat', lambda inputs: encodings.append(1) or whole(inputs))
    (found,) = inferencer([image(routed, 'kind')], task='auto')['predictions']
    assert encodings == [1]
    assert list(found) == ['routing', 'kind', 'ends']
    assert found['routing']['probabilities'] == dict(organs=0, kind=1, find=0, ends=1)
    (alone,) = inferencer([image(routed, 'kind')], task='kind')['predictions']
    assert found['kind'] == alone


def test_nothing_is_answered_that_is_not_known(inferencer, routed, monkeypatch):
    sure_of(inferencer, monkeypatch)
    (sample,) = inferencer([image(routed, 'kind')], task='auto', return_datasamples=True)['predictions']
    assert isinstance(sample, MultiTaskDataSample) and len(sample) == 0
    (plain,) = inferencer([image(routed, 'kind')], task='auto')['predictions']
    assert list(plain) == ['routing']


def test_without_a_router_it_is_refused(routed, inferencer):
    for options in (dict(weights=routed.with_name('epoch_1.pth')), dict(weights=routed, tta=())):
        other = MultiTaskInferencer(**options, device='cpu', show_progress=False)
        with pytest.raises(ConfigError, match='fit-router'):
            other([image(routed, 'kind')], task='auto')
    assert MultiTaskInferencer([routed, routed], 'cpu', show_progress=False).router is None


def test_predict(routed, tmp_path, capsys):
    inputs = [image(routed, name) for name in TASKS]
    predict([str(routed), *inputs, '--out', str(tmp_path / 'out'), '--tasks', 'auto', '--device', 'cpu'])
    content = json.loads((tmp_path / 'out' / 'predictions.json').read_text())
    assert errors(content, json.loads(SCHEMA_FILE.read_text())) == []
    for entry in content['images']:
        routing = entry['routing']
        chosen = [name for name, value in routing['probabilities'].items() if value >= routing['confidence']]
        if routing['distance'] > routing['limit']:
            chosen = []
        assert [one['task'] for one in entry['predictions']] == chosen
    assert any(entry['predictions'] for entry in content['images'])
    with pytest.raises(SystemExit):
        predict([str(routed.with_name('epoch_1.pth')), *inputs, '--out', str(tmp_path / 'other'), '--tasks', 'auto'])
    assert 'fit-router' in capsys.readouterr().err


def test_the_page(inferencer, routed, tmp_path, monkeypatch):
    path = tmp_path / 'scan.png'
    path.write_bytes(Path(image(routed, 'kind')).read_bytes())
    predictor = PagePredictor(inferencer, inferencer.tasks, UploadFolder(tmp_path))
    sure_of(inferencer, monkeypatch, 'find')
    found = predictor.predict(path, ['auto'])
    assert list(found.overlays) == ['find']
    assert 'The model chose the tasks' in result_html(found.image, dict(find='x'))
    sure_of(inferencer, monkeypatch)
    found = predictor.predict(path, ['auto', 'kind'])
    assert (found.overlays, found.picture_file) == ({}, None)
    assert 'does not know for which task' in result_html(found.image, {})


def test_averaged_weights_have_no_router(routed):
    assert ROUTER not in average_checkpoints([routed, routed])['meta']
