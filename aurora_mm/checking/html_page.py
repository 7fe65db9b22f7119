"""A check of data as one HTML file, with pictures."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
from jinja2 import Environment, PackageLoader, StrictUndefined

from aurora_mm.checking.check_data import DataReport
from aurora_mm.checking.problem import Problem
from aurora_mm.files import write_text
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import read_image

_WIDTH = 220
_PICTURES = 6
_LINES = 100


class Thumbnail(NamedTuple):
    """A small picture: its file, and the picture as a data URI."""

    file: str
    uri: str


def write_html_page(report: DataReport, file: str | Path) -> None:
    """Writes a page that needs no network and no other file.

    Args:
        report: What was found.
        file: Where to.
    """
    environment = Environment(
        loader=PackageLoader('aurora_mm.checking', ''),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    chooser = random.Random(0)
    html = environment.get_template('check.html.jinja').render(
        root=report.root,
        report=report,
        splits=list(report.facts),
        lines=_LINES,
        kinds=[(kind, found, _pictures_of(found)) for kind, found in report.by_kind().items()],
        tasks=[(task, _thumbnails(_examples(report, task.name, chooser))) for task in report.tasks.values()],
    )
    write_text(file, html)


def _examples(report: DataReport, task: str, chooser: random.Random) -> Sequence[str]:
    paths = [f.path for facts in report.facts.values() for f in facts if any(row['task'] == task for row in f.rows)]
    return chooser.sample(paths, min(len(paths), _PICTURES))


def _pictures_of(problems: Iterable[Problem]) -> list[Thumbnail]:
    paths = dict.fromkeys(path for problem in problems for path in problem.images)
    return _thumbnails(list(paths)[:_PICTURES])


def _thumbnails(paths: Iterable[str]) -> list[Thumbnail]:
    found = []
    for path in paths:
        try:
            pixels: Any = read_image(path).pixels
        except BadImage:
            continue
        height, width = pixels.shape[:2]
        size = (_WIDTH, max(1, round(height * _WIDTH / width)))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if width > _WIDTH else cv2.INTER_LINEAR)
        data = cv2.imencode('.jpg', small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
        found.append(Thumbnail(path, 'data:image/jpeg;base64,' + base64.b64encode(data).decode()))
    return found
