"""The section of the report about corrupted images."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from aurora_mm.analysis.report.charts import COLOURS, Chart
from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.robustness_table import SCORE, RobustnessRow, robustness_rows
from aurora_mm.errors import DataError

EXAMPLES = 'robustness'
"""Folder of the examples in the folder of results: ``<corruption>.jpg``, the image as it is and at each strength."""


@dataclass(frozen=True)
class Example:
    """A strip of pictures of one corruption.

    Args:
        title: Of the corruption.
        unit: What strength 1 is.
        uri: The picture; ``''`` if there is no file of it.
    """

    title: str
    unit: str
    uri: str


@dataclass(frozen=True)
class RobustnessSection:
    """The section of the report about corrupted images.

    Args:
        strengths: Of the corruptions, as text.
        rows: Losses of each task and of the score.
        charts: Scores by strength of each task, and of all.
        examples: Pictures of each corruption.
    """

    strengths: str
    rows: list[RobustnessRow]
    charts: list[Chart]
    examples: list[Example]

    @classmethod
    def of(cls, results: Results) -> RobustnessSection | None:
        """Build the section; None if the test was not asked for it.

        Raises:
            DataError: If ``metrics.json`` has other content there than a test writes.
        """
        content = results.scores.get('robustness')
        if content is None:
            return None
        try:
            strengths = [float(strength) for strength in content['strengths']]
            rows = robustness_rows(content)
            units = {title: str(one['unit']) for title, one in content['corruptions'].items()}
            charts = [_curves(row, strengths) for row in (rows[-1], *rows[:-1])]
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise DataError(
                f'no robustness as aurora-mm test writes it: {error!r}', file=results.folder / 'metrics.json'
            ) from error
        text = ', '.join(f'{strength:g}' for strength in strengths)
        return cls(
            text, rows, charts, [Example(title, unit, _picture(results, title)) for title, unit in units.items()]
        )


def _curves(row: RobustnessRow, strengths: list[float]) -> Chart:
    title = 'score: mean over the types' if row.name == SCORE else row.name
    chart = Chart(title, 3.7, 2.6)
    with chart.draw() as axes:
        for colour, (name, values) in zip(COLOURS, row.curves.items(), strict=False):
            axes.plot([0.0, *strengths], values, marker='o', markersize=2.5, color=colour, label=name)
        axes.set_xlabel('strength')
        axes.set_ylim(0, 1)
        axes.legend(fontsize=6.5, ncol=2, loc='lower left')
    return chart


def _picture(results: Results, title: str) -> str:
    file = results.folder / EXAMPLES / f'{title.replace(" ", "_")}.jpg'
    if not file.is_file():
        return ''
    return 'data:image/jpeg;base64,' + base64.b64encode(file.read_bytes()).decode()
