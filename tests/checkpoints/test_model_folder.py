"""What a model folder is, and what is refused; see tests/faults for files that are damaged at random."""

import json

import pytest
import torch
from safetensors.torch import load_file

from aurora_mm.checkpoints import fill_model_folder, is_model_folder, load_checkpoint_file
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.trust import trust_checkpoints

CFG = "model = dict(backbone=dict(type='A', sizes=(3, 4)))\n"
SHARED = torch.arange(4.0)
STATE = {'a': SHARED, 'b': SHARED, 't': SHARED.view(2, 2).T, 'half': torch.ones(3, dtype=torch.bfloat16)}


def meta():
    tasks = [dict(name='find', type='detection', classes=['lesion'])]
    return dict(cfg=CFG, dataset_meta=dict(tasks=tasks, image_fingerprints='x'), calibration=dict(ä=(1, 2)), epoch=3)


@pytest.fixture
def folder(tmp_path):
    fill_model_folder(tmp_path, meta(), STATE, '# card')
    return tmp_path


def test_it_is_tensors_and_json_and_a_card(folder):
    names = {'README.md', 'manifest.json', 'model.safetensors', 'config.json', 'tasks.json', 'dataset_meta.json'}
    assert {file.name for file in folder.iterdir()} == {*names, 'calibration.json'}
    assert json.loads((folder / 'config.json').read_text())['model']['backbone']['sizes'] == {'__tuple__': [3, 4]}
    assert json.loads((folder / 'tasks.json').read_text()) == meta()['dataset_meta']['tasks']
    assert load_file(folder / 'model.safetensors').keys() == STATE.keys()
    assert is_model_folder(folder)


def test_what_was_written_is_read(folder):
    found = load_checkpoint_file(folder)
    assert all(torch.equal(found['state_dict'][name], tensor) for name, tensor in STATE.items())
    assert found['state_dict']['half'].dtype == torch.bfloat16
    expected = meta()
    assert found['meta'].pop('cfg').strip() == "model = {'backbone': {'type': 'A', 'sizes': (3, 4)}}"
    assert found['meta'] == dict(dataset_meta=expected['dataset_meta'], calibration=expected['calibration'])
    assert load_checkpoint_file(folder, ('meta',)).keys() == {'meta'}


def test_the_card_may_be_edited(folder):
    (folder / 'README.md').write_text('# another')
    assert load_checkpoint_file(folder)['meta']


@pytest.mark.parametrize('name', ['config.json', 'tasks.json', 'dataset_meta.json', 'model.safetensors'])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(WeightsError, match=rf'{name} is missing: the model folder is not complete'):
        load_checkpoint_file(folder, ('meta',))


def test_truncated_weights(folder):
    file = folder / 'model.safetensors'
    file.write_bytes(file.read_bytes()[:-1])
    said = r'model\.safetensors changed since it was written, or is only part of it$'
    with pytest.raises(WeightsError, match=said):
        load_checkpoint_file(folder)
    with trust_checkpoints(), pytest.raises(WeightsError, match=said):
        load_checkpoint_file(folder)


def test_an_edited_config_needs_trust(folder):
    file = folder / 'config.json'
    file.write_text(file.read_text().replace('"A"', '"B"'))
    with pytest.raises(WeightsError, match=r'config\.json changed since it was written.*--trust'):
        load_checkpoint_file(folder, ('meta',))
    with trust_checkpoints():
        assert "'B'" in load_checkpoint_file(folder)['meta']['cfg']


def change_manifest(folder, change):
    file = folder / 'manifest.json'
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda m: m.update(aurora_mm_format=2), 'is of format 2, and this version of aurora_mm reads format 1'),
        (lambda m: m.update(aurora_mm_format=True), 'is of format True'),
        (lambda m: m.clear(), 'is no manifest of a model folder'),
        (lambda m: m.update(sha256=[]), 'does not list the files of a model folder'),
        (lambda m: m['sha256'].pop('config.json'), 'does not list the files of a model folder'),
        (lambda m: m['sha256'].update({'../x.json': ''}), 'does not list the files of a model folder'),
    ],
)
def test_another_manifest(folder, change, said):
    change_manifest(folder, change)
    with pytest.raises(WeightsError, match=rf'manifest\.json {said}'):
        load_checkpoint_file(folder)


def test_objects_are_not_written(tmp_path):
    with pytest.raises(ConfigError, match=r'meta\.training is of type builtins\.function'):
        fill_model_folder(tmp_path, meta() | dict(training=meta), STATE, '')
