"""A cross-validation, from the CSV file to the table over folds."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from aurora_mm.cli.main import main
from tests.fixtures.type_chain import TypeChain, write_csv

TASKS = [dict(name='kind', type='classification', classes=['dark', 'bright'])]


@pytest.fixture
def chain(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / 'data' / 'img').mkdir(parents=True)
    rows = []
    for i in range(16):
        image = rng.normal(70 + 90 * (i % 2), 12, (40, 40)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / 'data' / 'img' / f'{i}.png'), image)
        row = dict(task_id='kind', task_name='classification', num_classes=2, image_path=f'../img/{i}.png', mask=i % 2)
        rows.append(row | dict(group=f'patient{i // 2}'))
    write_csv(tmp_path / 'data', 'kind', rows)
    return TypeChain(tmp_path, TASKS, dict(classification=dict(hidden_channels=16)))


def test_from_csv_to_the_table_over_folds(chain, tmp_path, capsys):
    config, folds, runs = str(chain.config), tmp_path / 'folds', tmp_path / 'cv'
    main(['split-data', str(tmp_path / 'data'), str(folds), '--folds', '2', '--tasks', str(tmp_path / 'tasks.py')])
    for fold in range(2):
        main(['train', config, '--data-root', str(folds), '--fold', str(fold), '--work-dir', str(runs)])
        run = runs / f'fold_{fold}'
        data = ['--data-root', str(folds / f'fold_{fold}'), '--split', 'val']
        main(['test', config, str(run / 'epoch_1.pth'), *data])
    capsys.readouterr()
    main(['fold-table', str(runs)])
    assert '| kind' in capsys.readouterr().out
    found = json.loads((runs / 'folds.json').read_text())
    assert found['folds'] == [0, 1]
    tested = [json.loads((runs / f'fold_{fold}' / 'test' / 'metrics.json').read_text()) for fold in range(2)]
    values = [scores['tasks']['kind']['primary'] for scores in tested]
    assert found['tasks']['kind']['primary']['values'] == values
    assert found['tasks']['kind']['primary']['mean'] == pytest.approx(sum(values) / 2)
    assert sum(scores['images']['kind'] for scores in tested) == 16  # every image is tested once
    with pytest.raises(SystemExit):
        main(['train', config, '--data-root', str(folds), '--fold', '2', '--work-dir', str(runs)])
    assert 'no fold 2: ' in capsys.readouterr().err
