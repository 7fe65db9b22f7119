"""From a checkpoint to a model folder and back."""

import getpass
import json
import os
import re
import shutil
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from mmengine.config import Config
from mmengine.registry import DefaultScope

from aurora_mm.apis import MultiTaskInferencer, from_pretrained, read_checkpoint, write_checkpoint
from aurora_mm.apis.checkpoint import trained_config
from aurora_mm.cli.main import main
from aurora_mm.errors import ConfigError, DataError, OutputError, WeightsError
from aurora_mm.models.utils.model_weights import weights_checksum
from aurora_mm.publishing import publish
from aurora_mm.publishing.encoder import describe_encoder, hub_id
from aurora_mm.registry import MODELS
from tests.fixtures.checkpoints import ALL_TYPES, REPO, SIZES
from tests.fixtures.run_folder import write_run_folder

CALIBRATION = dict(
    coverage=0.9,
    tasks=dict(kind=dict(parameters=dict(temperature=1.7), limits=dict())),
    distance=dict(mean=[0.1] * 512, directions=[[1.0] + [0.0] * 511], variances=[0.5], rest=0.01, limit=2.0),
)
STATE = ('tracker.', 'guard.', 'balancer.')


@pytest.fixture(scope='module')
def trained(generated, tmp_path_factory):
    """A checkpoint as a training with averaged weights leaves it: every type of task, adapters, a detail branch."""
    cfg = Config.fromfile(REPO / 'configs' / 'aurora_fmc_demo.py')
    cfg.tasks = ALL_TYPES.to_config()
    cfg.model.backbone.preset = SIZES
    cfg.model.adapter = dict(type='TaskBottleneckAdapter', channels=4)
    cfg.model.own_heads = True
    cfg.model.balancer = dict(type='EMALossBalancer')
    cfg.work_dir = '/home/somebody/runs'
    cfg.model.tasks = cfg.tasks
    for name in ('train', 'val', 'test'):
        cfg[f'{name}_dataloader'].dataset.data_root = str(generated)
    with DefaultScope.overwrite_default_scope('aurora_mm'), torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        for parameter in model.adapters.parameters():  # which begin as the identity
            torch.nn.init.normal_(parameter, std=0.1)
    state = model.state_dict()
    width = len(CALIBRATION['distance']['mean'])
    features = sum(model.detail.out_channels) + sum(model.backbone.out_channels)
    assert features == width
    meta = dict(
        cfg=cfg.pretty_text,
        dataset_meta=dict(tasks=ALL_TYPES.to_config(), images_per_task=dict(organs=7), image_fingerprints='AAAA'),
        calibration=CALIBRATION, epoch=3, iter=12, seed=1, experiment_name='/home/somebody/runs/x',
        averaged_from=['/home/somebody/a.pth', '/home/somebody/b.pth'],
    )  # fmt: skip
    file = tmp_path_factory.mktemp('trained') / 'epoch_3.pth'
    raw = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    write_checkpoint(file, dict(meta=meta, state_dict=state, ema_state_dict=raw, optimizer=dict(state=raw)))
    return file


