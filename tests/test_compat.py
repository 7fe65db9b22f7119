"""Guards for the original packages."""

from importlib import metadata

import numpy as np
import torch
from mmengine.runner import CheckpointLoader, load_checkpoint
from torch import nn

from aurora_mm import compat


def test_checkpoints_with_numpy_values_are_read_on_either_stack(tmp_path):
    model = nn.Linear(2, 2)
    file = tmp_path / 'epoch_1.pth'
    history = dict(loss=np.array([1.5]), lr=np.float64(0.1))
    torch.save(dict(state_dict=model.state_dict(), message_hub=history), file)
    other = nn.Linear(2, 2)
    checkpoint = load_checkpoint(other, str(file))
    assert checkpoint['message_hub'] == history
    assert torch.equal(other.weight, model.weight)


def test_the_guard_is_for_the_original_alone(monkeypatch, tmp_path):
    registered = []
    monkeypatch.setattr(CheckpointLoader, 'register_scheme', lambda **options: registered.append(options))

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(compat.metadata, 'version', absent)
    compat.apply_guards()
    assert registered == []
    monkeypatch.setattr(compat.metadata, 'version', lambda name: '0.10.7')
    compat.apply_guards()
    (options,) = registered
    assert (options['prefixes'], options['force']) == ('', True)
    torch.save(dict(value=np.float64(2)), tmp_path / 'x.pth')
    assert options['loader'](str(tmp_path / 'x.pth'), 'cpu') == dict(value=2)
    monkeypatch.setenv('HOME', str(tmp_path))
    assert options['loader']('~/x.pth') == dict(value=2)
