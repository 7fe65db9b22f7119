"""The scores of a test run in a model card."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from aurora_mm.analysis.breakdown_tables import group_table
from aurora_mm.analysis.breakdowns import by_size, by_target
from aurora_mm.analysis.column_groups import column_table
from aurora_mm.analysis.report.results import Results
from aurora_mm.tables import markdown_table, markdown_text
from aurora_mm.tasks import Task


def reported_scores(results: Results) -> Iterator[tuple[Task, str, float, int]]:
    """Yield task, name and value of its headline score, and number of images; tasks without scored images are left out.

    Args:
        results: Results of a test run.
    """
    for task in results.tasks.values():
        headline, images = results.columns(task).headline, results.scores['images'][task.name]
        value = results.scores['tasks'][task.name].get(headline)
        if images and value is not None:
            yield task, headline, value, images


def score_section(results: Results, is_calibrated: bool) -> str:
    """Describe the scores, with their intervals.

    Args:
        results: Results of a test run.
        is_calibrated: Whether the published model is calibrated.

    Returns:
        Markdown: sentences and a table.
    """
    intervals = results.scores.get('intervals')
    level = '' if intervals is None else f'{100 * intervals["level"]:g} % '
    constant = (results.scores.get('constant') or {}).get('tasks', {})
    rows = []
    for task in results.tasks.values():
        found = results.columns(task)
        scores = results.scores['tasks'][task.name]
        keys = [found.headline, *(key for key in found.columns if key != found.headline and found.columns[key].brief)]
        texts = [found.columns[key].text(scores.get(key)) if key in found.columns else '-' for key in keys]
        others = ', '.join(f'{key} {text}' for key, text in zip(keys[1:], texts[1:], strict=True))
        bounds = results.interval('tasks', task.name, found.headline)
        column = found.columns.get(found.headline)
        between = '-' if bounds is None or column is None else ' to '.join(map(column.text, bounds))
        of_constant = '-' if column is None or task.name not in constant else column.text(
            constant[task.name].get(found.headline)
        )  # fmt: skip
        images = str(results.scores['images'][task.name])
        rows.append((task.name, images, f'{found.headline} {texts[0]}', between, of_constant, others))
    heads = ('task', 'test images', 'score', f'{level}interval', 'constant answer', 'other scores')
    groups = len({row.group for row in results.rows if row.group})
    drawn = f'images of one group, of which there are {groups}, together' if groups else 'images'
    sentences = ['Scores of a test run; `px` are pixels of the original image.']
    if intervals is not None:
        sentences.append(f'Intervals are of the bootstrap, which draws {drawn}.')
    if constant:
        sentences.append('A *constant answer* is the best one that does not look at the image.')
    tested = results.scores.get('model')
    if tested is None:
        sentences.append('The results do not say which weights they are of.')
    elif tested.get('views'):
        sentences.append('Predictions are averages over several views of each image (test-time augmentation).')
    if tested is not None and tested.get('calibrated') != is_calibrated:
        sentences.append('They were measured before the model was calibrated, which can change probabilities.')
    return f'{" ".join(sentences)}\n\n{markdown_table(heads, rows)}'


def breakdown_sections(results: Results) -> dict[str, str]:
    """Return tables of the scores by class or point and by size of the target, by title. No image is named."""
    found = {
        'Scores by class or point': group_table(by_target(results.rows), 'target'),
        'Scores by size of the target (its share of the image)': group_table(by_size(results.rows), 'size'),
    }
    return {title: table for title, table in found.items() if table}


def group_sections(results: Results, columns: Collection[str]) -> dict[str, str]:
    """Return a table of the scores of groups of images for each column, by title; the worst groups come first.

    Args:
        results: Results of a test run.
        columns: Columns whose values may be named.
    """
    return {
        f'Scores by {markdown_text(column)}': column_table(column, tasks)
        for column, tasks in results.groups().items()
        if column in columns
    }
