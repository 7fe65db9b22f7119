import pytest
import torch

from aurora_mm.checkpoints import load_checkpoint_file, write_checkpoint
from aurora_mm.errors import ConfigError, OutputError
from tests.fixtures.limited_files import limited_files


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


def test_too_little_room_leaves_the_old_file(tmp_path):
    write_checkpoint(tmp_path / 'a.pth', content())
    large = dict(meta={}, state_dict={str(number): torch.ones(100_000) for number in range(3)})
    for most_bytes, new in ((300, content(2.0)), (9000, large), (700_000, large)):
        with limited_files(most_bytes), pytest.raises(OutputError, match=r'cannot write .*a\.pth: File too large'):
            write_checkpoint(tmp_path / 'a.pth', new)
    assert load_checkpoint_file(tmp_path / 'a.pth')['state_dict']['w'][0] == 1
    assert [path.name for path in tmp_path.iterdir()] == ['a.pth']
