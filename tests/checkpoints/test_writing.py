import json
import resource
import signal

import pytest
import torch
from safetensors import safe_open

from aurora_mm.checkpoints import load_checkpoint_file, write_checkpoint, write_packed
from aurora_mm.errors import ConfigError, OutputError


def content(value=1.0):
    return dict(meta=dict(note='x'), state_dict={'w': torch.full((100,), value), 'same': torch.ones(2)})


def test_a_checkpoint_loads_with_tensors_and_plain_values_alone(tmp_path):
    write_checkpoint(tmp_path / 'a.pth', content())
    found = torch.load(tmp_path / 'a.pth', weights_only=True)
    assert torch.serialization.get_unsafe_globals_in_checkpoint(tmp_path / 'a.pth') == []
    assert found['meta'] == dict(note='x')


def test_an_object_leaves_the_old_file(tmp_path):
    write_checkpoint(tmp_path / 'a.pth', content())
    with pytest.raises(ConfigError, match=r'meta\.f is of type builtins.function'):
        write_checkpoint(tmp_path / 'a.pth', dict(meta=dict(f=lambda: 2)))
    assert load_checkpoint_file(tmp_path / 'a.pth')['meta'] == dict(note='x')
    assert [path.name for path in tmp_path.iterdir()] == ['a.pth']


@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
def test_too_little_room_leaves_the_old_file(tmp_path, name):
    def write(value):
        if name.endswith('.pth'):
            write_checkpoint(tmp_path / name, content(value))
        else:
            write_packed(tmp_path / name, content(value)['meta'], content(value)['state_dict'])

    write(1.0)
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
        with pytest.raises(OutputError, match=rf'cannot write .*{name}: File too large'):
            write(2.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert load_checkpoint_file(tmp_path / name)['state_dict']['w'][0] == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_packed_model_is_tensors_and_json(tmp_path):
    shared = torch.arange(4.0)
    write_packed(
        tmp_path / 'a.safetensors', dict(note='ä', t=(1, 2)), {'a': shared, 'b': shared, 't': shared.view(2, 2).T}
    )
    with safe_open(tmp_path / 'a.safetensors', framework='pt') as file:
        assert json.loads(file.metadata()['aurora_mm'])['meta'] == dict(note='ä', t=[1, 2])
        assert sorted(file.keys()) == ['a', 'b', 't']
    assert torch.equal(load_checkpoint_file(tmp_path / 'a.safetensors')['state_dict']['t'], shared.view(2, 2).T)
