"""`aurora-mm average-checkpoints`, and what is published of the average."""

from __future__ import annotations

import json

import pytest

from aurora_mm.apis import read_checkpoint
from aurora_mm.cli.main import main
from tests.fixtures.checkpoints import save_random_model


def test_checkpoints_are_averaged_then_published(checkpoints, generated, tmp_path, capsys):
    other = save_random_model(tmp_path / 'other.pth', generated, seed=5)
    main(['average-checkpoints', str(tmp_path / 'mean.pth'), str(checkpoints[0]), str(other)])
    assert 'the mean of 2 checkpoints' in capsys.readouterr().out
    main(['publish', str(tmp_path / 'mean.pth'), str(tmp_path / 'model')])
    assert json.loads((tmp_path / 'model' / 'training.json').read_text())['averaged_checkpoints'] == 2
    assert 'The weights are the mean of 2 checkpoints.' in (tmp_path / 'model' / 'README.md').read_text()
    first, second = (read_checkpoint(file)['state_dict'] for file in (checkpoints[0], other))
    weight = 'heads.segmentation.outputs.layers.organs.weight'
    assert (first[weight] != second[weight]).any()
    published = read_checkpoint(tmp_path / 'model')['state_dict']
    assert (published[weight] - (first[weight] + second[weight]) / 2).abs().max() < 1e-6


def test_models_of_another_width_end_with_one_message(checkpoints, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(['average-checkpoints', str(tmp_path / 'mean.pth'), *map(str, checkpoints)])
    assert stopped.value.code == 1
    message = capsys.readouterr().err
    assert 'does not fit' in message
    assert 'has shape' in message
    assert not (tmp_path / 'mean.pth').exists()


@pytest.mark.parametrize(
    'argv',
    [
        ['average-checkpoints', '{run}/epoch_1.pth', '{run}/epoch_2.pth', '{run}/epoch_3.pth'],  # OUT was forgotten
        ['merge-lora', '{run}/epoch_2.pth', '{run}/epoch_1.pth'],
        ['calibrate', 'aurora_us_real.py', '{run}/epoch_2.pth', '--out', '{run}/epoch_1.pth'],
        ['fit-router', 'aurora_us_real.py', '{run}/epoch_2.pth', '--out', '{run}/epoch_1.pth'],
    ],
)
def test_a_checkpoint_of_a_training_is_not_replaced(argv, checkpoints, tmp_path, capsys):
    for epoch in (1, 2, 3):
        (tmp_path / f'epoch_{epoch}.pth').write_bytes(checkpoints[0].read_bytes())
    before = (tmp_path / 'epoch_1.pth').stat().st_mtime_ns
    with pytest.raises(SystemExit) as stopped:
        main([text.format(run=tmp_path) for text in argv])
    assert stopped.value.code == 1
    assert 'epoch_1.pth is a checkpoint that would be lost; name another file' in capsys.readouterr().err
    assert (tmp_path / 'epoch_1.pth').stat().st_mtime_ns == before
