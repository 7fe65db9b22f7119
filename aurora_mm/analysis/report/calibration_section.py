"""The section of the report about the calibration of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from aurora_mm.analysis.report.charts import Chart
from aurora_mm.analysis.report.results import Results
from aurora_mm.calibration.report import draw_reliability


class CoverageRow(NamedTuple):
    """A row of the table: a target of a task, and the coverage and mean size of its sets or margins as text."""

    task: str
    target: str
    reached: str
    size: str


@dataclass(frozen=True)
class CalibrationSection:
    """The section of the report about the calibration of the model.

    Args:
        asked: Coverage of the sets and margins as text.
        flagged: Share of images that are unlike the training images, as text; empty if none is flagged at all.
        rows: Rows of the table.
        charts: Reliability of each task whose predictions have probabilities.
    """

    asked: str
    flagged: str
    rows: list[CoverageRow]
    charts: list[Chart]

    @classmethod
    def of(cls, results: Results) -> CalibrationSection | None:
        """Build the section; None if the model was not calibrated."""
        content = results.calibration
        if content is None:
            return None
        rows, charts = [], []
        for name, task in content['tasks'].items():
            for target, coverage in task['coverage'].items():
                size = 'none' if coverage['size'] is None else f'{coverage["size"]:.1f} {task["unit"]}'
                rows.append(CoverageRow(name, target, _percent(coverage['reached']), size))
            if task['reliability']['before'] is not None:
                chart = Chart(name, 3.1, 3.1)
                with chart.draw() as axes:
                    draw_reliability(axes, task['reliability'])
                charts.append(chart)
        flagged = _percent(content['flagged']) if content.get('flagged') is not None else ''
        return cls(_percent(content['coverage']), flagged, rows, charts)


def _percent(share: float) -> str:
    return f'{100 * share:.1f} %'
