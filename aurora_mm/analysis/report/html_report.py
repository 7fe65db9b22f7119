"""One self-contained HTML file about a training run and its test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.progress import track

from aurora_mm.analysis.report import published, tables
from aurora_mm.analysis.report.charts import Chart, type_colour
from aurora_mm.analysis.report.pictures import TaskPictures, task_pictures
from aurora_mm.analysis.report.result_charts import metric_charts, roc_chart
from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.report.training_charts import task_charts, training_charts
from aurora_mm.analysis.report.training_log import TrainingLog
from aurora_mm.errors import DataError
from aurora_mm.evaluation import TaskMetric
from aurora_mm.tasks import Task
from aurora_mm.utils import write_text
from aurora_mm.version import __version__


@dataclass(frozen=True)
class _TypeSection:
    """All that the report shows of one task type."""

    name: str
    colour: str
    score: tables.Score
    tables: list[tables.ScoreTable]
    charts: list[Chart]
    confusions: list[tables.Confusion]
    roc: list[Chart]
    pictures: list[TaskPictures]

    @classmethod
    def of(cls, results: Results, task_type: str) -> _TypeSection:
        judged: dict[type[TaskMetric], list[Task]] = {}
        for task in results.tasks.of_type(task_type):
            metric = results.judge(task)
            if metric is not None:
                judged.setdefault(metric, []).append(task)
        labelled = [task for metric, tasks in judged.items() if 'probs' in metric.row_data for task in tasks]
        return cls(
            name=task_type,
            colour=type_colour(task_type),
            score=tables.Score(results.scores['types'][task_type], results.interval('types', task_type)),
            tables=tables.score_tables(results, task_type),
            charts=[chart for metric, tasks in judged.items() for chart in metric_charts(results, metric, tasks)],
            confusions=[tables.confusion(results, task) for task in labelled],
            roc=[chart for task in labelled if (chart := roc_chart(results, task))],
            pictures=[task_pictures(results, task) for task in results.tasks.of_type(task_type)],
        )


def write_html_report(
    work_dir: str | Path,
    results_dir: str | Path | None = None,
    submission: str | Path | None = None,
    data_root: str | Path | None = None,
    out_file: str | Path | None = None,
) -> Path:
    """Writes a report that needs no network and no other file, and can be read on a phone.

    Args:
        work_dir: Of a training run, for its curves; it may as well be the folder of a test alone.
        results_dir: What ``tools/test.py`` or ``tools/score.py`` wrote; by default ``work_dir`` or its folder
            ``test``.
        submission: The predictions, for pictures of masks; by default the folder ``submission`` among the results.
        data_root: The folder of ``csv_files``, if it is not where it was when the results were made.
        out_file: Where to write; by default ``report.html`` among the results.

    Returns:
        The file.

    Raises:
        DataError: If there are no results, or one of their files is broken.
    """
    folder = _find_results(Path(work_dir), results_dir)
    results = Results.read(folder, submission, data_root)
    log = TrainingLog.read(work_dir)
    types = [
        _TypeSection.of(results, task_type) for task_type in track(results.tasks.types(), 'Drawing', transient=True)
    ]
    environment = Environment(
        loader=PackageLoader('aurora_mm.analysis.report', ''),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = environment.get_template('report.html.jinja').render(
        results=results,
        score=tables.Score(results.scores['score'], results.interval('score')),
        types=types,
        constant=results.scores.get('constant'),
        comparisons=tables.comparisons(results),
        published=published,
        published_columns=tables.published_columns(),
        training=training_charts(log),
        by_task=task_charts(log, results.tasks),
        images=sum(results.scores['images'].values()),
        version=__version__,
        written=datetime.now(timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
    )
    out_file = Path(out_file or folder / 'report.html')
    write_text(out_file, html)
    return out_file


def _find_results(work_dir: Path, results_dir: str | Path | None) -> Path:
    places = [Path(results_dir)] if results_dir is not None else [work_dir, work_dir / 'test']
    for place in places:
        if (place / 'metrics.json').is_file():
            return place
    looked = ' and '.join(str(place) for place in places)
    raise DataError(f'no metrics.json in {looked}; run tools/test.py CONFIG CHECKPOINT --submission first')
