"""Damaged and hostile checkpoint files: refused in one sentence, or read as they were written."""

import copy
import io
import os
import pickle
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmengine.runner import CheckpointLoader

from aurora_mm.apis import average_checkpoints, read_checkpoint, require_resumable, write_checkpoint
from aurora_mm.apis.checkpoint import trained_config, trained_tasks
from aurora_mm.checkpoints import fill_model_folder, load_checkpoint_file, read_config_text, seal
from aurora_mm.errors import WeightsError
from aurora_mm.trust import VARIABLE
from tests.checkpoints.objects import payloads
from tests.faults.mutations import OF_BYTES, OF_ZIP
from tests.faults.tally import Tally

GROUP = 'Checkpoint files'
CONFIG = """
custom_imports = dict(imports=['aurora_mm'])
model = dict(
    backbone=dict(type='Qwen3VLBackbone', preset=dict(depth=4, hidden_size=48), pretrained=None),
    heads=dict(detection=dict(type='DenseDetectionHead', channels=(8, 16))),
    type='MultiTaskModel')
test_dataloader = dict(dataset=dict(pipeline=[dict(type='LoadUltrasoundImage'), dict(size=-1.5e3, type='FitToSize')]))
"""
FILES = ('model.safetensors', 'config.json', 'tasks.json', 'manifest.json')
SEEDS = st.integers(0, 2**32 - 1)
QUIET = dict(deadline=None, suppress_health_check=list(HealthCheck))
few, many = settings(max_examples=25, **QUIET), settings(max_examples=500, **QUIET)


@pytest.fixture(autouse=True, scope='module')
def quiet():
    """No trust; and torch and zipfile warn of much that they then refuse."""
    before = os.environ.pop(VARIABLE, None)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield
    if before is not None:
        os.environ[VARIABLE] = before


def checkpoint():
    generator = torch.Generator().manual_seed(0)
    state = {f'layer.{i}.weight': torch.randn(20 + i, 7, generator=generator) for i in range(4)}
    state |= {'count': torch.tensor(3), 'half': torch.randn(9, generator=generator).half()}
    tasks = [
        dict(name='find', type='detection', classes=['lesion']),
        dict(name='ends', type='landmark', points=['a', 'b']),
    ]
    meta = dict(epoch=3, iter=12, cfg=CONFIG, dataset_meta=dict(tasks=tasks), seed=1, note=[1.5, None, True, 'ä'])
    groups = [dict(params=[0, 1], lr=1e-3, betas=(0.9, 0.99))]
    moments = {i: dict(step=torch.tensor(3.0), exp_avg=torch.randn(20, 7, generator=generator)) for i in range(2)}
    return dict(
        meta=meta,
        state_dict=state,
        message_hub=dict(log_scalars={}, runtime_info=dict(epoch=3), resumed_keys=dict(epoch=True)),
        optimizer=dict(state=moments, param_groups=groups),
    )


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """A folder, and the bytes of a checkpoint and of the files of a model folder, by name."""
    folder = tmp_path_factory.mktemp('damaged')
    content = checkpoint()
    write_checkpoint(folder / 'a.pth', content)
    model = folder / 'model'
    model.mkdir()
    fill_model_folder(model, content['meta'], content['state_dict'], card='')
    return folder, {'a.pth': (folder / 'a.pth').read_bytes()} | {name: (model / name).read_bytes() for name in FILES}


def equal(a, b):
    """Whether plain values and tensors are the same; tuples and lists are one, as JSON has it."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(equal, a, b))
    return a == b


def same_model(found, right):
    """Whether weights, tasks and config are the same; a model folder keeps no counters of the training."""
    return equal(found[0], right[0]) and found[2:] == right[2:]


def used(file):
    """All that test, inference, averaging, merging and publishing take from a checkpoint."""
    content = read_checkpoint(file)
    state = dict(sorted(content['state_dict'].items()))
    return state, content['meta'], trained_tasks(content).to_config(), trained_config(content, file).to_dict()


class SameWeights(torch.nn.Module):
    """A model that has the weights of the checkpoint."""

    def state_dict(self):
        return checkpoint()['state_dict']


def resumed(file):
    """All that a resumed run takes from it, by MMEngine's way, once `aurora-mm train --resume` has looked at it."""
    require_resumable(SameWeights(), file)
    content = CheckpointLoader.load_checkpoint(str(file), logger='silent')
    return content['state_dict'], content['meta'], content['optimizer'], content['message_hub']['runtime_info']


