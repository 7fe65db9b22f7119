"""Averaging and packing, by their scripts."""

from __future__ import annotations

import pytest

from aurora_mm.apis import read_checkpoint
from tests.fixtures.checkpoints import save_random_model


@pytest.fixture
def script(load_tool):
    return lambda name: load_tool(name).main


def test_checkpoints_are_averaged_then_packed(script, checkpoints, generated, tmp_path, capsys):
    other = save_random_model(tmp_path / 'other.pth', generated, seed=5)
    script('average_checkpoints')([str(tmp_path / 'mean.pth'), str(checkpoints[0]), str(other)])
    assert 'the mean of 2 checkpoints' in capsys.readouterr().out
    script('pack_model')(
        [str(tmp_path / 'packed.safetensors'), str(tmp_path / 'mean.pth'), '--data-root', str(generated)]
    )
    packed = read_checkpoint(tmp_path / 'packed.safetensors')
    assert packed['meta']['averaged_from'] == [str(checkpoints[0]), str(other)]
    assert packed['meta']['constant_answers'].keys() == {'organs', 'kind', 'find', 'ends'}
    first, second = (read_checkpoint(file)['state_dict'] for file in (checkpoints[0], other))
    weight = 'heads.segmentation.outputs.layers.organs.weight'
    assert (first[weight] != second[weight]).any()
    assert (packed['state_dict'][weight] - (first[weight] + second[weight]) / 2).abs().max() < 1e-6


def test_models_of_another_width_end_with_one_message(script, checkpoints, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        script('average_checkpoints')([str(tmp_path / 'mean.pth'), *map(str, checkpoints)])
    assert stopped.value.code == 1
    message = capsys.readouterr().err
    assert 'does not fit' in message
    assert 'has shape' in message
    assert not (tmp_path / 'mean.pth').exists()
