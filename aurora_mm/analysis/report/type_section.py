"""The section of the report about one task type."""

from __future__ import annotations

from dataclasses import dataclass

from aurora_mm.analysis.report.charts import Chart, type_colour
from aurora_mm.analysis.report.pictures import TaskPictures, task_pictures
from aurora_mm.analysis.report.result_charts import agreement_chart, metric_charts, roc_chart
from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.report.tables import Confusion, Score, ScoreTable, confusion, score_tables
from aurora_mm.evaluation import TaskMetric
from aurora_mm.tasks import Task


@dataclass(frozen=True)
class TypeSection:
    """The section of the report about one task type.

    Args:
        name: Name of the task type.
        colour: Colour of the task type as CSS.
        score: Mean of its tasks' primary scores.
        tables: Scores of its tasks.
        charts: Charts of the numbers of single targets.
        confusions: Confusion matrix of each task with class labels.
        roc: ROC chart of each task with class labels.
        pictures: Pictures of each task.
    """

    name: str
    colour: str
    score: Score
    tables: list[ScoreTable]
    charts: list[Chart]
    confusions: list[Confusion]
    roc: list[Chart]
    pictures: list[TaskPictures]

    @classmethod
    def of(cls, results: Results, task_type: str) -> TypeSection:
        """Build the section of a task type, of which results contain a task."""
        judged: dict[type[TaskMetric], list[Task]] = {}
        for task in results.tasks.of_type(task_type):
            metric = results.judge(task)
            if metric is not None:
                judged.setdefault(metric, []).append(task)
        labelled = [task for metric, tasks in judged.items() if 'probs' in metric.row_data for task in tasks]
        return cls(
            name=task_type,
            colour=type_colour(task_type),
            score=Score(results.scores['types'][task_type], results.interval('types', task_type)),
            tables=score_tables(results, task_type),
            charts=[
                *(chart for metric, tasks in judged.items() for chart in metric_charts(results, metric, tasks)),
                *(agreement_chart(results, task) for m, tasks in judged.items() if m.has_agreement for task in tasks),
            ],
            confusions=[confusion(results, task) for task in labelled],
            roc=[chart for task in labelled if (chart := roc_chart(results, task))],
            pictures=[task_pictures(results, task) for task in results.tasks.of_type(task_type)],
        )