CASES = [
    *(('a.pth', kind, change) for kind, change in (OF_BYTES | OF_ZIP).items()),
    *((name, kind, change) for name in FILES for kind, change in OF_BYTES.items()),
]
IDS = [f'{name.removeprefix("a.")}-{kind}' for name, kind, _ in CASES]


def try_damaged(written, name, kind, change, seed):
    folder, data = written
    tally = Tally(GROUP, f'{name.removeprefix("a.")}: {kind}')
    if name in FILES:
        model, right = folder / 'model', used(folder / 'a.pth')
        write(model / name, change(data[name], np.random.default_rng(seed)))
        tally.case(lambda: used(model), lambda found: same_model(found, right), str(model), (kind, seed))
        write(model / name, data[name])
    else:
        right = used(write(folder / f'right-{name}', data[name]))
        damaged = write(folder / f'damaged-{name}', change(data[name], np.random.default_rng(seed)))
        tally.case(lambda: used(damaged), lambda found: equal(found, right), f'damaged-{name}', (kind, seed))
        expected = resumed(folder / 'right-a.pth')
        tally.case(lambda: resumed(damaged), lambda found: equal(found, expected), f'damaged-{name}', (kind, seed))
    assert tally.escaped == []


def write(file, data):
    file.write_bytes(data)
    return file


@pytest.mark.parametrize(('name', 'kind', 'change'), CASES, ids=IDS)
def test_a_damaged_file_is_refused_or_read_as_it_was(written, name, kind, change):
    @few
    @given(SEEDS)
    def run(seed):
        try_damaged(written, name, kind, change, seed)

    run()


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'kind', 'change'), CASES, ids=IDS)
def test_many_damaged_files(written, name, kind, change):
    @many
    @given(SEEDS)
    def run(seed):
        try_damaged(written, name, kind, change, seed)

    run()


@pytest.mark.parametrize('kind', ['a record replaced', 'some bytes', 'the pickle mutated'])
def test_damaged_files_among_those_that_are_averaged(written, kind):
    folder, data = written
    right = average_checkpoints([folder / 'a.pth'] * 2)['state_dict']

    @few
    @given(SEEDS)
    def run(seed):
        damaged = write(folder / 'damaged.pth', (OF_BYTES | OF_ZIP)[kind](data['a.pth'], np.random.default_rng(seed)))
        tally = Tally(GROUP, 'averaged with a sound one')
        tally.case(
            lambda: average_checkpoints([folder / 'a.pth', damaged])['state_dict'],
            lambda found: equal(found, right),
            'damaged.pth',
            (kind, seed),
        )
        assert tally.escaped == []

    run()


@pytest.mark.parametrize('where', ['meta', 'state_dict', 'message_hub', 'optimizer', 'more', 'top'])
@pytest.mark.parametrize('name', list(payloads(None)))
def test_a_file_with_code_in_it_runs_nothing(written, tmp_path, name, where):
    """Wherever the object stands, in every format that torch reads, and by every way of reading."""
    proof, file = tmp_path / 'proof', tmp_path / 'evil.pth'
    content = checkpoint()
    evil = payloads(proof)[name]
    if where == 'top':
        content = evil
    elif where == 'more':
        content['more'] = evil
    else:
        content[where]['evil'] = evil
    tally = Tally('Code in a checkpoint', name)
    for protocol in (2, 4):
        for how in ('zip', 'legacy', 'pickle'):
            if how == 'pickle':
                file.write_bytes(pickle.dumps(content, protocol))
            else:
                torch.save(content, file, pickle_protocol=protocol, _use_new_zipfile_serialization=how == 'zip')
            for read in (used, resumed):
                tally.case(lambda read=read: read(file), lambda found: False, 'evil.pth', (name, where, how))
                assert not proof.exists()
    assert tally.escaped == []


