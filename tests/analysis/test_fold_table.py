from __future__ import annotations

import json

import pytest

from aurora_mm.analysis.fold_table import FoldScores, fold_json, fold_table
from aurora_mm.cli.main import main
from aurora_mm.errors import DataError


def write_fold(folder, fold, primaries, **metrics):
    tasks = {name: dict(primary=value, **metrics) for name, value in primaries.items()}
    mean = sum(primaries.values()) / len(primaries)
    content = dict(tasks=tasks, types=dict(classification=mean), task_mean=mean, score=mean)
    file = folder / f'fold_{fold}' / 'test' / 'metrics.json'
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(content))


def test_mean_and_spread_by_hand(tmp_path, capsys):
    for fold, score in ((10, 0.9), (2, 0.5), (1, 0.7)):
        write_fold(tmp_path, fold, dict(lung=score, liver=0.25), AUC=None if fold == 2 else score)
    main(['fold-table', str(tmp_path)])
    printed = capsys.readouterr().out
    scores = FoldScores.read(tmp_path)
    assert scores.folds == [1, 2, 10]
    assert scores.tasks['lung'] == dict(primary=[0.7, 0.5, 0.9], AUC=[0.7, None, 0.9])
    rows = [[cell.strip() for cell in line.strip('| ').split('|')] for line in fold_table(scores).splitlines()]
    assert ['lung', '0.700', '0.200', '0.700', '0.500', '0.900'] in rows  # deviations .0, -.2, .2 over 2
    assert ['liver', '0.250', '0.000', '0.250', '0.250', '0.250'] in rows
    assert ['mean over tasks', '0.475', '0.100', '0.475', '0.375', '0.575'] in rows
    assert ['lung', 'AUC', '0.800', '0.141', '2'] in rows
    assert (tmp_path / 'folds.md').read_text() in printed
    figures = json.loads((tmp_path / 'folds.json').read_text())
    assert figures == json.loads(fold_json(scores))
    assert figures['tasks']['lung']['primary'] == dict(
        mean=pytest.approx(0.7), spread=pytest.approx(0.2), values=[0.7, 0.5, 0.9]
    )


def test_folds_that_make_no_table(tmp_path):
    with pytest.raises(DataError, match='here are none'):
        FoldScores.read(tmp_path)
    write_fold(tmp_path, 0, dict(lung=0.5))
    with pytest.raises(DataError, match='here are fold_0'):
        FoldScores.read(tmp_path)
    (tmp_path / 'fold_1').mkdir()
    with pytest.raises(DataError, match=r'fold_1/test/metrics\.json: no scores of this fold'):
        FoldScores.read(tmp_path)
    write_fold(tmp_path, 2, dict(liver=0.5))
    (tmp_path / 'fold_1').rmdir()
    with pytest.raises(DataError, match=r'fold_2/test/metrics\.json: tested for liver, but fold 0 for lung'):
        FoldScores.read(tmp_path)
