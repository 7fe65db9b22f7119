"""The scores of a cross-validation: mean and spread over folds, for each task."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from aurora_mm.analysis.scores_file import read_scores
from aurora_mm.errors import DataError
from aurora_mm.evaluation.per_image import read_scored_images
from aurora_mm.tables import Markdown, markdown_table

_FOLDER = re.compile(r'fold_([0-9]+)')
_MEANS = {'task_mean': 'mean over tasks', 'score': Markdown('**score** (mean over types)')}


class FoldScores(NamedTuple):
    """The scores of the folds of a cross-validation.

    Args:
        folds: Numbers of the folds, ascending.
        tasks: Scores by task and metric, ``primary`` among them. A score is None for a fold in which it is not defined.
        means: ``task_mean`` and ``score`` of each fold.
    """

    folds: list[int]
    tasks: dict[str, dict[str, list[float | None]]]
    means: dict[str, list[float]]

    @classmethod
    def read(cls, work_dir: str | Path) -> FoldScores:
        """Read ``fold_<k>/test/metrics.json`` below a folder.

        Args:
            work_dir: Folder in which ``aurora-mm train --fold k --work-dir`` trained the folds.

        Raises:
            DataError: If there are fewer than two folds, a fold was not tested, a file does not hold scores, the folds
                were not tested for the same tasks, or an image was tested for one task in two folds.
        """
        work_dir = Path(work_dir)
        found = {int(match[1]): path for path in work_dir.glob('fold_*') if (match := _FOLDER.fullmatch(path.name))}
        if len(found) < 2:
            here = ', '.join(found[fold].name for fold in sorted(found)) or 'none'
            raise DataError(f'folds are in fold_0, fold_1, ...; here are {here}', file=work_dir)
        scores = {}
        for fold, folder in sorted(found.items()):
            file = folder / 'test' / 'metrics.json'
            if not file.is_file():
                raise DataError('no scores of this fold: test it with `aurora-mm test`', file=file)
            scores[fold] = read_scores(file)
        names = list(scores[min(scores)]['tasks'])
        for fold, content in scores.items():
            if (others := set(content['tasks'])) != set(names):
                raise DataError(
                    f'tested for {", ".join(sorted(others))}, but fold {min(scores)} for {", ".join(sorted(names))}',
                    file=found[fold] / 'test' / 'metrics.json',
                )
        _check_images({fold: found[fold] / 'test' / 'per_image.csv' for fold in scores})
        each = list(scores.values())
        tasks = {
            name: {
                metric: [content['tasks'][name].get(metric) for content in each]
                for metric in dict.fromkeys(metric for content in each for metric in content['tasks'][name])
            }
            for name in names
        }
        return cls(list(scores), tasks, {key: [content[key] for content in each] for key in _MEANS})


def _check_images(tables: Mapping[int, Path]) -> None:
    """Check that no image was tested for one task in two folds; ``tables`` are their ``per_image.csv``, if they are."""
    fold_of: dict[tuple[str, str], int] = {}
    for fold, table in tables.items():
        if not table.is_file():
            continue
        # The folders of folds may hold links to one folder of images.
        images = {(task, os.path.realpath(path)) for task, path in read_scored_images(table)}
        if twice := sorted(image for image in images if image in fold_of):
            task, path = twice[0]
            count = '1 image was' if len(twice) == 1 else f'{len(twice)} images were'
            raise DataError(
                f'{count} tested in fold {fold_of[twice[0]]}, too, such as {path} of task {task!r}: '
                'test each fold on its own images, `aurora-mm test ... --data-root FOLDS/fold_<k> --split val`',
                file=table,
            )
        fold_of.update(dict.fromkeys(images, fold))


def fold_table(scores: FoldScores) -> str:
    """Format two Markdown tables: primary scores and means of each fold, and mean and spread of all metrics.

    Spread is the sample standard deviation over the folds.
    """
    heads = ['primary score', 'mean', 'spread', *(f'fold {fold}' for fold in scores.folds)]
    primary = [_row(name, metrics['primary']) for name, metrics in scores.tasks.items()]
    primary += [_row(title, scores.means[key]) for key, title in _MEANS.items()]
    all_metrics = [
        (name, metric, *_row('', values)[1:3], str(sum(value is not None for value in values)))
        for name, metrics in scores.tasks.items()
        for metric, values in metrics.items()
        if metric != 'primary'
    ]
    tables = markdown_table(heads, primary), markdown_table(('task', 'metric', 'mean', 'spread', 'folds'), all_metrics)
    return '\n'.join(tables)


def fold_json(scores: FoldScores) -> str:
    """Format the values of the tables, and those of each fold, as JSON text."""

    def figures(values_by_name: Mapping[str, list[Any]]) -> dict[str, Any]:
        return {
            name: dict(mean=_mean(values), spread=_spread(values), values=values)
            for name, values in values_by_name.items()
        }

    tasks = {name: figures(metrics) for name, metrics in scores.tasks.items()}
    content = dict(folds=scores.folds, tasks=tasks) | figures(scores.means)
    return json.dumps(content, indent=2, allow_nan=False) + '\n'


def _mean(values: list[Any]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _spread(values: list[Any]) -> float | None:
    known = [value for value in values if value is not None]
    return stdev(known) if len(known) > 1 else None


def _row(title: str, values: list[Any]) -> tuple[str, ...]:
    return (title, *('-' if value is None else f'{value:.3f}' for value in (_mean(values), _spread(values), *values)))
