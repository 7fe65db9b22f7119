from __future__ import annotations

import json

import pytest

from aurora_mm.analysis.fold_table import FoldScores, fold_json, fold_table
from aurora_mm.cli.main import main
from aurora_mm.errors import DataError
from aurora_mm.evaluation import ResultRow, write_per_image


def write_fold(folder, fold, primaries, **metrics):
    tasks = {name: dict(primary=value, **metrics) for name, value in primaries.items()}
    mean = sum(primaries.values()) / len(primaries)
    content = dict(tasks=tasks, types=dict(classification=mean), task_mean=mean, score=mean)
    file = folder / f'fold_{fold}' / 'test' / 'metrics.json'
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(content))


def write_images(folder, fold, task, *paths):
    places = dict(image_path='../a.png', mask_path='', group='', height=3, width=4)
    rows = [
        ResultRow(task, 'ClassificationMetric', '0', number, img_path=str(path), **places, values={})
        for number, path in enumerate(paths)
    ]
    write_per_image(folder / f'fold_{fold}' / 'test' / 'per_image.csv', rows)


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


def test_an_image_that_was_tested_in_two_folds_is_refused(tmp_path):
    (tmp_path / 'images').mkdir()
    for name in 'abc':
        (tmp_path / 'images' / f'{name}.png').touch()
    for fold in range(2):
        write_fold(tmp_path, fold, dict(lung=0.5, liver=0.5))
        (tmp_path / f'data_{fold}').symlink_to(tmp_path / 'images')
    first, second = tmp_path / 'data_0', tmp_path / 'data_1'
    write_images(tmp_path, 0, 'lung', first / 'a.png', first / 'b.png')
    FoldScores.read(tmp_path)  # where a fold has no names of images, nothing is known
    write_images(tmp_path, 1, 'lung', second / 'c.png')
    FoldScores.read(tmp_path)
    write_images(tmp_path, 1, 'liver', second / 'a.png')  # another task may divide the images in another way
    FoldScores.read(tmp_path)
    write_images(tmp_path, 1, 'lung', second / 'c.png', second / 'b.png')
    message = r"fold_1/test/per_image\.csv: 1 image was tested in fold 0, too, such as .*images/b\.png of task 'lung'"
    with pytest.raises(DataError, match=message):
        FoldScores.read(tmp_path)
