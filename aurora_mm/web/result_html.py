"""The result of a prediction as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from aurora_mm.visualization.drawers import SHOWN_SCORE

_MOST_SCORES = 6
_UNITS = {'mm2': 'mm²', 'px2': 'px²', 'deg': '°', 'px': 'px', 'mm': 'mm'}


def result_html(image: dict[str, Any], overlays: Mapping[str, str]) -> str:
    """Return the pictures and values of a prediction as HTML. All text is escaped.

    Args:
        image: An entry of ``images`` in ``predictions.json``.
        overlays: Addresses of the pictures, by task.
    """
    values = dict(most=_MOST_SCORES, units=_UNITS, shown_boxes=_shown_boxes)
    return _template('result.html.jinja').render(image=image, overlays=overlays, **values)


def message_html(message: str, is_error: bool = False) -> str:
    """Return a sentence as HTML. It is escaped.

    Args:
        message: The sentence.
        is_error: Whether it says what went wrong.
    """
    return _template('message.html.jinja').render(message=message, is_error=is_error)


def _shown_boxes(prediction: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the boxes that the picture of a prediction shows; without a score, all."""
    boxes: list[dict[str, Any]] = prediction['boxes']
    shown = [box for box in boxes if box['score'] is None or box['score'] >= SHOWN_SCORE]
    return shown or (boxes[:1] if prediction['type'] == 'detection' else [])


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(name)