@pytest.fixture(scope='module')
def published(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp('published') / 'model'
    return publish(trained, folder)


@pytest.fixture(scope='module')
def before(trained):
    return MultiTaskInferencer(trained, device='cpu', show_progress=False)


@pytest.fixture
def image(generated):
    return str(sorted(generated.glob('*/**/kind/images/*.png'))[0])


def same(a, b):
    """Whether predictions are equal to the last bit."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b) and type(a) is type(b)


def predictions(inferencer, image):
    (found,) = inferencer(image, task='all')['predictions']
    return found


def test_weights_and_config_are_equal_to_the_last_bit(trained, published):
    a, b = read_checkpoint(trained), read_checkpoint(published.folder)
    expected = {name: tensor for name, tensor in a['state_dict'].items() if not name.startswith(STATE)}
    assert b['state_dict'].keys() == expected.keys()
    assert all(torch.equal(b['state_dict'][name], tensor) for name, tensor in expected.items())
    assert weights_checksum(a['state_dict']) == weights_checksum(b['state_dict'])
    assert trained_config(a, trained).model.to_dict() == trained_config(b, published.folder).model.to_dict()


def test_predictions_of_every_type_are_equal_to_the_last_bit(before, published, image):
    expected = predictions(before, image)
    assert expected.keys() == set(ALL_TYPES)
    assert expected['kind']['uncertainty']['coverage'] == 0.9
    assert 'out_of_distribution' in expected['age']
    for after in (MultiTaskInferencer(published.folder, device='cpu'), MultiTaskInferencer([published.folder])):
        assert same(predictions(after, image), expected)


def test_a_model_of_the_hub_is_the_same(before, published, image, monkeypatch):
    monkeypatch.setattr(huggingface_hub, 'snapshot_download', lambda name, **_: str(published.folder))
    for after in (
        MultiTaskInferencer('lab/model', device='cpu'),
        MultiTaskInferencer.from_pretrained('lab/model', revision='v1', device='cpu'),
    ):
        assert same(predictions(after, image), predictions(before, image))
    model = from_pretrained('lab/model')
    assert not model.training and model.calibration is not None
    assert weights_checksum(model.state_dict()) == weights_checksum(before.model.state_dict())


def test_an_inferencer_is_saved_with_the_weights_that_it_has(published, image, tmp_path):
    inferencer = MultiTaskInferencer(published.folder, device='cpu')
    with torch.no_grad():
        next(inferencer.model.heads.parameters()).mul_(1.5)
    inferencer.save_pretrained(tmp_path / 'model')
    assert same(predictions(MultiTaskInferencer(tmp_path / 'model'), image), predictions(inferencer, image))
    with pytest.raises(ConfigError, match='one model without test-time views'):
        MultiTaskInferencer([published.folder] * 2, device='cpu').save_pretrained(tmp_path / 'other')


def test_what_is_left_out_and_how_large_it_is(trained, published):
    assert published.left_out[:2] == ['the state of the optimizer', 'the weights that were not averaged']
    assert 'tensors of the loss balancer' in published.left_out[2]
    assert published.bytes_before == trained.stat().st_size > 2 * published.bytes_after
    assert published.bytes_after == sum(file.stat().st_size for file in published.folder.iterdir())


def test_the_card_and_the_scores_of_a_model_folder_are_not_carried_on_in_silence(published, tmp_path):
    again = publish(published.folder, tmp_path / 'again')
    assert any(f'model card and scores of {published.folder};' in line for line in again.left_out)
    assert not any('model card' in line for line in published.left_out)


def test_nothing_of_this_machine_or_of_patients_is_in_the_folder(trained, published, generated):
    rows = [line for file in generated.glob('csv_files/*.csv') for line in file.read_text().splitlines()[1:]]
    told = [str(generated), str(trained.parent), str(Path.home()), 'somebody', 'images/', *rows]
    told += [getpass.getuser()] if getpass.getuser() not in ('root', 'user') else []
    texts = {file.name: file.read_bytes() for file in published.folder.iterdir()}
    texts['model.safetensors'] = texts['model.safetensors'][:200_000]  # its header
    assert [(name, text) for name, data in texts.items() for text in told if text.encode() in data] == []


def test_a_path_that_the_config_needs_is_refused(trained, tmp_path):
    content = read_checkpoint(trained)
    text = content['meta']['cfg'].replace("dict(type='PackMultiTaskInputs')", "dict(type='X', file='/a/b')")
    content['meta']['cfg'] = text
    write_checkpoint(tmp_path / 'a.pth', content)
    with pytest.raises(ConfigError, match=r"names '/a/b' as test_dataloader\.dataset\.pipeline\.\d+\.file: a path of"):
        publish(tmp_path / 'a.pth', tmp_path / 'model')
    assert not (tmp_path / 'model').exists()


def test_the_folder_is_written_whole_or_not_at_all(trained, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, 'No space left on device', str(tmp_path))

    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'notes.txt').write_text('mine')
    with pytest.raises(DataError, match='stands in the way'):
        publish(trained, tmp_path / 'full')
    monkeypatch.setattr('aurora_mm.checkpoints.model_folder.save_file', fail)
    with pytest.raises((OutputError, OSError), match='No space left on device'):
        publish(trained, tmp_path / 'model')
    assert [path.name for path in tmp_path.iterdir()] == ['full']


class TestResults:
    """The scores in the folder, which must be of its weights."""

    @pytest.fixture
    def results(self, tmp_path):
        return write_run_folder(tmp_path) / 'test'

    @pytest.fixture
    def checkpoint(self, trained, results, tmp_path):
        """The checkpoint with the tasks that the results are of."""
        content = read_checkpoint(trained)
        tasks = json.loads((results / 'metrics.json').read_text())['table']
        content['meta']['dataset_meta']['tasks'] = tasks
        content['meta'].pop('calibration')
        write_checkpoint(tmp_path / 'a.pth', content)
        return tmp_path / 'a.pth'

    def tested(self, results, **model):
        content = json.loads((results / 'metrics.json').read_text())
        (results / 'metrics.json').write_text(json.dumps(content | dict(model=model)))

    def test_scores_and_intervals(self, checkpoint, results, tmp_path):
        state = read_checkpoint(checkpoint)['state_dict']
        self.tested(results, weights=[weights_checksum(state)], views=False, calibrated=False)
        folder = publish(checkpoint, tmp_path / 'model', results, licence='cc-by-4.0').folder
        assert json.loads((folder / 'metrics.json').read_text())['intervals']['score'] == [0.611, 0.689]
        text = (folder / 'README.md').read_text()
        assert '| organs | 5 | DSC 0.475 | 0.400 to 0.550 |' in text
        assert '## Scores by class or point' in text and '## Scores by size of the target' in text
        assert str(tmp_path) not in text and '.png' not in text.replace('image.png', '')
        assert 'do not say which weights' not in text
        data = ModelCard.load(folder / 'README.md').data
        assert (data.license, data.library_name, data.model_name) == ('cc-by-4.0', 'aurora_mm', 'model')
        assert {result.dataset_type: (result.metric_type, result.metric_value) for result in data.eval_results} == {
            'organs': ('DSC', 0.475), 'kind': ('Accuracy', 0.6), 'spot': ('IoU', 0.6), 'ends': ('MRE', 6.0),
        }  # fmt: skip

    def test_results_of_other_weights_are_refused(self, checkpoint, results, tmp_path):
        self.tested(results, weights=['0' * 64], views=False, calibrated=False)
        with pytest.raises(DataError, match=r'metrics\.json.*the scores are not those of .*a\.pth alone'):
            publish(checkpoint, tmp_path / 'model', results)
        assert not (tmp_path / 'model').exists()

    def test_results_that_do_not_say_it(self, checkpoint, results, tmp_path):
        folder = publish(checkpoint, tmp_path / 'model', results).folder
        assert 'The results do not say which weights they are of.' in (folder / 'README.md').read_text()

    def test_groups_are_named_only_where_that_is_asked(self, checkpoint, results, tmp_path):
        def group(value, primary, **marks):
            marks = dict(is_small=False, is_worst=False) | marks
            return dict(value=value, images=30, primary=primary, interval=[primary - 0.1, primary + 0.1], **marks)

        content = json.loads((results / 'metrics.json').read_text())
        content['groups'] = dict(
            centre=dict(organs=[group('north', 0.4, is_worst=True), group('south', 0.8, is_small=True)]),
            patient=dict(organs=[group('Jane Doe', 0.5)]),
        )
        (results / 'metrics.json').write_text(json.dumps(content))
        plain = publish(checkpoint, tmp_path / 'plain', results).folder
        asked = publish(checkpoint, tmp_path / 'asked', results, groups=['centre']).folder
        for folder, has_centres in ((plain, False), (asked, True)):
            text = (folder / 'README.md').read_text() + (folder / 'metrics.json').read_text()
            assert ('north' in text) == has_centres and 'Jane' not in text
        card = (asked / 'README.md').read_text()
        assert '## Scores by centre' in card
        assert '| organs | north | 30 | 0.400 | 0.300 to 0.500 | worst |' in card
        assert '|  | south | 30 | 0.800 | 0.700 to 0.900 | few images |' in card
        with pytest.raises(ConfigError, match='no groups by scanner: test with --by scanner'):
            publish(checkpoint, tmp_path / 'model', results, groups=['scanner'])
        with pytest.raises(ConfigError, match='no groups by centre'):
            publish(checkpoint, tmp_path / 'model', groups=['centre'])

    def test_results_of_other_tasks(self, trained, results, tmp_path):
        with pytest.raises(DataError, match=r"task '(kind|organs)' is not one of"):
            publish(trained, tmp_path / 'model', results)


def test_encoders_and_their_licences(tmp_path):
    def described(kind, source):
        found = describe_encoder(dict(type=kind, pretrained=source))
        return found['source'], found['licence'], hub_id(found)

    qwen = 'Qwen/Qwen3-VL-8B-Instruct'
    assert described('Qwen3VLBackbone', qwen) == (qwen, 'apache-2.0', qwen)
    assert described('EfficientNetLite', 'imagenet') == ('imagenet', 'apache-2.0', None)
    assert described('HFBackbone', 'lab/secret') == ('lab/secret', None, 'lab/secret')
    assert described('Qwen3VLBackbone', None) == (None, None, None)
    for path in (str(tmp_path), '/gone/model', '~/model', './a/b', 'a/b/c', r'C:\models\x'):
        assert described('Qwen3VLBackbone', path) == ('local files', None, None)


def test_the_verb(trained, tmp_path, capsys):
    main(['publish', str(trained), str(tmp_path / 'model')])
    said = capsys.readouterr().out
    assert f'wrote {tmp_path / "model"}: ' in said
    assert 'left out: the state of the optimizer' in said
    assert 'model.safetensors' in said


def test_a_licence_that_the_hub_would_not_take(trained, tmp_path):
    for name in ('', 'mit\nevil: true', 'MIT License'):
        with pytest.raises(ConfigError, match='is no name of a licence on the hub'):
            publish(trained, tmp_path / 'model', licence=name)
    assert not (tmp_path / 'model').exists()


def test_a_folder_whose_name_is_no_unicode(trained, tmp_path):
    folder = tmp_path / os.fsdecode(b'model_\xff')
    publish(trained, folder)
    assert 'model_name: model_?' in (folder / 'README.md').read_text()


@pytest.mark.parametrize(
    ('change', 'told'),
    [
        (lambda model: model.update(type='Nothing'), "KeyError: 'Nothing is not in"),
        (lambda model: model['backbone']['preset'].update(depth='x'), "Field 'depth' expected int, got str"),
        (lambda model: model['backbone'].update(type='nothing.Encoder'), 'is not registered'),
    ],
)
@pytest.mark.parametrize('use', [lambda folder: MultiTaskInferencer(folder, device='cpu'), from_pretrained])
def test_an_edited_config_of_which_no_model_can_be_built(published, tmp_path, monkeypatch, change, told, use):
    folder = shutil.copytree(published.folder, tmp_path / 'model')
    values = json.loads((folder / 'config.json').read_text())
    change(values['model'])
    (folder / 'config.json').write_text(json.dumps(values))
    monkeypatch.setenv('AURORA_TRUST', '1')
    with pytest.raises(WeightsError, match=re.escape(f'the config in {folder} cannot be used: ') + '.*' + told):
        use(folder)
