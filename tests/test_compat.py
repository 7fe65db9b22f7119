"""What MMEngine does otherwise once this package is imported."""

import os

import numpy as np
import pytest
import torch
from mmengine.fileio import get_file_backend
from mmengine.logging import MMLogger
from mmengine.runner import CheckpointLoader, load_checkpoint, save_checkpoint
from torch import nn

from aurora_mm import compat
from aurora_mm.console import use_console
from aurora_mm.errors import OutputError, WeightsError
from aurora_mm.trust import VARIABLE, trust_checkpoints
from tests.checkpoints.objects import payloads


@pytest.fixture(autouse=True)
def untrusted(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def test_checkpoints_with_numpy_values_are_read(tmp_path):
    model = nn.Linear(2, 2)
    file = tmp_path / 'epoch_1.pth'
    history = dict(loss=np.array([1.5]), lr=np.float64(0.1))
    torch.save(dict(state_dict=model.state_dict(), message_hub=history), file)
    other = nn.Linear(2, 2)
    checkpoint = load_checkpoint(other, str(file))
    assert checkpoint['message_hub'] == history
    assert torch.equal(other.weight, model.weight)


def test_what_mmengines_runner_reads_is_logged_and_not_printed(tmp_path, capsys):
    use_console(MMLogger.get_current_instance())
    torch.save(dict(state_dict={}), tmp_path / 'epoch_1.pth')
    assert CheckpointLoader.load_checkpoint(str(tmp_path / 'epoch_1.pth'), logger=None) == dict(state_dict={})
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize('name', ['os.system', 'eval'])
def test_mmengine_runs_no_code_of_a_checkpoint(tmp_path, name):
    proof = tmp_path / 'proof'
    torch.save(dict(state_dict={}, x=payloads(proof)[name]), tmp_path / 'evil.pth')
    with pytest.raises(WeightsError, match='--trust'):
        load_checkpoint(nn.Linear(2, 2), str(tmp_path / 'evil.pth'))
    assert not proof.exists()


def test_a_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    torch.save(dict(value=1), tmp_path / 'x.pth')
    assert CheckpointLoader.load_checkpoint('~/x.pth') == dict(value=1)


def test_tensors_go_where_they_are_wanted(tmp_path):
    state = nn.BatchNorm1d(2).state_dict()
    torch.save(dict(state_dict=state, more=[(torch.ones(1), 'x')]), tmp_path / 'x.pth')
    found = CheckpointLoader.load_checkpoint(str(tmp_path / 'x.pth'), 'meta')
    assert found['state_dict']['weight'].device.type == 'meta'
    assert found['more'][0][0].device.type == 'meta'
    assert found['state_dict']._metadata == state._metadata
    found = CheckpointLoader.load_checkpoint(str(tmp_path / 'x.pth'), lambda storage, location: storage)
    assert found['state_dict']['weight'].device.type == 'cpu'


@pytest.mark.parametrize('prefix', ['http://', 'https://', 'torchvision://', 'open-mmlab://', 'mmcls://'])
def test_downloads_are_read_by_torchs_restricted_reader(tmp_path, monkeypatch, prefix):
    """The loader of such names is MMEngine's own, which ends in `torch.load`."""
    proof = tmp_path / 'proof'
    torch.save(dict(x=payloads(proof)['os.system']), tmp_path / 'evil.pth')
    loader = CheckpointLoader._get_checkpoint_loader(f'{prefix}x')

    def load(filename, map_location=None):
        return torch.load(tmp_path / 'evil.pth', weights_only=bool(len(filename) > 5))

    guarded = compat._restricted(load)
    assert loader.__code__ is guarded.__code__
    with pytest.raises(Exception, match='Weights only load failed'):
        guarded('x')
    assert not proof.exists()
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ
    with trust_checkpoints():
        guarded('x')
    assert proof.exists()


def test_files_of_mmengine_are_written_whole(tmp_path, monkeypatch):
    flushed = []
    fsync = os.fsync
    monkeypatch.setattr(os, 'fsync', lambda handle: (flushed.append(handle), fsync(handle)))
    save_checkpoint(dict(a=1), str(tmp_path / 'a' / 'x.pth'))
    assert torch.load(tmp_path / 'a' / 'x.pth') == dict(a=1)
    assert flushed
    get_file_backend(str(tmp_path)).put_text('ä', tmp_path / 'x.txt')
    assert (tmp_path / 'x.txt').read_text(encoding='utf-8') == 'ä'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a', 'x.txt']
    with pytest.raises(OutputError, match='cannot write'):
        save_checkpoint(dict(a=1), str(tmp_path / 'x.txt' / 'y.pth'))
