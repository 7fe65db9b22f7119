"""The files that an ablation or a study ends with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aurora_mm.analysis.ablation_table import AblationRow, ablation_json, ablation_table
from aurora_mm.analysis.run_comparison import draw_comparison
from aurora_mm.analysis.run_history import read_run
from aurora_mm.files import write_text


def write_ablation(rows: Sequence[AblationRow], out: Path) -> str:
    """Write ``ablation.md``, ``ablation.json`` and, if logs exist, ``compare.png``.

    Args:
        rows: Results, of which the others are compared with the first.
        out: Folder in which the runs of each row are, and into which the files are written.

    Returns:
        The table, and a line with the names of the files.
    """
    table = ablation_table(rows)
    write_text(out / 'ablation.md', table)
    write_text(out / 'ablation.json', ablation_json(rows))
    logged = {row.name: out / row.name / f'seed_{row.seeds[0]}' for row in rows if row.seeds}
    histories = [read_run(at, name) for name, at in logged.items() if list(at.glob('*/vis_data/scalars.json'))]
    if histories:
        draw_comparison(histories, out / 'compare.png')
    return f'{table}\nwritten to {out}: ablation.md, ablation.json' + (', compare.png' if histories else '')
