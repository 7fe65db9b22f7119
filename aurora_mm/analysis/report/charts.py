"""Charts as data URIs: SVG by matplotlib, narrow enough to be read on a phone."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from aurora_mm.task_types import TASK_TYPES

INK = '#1d2733'
FAINT = '#8a94a0'
# The colours of Okabe and Ito, which can be distinguished with any colour vision.
COLOURS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#7f7f7f')
_STYLE: dict[Any, Any] = {
    'font.family': 'DejaVu Sans',
    'font.size': 8.5,
    'axes.edgecolor': FAINT,
    'axes.labelcolor': INK,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.axisbelow': True,
    'grid.color': '#e6eaee',
    'grid.linewidth': 0.7,
    'xtick.color': INK,
    'ytick.color': INK,
    'text.color': INK,
    'legend.frameon': False,
    'legend.fontsize': 8,
    'lines.linewidth': 1.6,
    'svg.fonttype': 'path',
    'text.parse_math': False,  # names of classes may contain dollar signs
    'svg.hashsalt': 'aurora_mm',
}


def type_colour(task_type: str) -> str:
    """Return the colour of a task type, by its index among the registered types."""
    return COLOURS[list(TASK_TYPES).index(task_type) % len(COLOURS)]


class Chart:
    """A chart with one pair of axes, stored as a data URI for ``<img src=...>``.

    Args:
        title: Title above the chart.
        width: Width in inches of 96 CSS pixels. A phone, or one of three columns on a desktop, shows about 3.6 inches.
        height: Height in the same inches.
    """

    def __init__(self, title: str, width: float = 3.7, height: float = 2.9) -> None:
        self.title = title
        self.width, self.height = round(width * 96), round(height * 96)
        self.uri = ''
        self._size = (width, height)

    @contextmanager
    def draw(self) -> Iterator[Axes]:
        """Yield axes to draw on; at the end of the block the chart is stored."""
        with rc_context(_STYLE):
            figure = Figure(figsize=self._size, layout='constrained')
            axes = figure.subplots()
            yield axes
            buffer = io.BytesIO()
            figure.savefig(buffer, format='svg', transparent=True, metadata={'Date': None})
        self.uri = 'data:image/svg+xml;base64,' + base64.b64encode(buffer.getvalue()).decode()


def legend_below(axes: Axes, columns: int = 3) -> None:
    """Add a legend below the axes, where it hides no curve."""
    axes.figure.legend(loc='outside lower center', ncols=columns, handlelength=1.4, columnspacing=1.2)


def plain_log_axis(axis: Axis) -> None:
    """Label an axis with plain numbers such as 0.01 and 100 at powers of ten, and between them if it covers few."""
    if axis.get_scale() == 'log':
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
    axis.set_minor_formatter(NullFormatter())
