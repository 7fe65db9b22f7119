"""What the report shows of one task type, by what its metrics keep of each image."""

from __future__ import annotations

from dataclasses import dataclass

from aurora_mm.analysis.report.charts import Chart, type_colour
from aurora_mm.analysis.report.pictures import TaskPictures, task_pictures
from aurora_mm.analysis.report.result_charts import metric_charts, roc_chart
from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.report.tables import Confusion, Score, ScoreTable, confusion, score_tables
from aurora_mm.evaluation import TaskMetric
from aurora_mm.tasks import Task


@dataclass(frozen=True)
class TypeSection:
    """All that the report shows of one task type.

    Args:
        name: Of the type.
        colour: Of the type, as CSS.
        score: The mean of its tasks' primary scores.
        tables: The scores of its tasks.
        charts: Of the numbers of single targets.
        confusions: Of each task with labels.
        roc: Of each task with labels.
        pictures: Of each task.
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
        """Makes the section of a type that results hold a task of."""
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
            charts=[chart for metric, tasks in judged.items() for chart in metric_charts(results, metric, tasks)],
            confusions=[confusion(results, task) for task in labelled],
            roc=[chart for task in labelled if (chart := roc_chart(results, task))],
            pictures=[task_pictures(results, task) for task in results.tasks.of_type(task_type)],
        )
