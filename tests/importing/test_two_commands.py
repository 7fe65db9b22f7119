"""From each published layout to a trained and tested model in two commands, on tiny trees."""

from __future__ import annotations

import pytest

from aurora_mm.cli.main import main
from tests.importing import trees
from tests.importing.test_layouts import CASES

BRIEF = ['train_cfg.max_epochs=1', 'train_dataloader.batch_sampler.num_batches=2']


@pytest.mark.slow
@pytest.mark.parametrize('layout', CASES)
def test_two_commands(layout, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, _, splits, options = CASES[layout]
    getattr(trees, layout)(tmp_path / 'src', 12)
    values = ['--mask-values', *map(str, options['mask_values'])] if 'mask_values' in options else []
    main(['import-data', 'src', 'data', *values])
    data = ['--data-root', 'data']
    held_out = 'test' if splits.keys() == {'train', 'test'} else 'val'
    brief = [*BRIEF, f'val_dataloader.dataset.split={held_out}', f'test_dataloader.dataset.split={held_out}']
    main(
        ['train', 'aurora_us_real.py', *data, '--tasks', 'data/tasks.py', '--work-dir', 'run', '--cfg-options', *brief]
    )
    main(['test', 'aurora_us_real.py', 'run/epoch_1.pth', *data, '--cfg-options', *brief[2:]])
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()
