"""The HTML report of a training run and its test."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.progress import track

from aurora_mm.analysis.report import published, tables
from aurora_mm.analysis.report.calibration_section import CalibrationSection
from aurora_mm.analysis.report.groups_section import GroupsSection
from aurora_mm.analysis.report.results import Results
from aurora_mm.analysis.report.robustness_section import RobustnessSection
from aurora_mm.analysis.report.training_charts import task_charts, training_charts
from aurora_mm.analysis.report.training_log import TrainingLog
from aurora_mm.analysis.report.type_section import TypeSection
from aurora_mm.errors import DataError
from aurora_mm.files import write_text
from aurora_mm.version import __version__


def write_html_report(
    work_dir: str | Path,
    results_dir: str | Path | None = None,
    submission: str | Path | None = None,
    data_root: str | Path | None = None,
    out_file: str | Path | None = None,
) -> Path:
    """Write a report in one file that needs no network and can be read on a phone.

    Args:
        work_dir: Work dir of a training run, for its curves, or the folder of a test.
        results_dir: Folder written by ``aurora-mm test`` or ``aurora-mm score``; by default ``work_dir`` or its folder
            ``test``.
        submission: Folder of the predictions, for pictures of masks; by default ``submission`` in the folder of
            results.
        data_root: Folder that contains ``csv_files``, if it has moved since the results were written.
        out_file: File of the report; by default ``report.html`` in the folder of results.

    Returns:
        Path of the report.

    Raises:
        DataError: If there are no results, or one of their files is broken.
    """
    folder = _find_results(Path(work_dir), results_dir)
    results = Results.read(folder, submission, data_root)
    log = TrainingLog.read(work_dir)
    types = [
        TypeSection.of(results, task_type) for task_type in track(results.tasks.types(), 'Drawing', transient=True)
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
        groups=GroupsSection.of(results),
        robustness=RobustnessSection.of(results),
        calibration=CalibrationSection.of(results),
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
    raise DataError(f'no metrics.json in {looked}; run aurora-mm test CONFIG CHECKPOINT --submission first')