@pytest.mark.parametrize(
    'change',
    [
        dict(cfg="import os\nos.system('echo ran > {proof}')\n" + CONFIG),
        dict(cfg="x = __import__('os').system('echo ran > {proof}')\n" + CONFIG),
        dict(cfg=CONFIG.replace("type='Qwen3VLBackbone'", "type='os.system', command='echo ran > {proof}'")),
        dict(cfg=CONFIG.replace("type='LoadUltrasoundImage'", "type='subprocess.run', args='echo ran > {proof}'")),
        dict(cfg=CONFIG.replace("imports=['aurora_mm']", "imports=['tests.faults.proof_of_import']")),
        dict(config="import os\nos.system('echo ran > {proof}')"),
    ],
    ids=['text', 'call', 'part', 'transform', 'import', 'resume'],
)
def test_a_config_with_code_in_it_runs_nothing(tmp_path, monkeypatch, change):
    proof, file = tmp_path / 'proof', tmp_path / 'evil.pth'
    monkeypatch.setenv('PROOF', str(proof))
    content = checkpoint()
    content['meta'] |= {key: text.replace('{proof}', str(proof)) for key, text in change.items()}
    write_checkpoint(file, content)
    tally = Tally('Code in a checkpoint', 'in its config')
    tally.case(lambda: used(file), lambda found: False, 'evil.pth', change)
    assert tally.escaped == []
    assert not proof.exists()


@pytest.mark.parametrize('text', [CONFIG], ids=['config'])
def test_mutated_config_texts_are_data_or_refused(text):
    data = text.encode()

    @settings(max_examples=300, **QUIET)
    @given(SEEDS)
    def run(seed):
        rng = np.random.default_rng(seed)
        change = list(OF_BYTES.values())[rng.integers(len(OF_BYTES))]
        mutated = change(data, rng).decode(errors='surrogateescape')
        tally = Tally('Code in a checkpoint', 'texts of configs, mutated')
        tally.case(lambda: read_config_text(mutated), _is_plain, 'config', seed)
        assert tally.escaped == []

    run()


@given(st.text(max_size=60))
@settings(max_examples=200, **QUIET)
def test_any_text_is_data_or_refused(text):
    tally = Tally('Code in a checkpoint', 'any text as a config')
    tally.case(lambda: read_config_text(text), _is_plain, 'config', repr(text))
    assert tally.escaped == []


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(PLAIN)
@settings(max_examples=200, **QUIET)
def test_any_plain_values_are_written_and_read_back(value):
    buffer = io.BytesIO()
    sealed = seal(dict(meta=value))
    torch.save(sealed, buffer)
    buffer.seek(0)
    assert torch.load(buffer) == sealed
    assert sealed['meta'] == value


def _is_plain(value):
    if isinstance(value, dict):
        return all(_is_plain(item) for pair in value.items() for item in pair)
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


ODD = [
    ('tasks', lambda c: c['meta']['dataset_meta'].update(tasks=[dict(name=1)])),
    ('a task without a type', lambda c: c['meta']['dataset_meta']['tasks'][0].pop('type')),
    ('no tasks', lambda c: c['meta'].pop('dataset_meta')),
    ('no weights', lambda c: c.pop('state_dict')),
    ('weights as a list', lambda c: c.update(state_dict=[1, 2])),
    ('a weight as a number', lambda c: c['state_dict'].update(count=3)),
    ('no config', lambda c: c['meta'].pop('cfg')),
    ('a config as a dict', lambda c: c['meta'].update(cfg=dict(model=1))),
    ('a config without a model', lambda c: c['meta'].update(cfg='x = 1')),
    ('a model as a number', lambda c: c['meta'].update(cfg='model = 1')),
    ('meta as text', lambda c: c.update(meta='text')),
    ('checksums as text', lambda c: c.update(sha256='text')),
]


@pytest.mark.parametrize(('kind', 'change'), ODD, ids=[kind for kind, _ in ODD])
def test_a_sound_file_of_odd_content_is_refused(tmp_path, kind, change):
    """As another program may write it: no checksum is wrong."""
    content = copy.deepcopy(checkpoint())
    change(content)
    file = tmp_path / 'odd.pth'
    if 'sha256' in content:
        torch.save(content, file)
    else:
        write_checkpoint(file, content)
    tally = Tally(GROUP, 'sound files of odd content')
    tally.case(lambda: used(file), lambda found: False, 'odd.pth', kind)
    assert tally.escaped == []


def test_the_checks_would_notice(written):
    """A reader without them would give other weights."""
    folder, data = written
    records = OF_ZIP['a record replaced']
    for seed in range(40):
        damaged = write(folder / 'damaged.pth', records(data['a.pth'], np.random.default_rng(seed)))
        try:
            found = torch.load(damaged, weights_only=True)['state_dict']
        except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, ValueError):
            continue
        if not equal(found, checkpoint()['state_dict']):
            with pytest.raises(WeightsError, match='changed since'):
                load_checkpoint_file(damaged, ('meta', 'state_dict'))
            return
    pytest.fail('no mutation changed a weight')
