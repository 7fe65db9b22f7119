import pytest
import torch

from aurora_mm.apis import read_checkpoint, write_checkpoint
from aurora_mm.errors import WeightsError


def test_what_is_no_checkpoint_is_refused_by_name(tmp_path):
    with pytest.raises(WeightsError, match=r'no checkpoint at .*absent.pth'):
        read_checkpoint(tmp_path / 'absent.pth')
    for name, content in (('empty.pth', b''), ('text.pth', b'epoch 20\n'), ('zip.pth', b'PK\x03\x04' + bytes(100))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match=rf'{name} is no checkpoint, or only part of one'):
            read_checkpoint(tmp_path / name)


def test_half_a_checkpoint_is_refused(checkpoints, tmp_path):
    half = tmp_path / 'half.pth'
    half.write_bytes(checkpoints[0].read_bytes()[: checkpoints[0].stat().st_size // 2])
    with pytest.raises(WeightsError, match=r'half.pth is no checkpoint, or only part of one'):
        read_checkpoint(half)


@pytest.mark.parametrize(
    'content', [torch.zeros(2), dict(state_dict={}), dict(meta=dict(dataset_meta=None)), dict(meta=None)]
)
def test_weights_of_another_program_are_refused(tmp_path, content):
    torch.save(content, tmp_path / 'other.pth')
    with pytest.raises(WeightsError, match=r'other.pth names no tasks'):
        read_checkpoint(tmp_path / 'other.pth')


def test_a_failed_write_leaves_the_old_file(checkpoints, tmp_path):
    file = tmp_path / 'model.pth'
    write_checkpoint(file, dict(number=1))
    with pytest.raises(AttributeError):
        write_checkpoint(file, dict(number=lambda: 2))  # cannot be pickled
    assert torch.load(file) == dict(number=1)
    assert [path.name for path in tmp_path.iterdir()] == ['model.pth']
