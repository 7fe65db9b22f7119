"""Label files and lists of names as YOLO has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from aurora_mm.errors import DataError
from aurora_mm.importing.foreign_exports import is_dota_line
from aurora_mm.plain_numbers import plain_number

_KINDS = {'boxes': 'class, x, y, width and height', 'polygons': 'class and three or more corners x y'}


@dataclass(frozen=True)
class YoloLine:
    """An object of a label file; all numbers are shares of the width and the height of the image.

    Args:
        row: Number of the line, from 1.
        kind: Number of the class, as text.
        box: xyxy, clipped to the image; that around the corners of a polygon.
        corners: (N, 2) of a polygon; (0, 2) of a box.
        points: (K, 3) of an object with key points: x, y and visibility, 0 where a point is not labelled; else (0, 3).
    """

    row: int
    kind: str
    box: tuple[float, float, float, float]
    corners: np.ndarray
    points: np.ndarray


def read_lines(file: Path, point_shape: tuple[int, int] | None = None) -> list[YoloLine]:
    """Read a label file: boxes, ``class x y width height``; polygons, ``class x1 y1 x2 y2 x3 y3 ...``; or boxes with
    key points behind them.

    Args:
        file: Its path.
        point_shape: The number of key points, and of numbers for each, 2 or 3. None if there are none.

    Raises:
        DataError: If a line is of another kind, or not normalised.
    """
    found = []
    for row, line in enumerate(text_lines(file), 1):
        if not line.strip():
            continue
        kind, *texts = line.split()
        wanted = (
            f'class, x, y, width, height and {point_shape[0]} points'
            if point_shape
            else ' or of '.join(_KINDS.values())
        )
        try:
            numbers = np.array([plain_number(text) for text in texts])
        except ValueError:
            numbers = np.array([np.nan])
        count = 4 + point_shape[0] * point_shape[1] if point_shape else None
        is_polygon = count is None and len(numbers) >= 6 and len(numbers) % 2 == 0
        if not kind.isdecimal() or not np.isfinite(numbers).all() or not (is_polygon or len(numbers) == (count or 4)):
            hint = ', but one of DOTA, whose files are not read: export the data as COCO' if is_dota_line(line) else ''
            raise DataError(f'{line[:60]!r} is no line of {wanted}{hint}', file=file, row=row)
        found.append(_polygon(row, kind, numbers) if is_polygon else _box(row, kind, numbers, point_shape))
        if not _is_normalised(found[-1], numbers):
            raise DataError(f'{line[:60]!r} is not normalised to 0..1', file=file, row=row)
    return found


def read_yaml(file: Path) -> dict[str, Any]:
    """Read the object in a YAML file.

    Raises:
        DataError: If it is no YAML file; another value than an object is read as an empty one.
    """
    try:
        content = yaml.safe_load(file.read_bytes())
    except yaml.YAMLError as error:
        raise DataError('is no YAML file', file=file) from error
    return content if isinstance(content, dict) else {}


def read_names(file: Path) -> tuple[str, ...]:
    """Read the names of classes in the order of their numbers: ``names`` of a YAML file, else the lines of a text file.

    Raises:
        DataError: If a YAML file lists no name for each class.
    """
    if file.suffix.lower() not in ('.yaml', '.yml'):
        return tuple(line.strip() for line in text_lines(file) if line.strip())
    names = read_yaml(file).get('names')
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names:
        raise DataError(f'names must list a name for each class, not {str(names)[:60]}', file=file)
    return tuple(map(str, names))


def read_points(file: Path) -> tuple[tuple[int, int], tuple[str, ...]] | None:
    """Read what a YAML file says about key points.

    Returns:
        Their number and that of the numbers of each, and their names; None if there are none.

    Raises:
        DataError: If it contradicts itself.
    """
    content = read_yaml(file)
    shape = content.get('kpt_shape')
    if shape is None:
        return None
    if not isinstance(shape, list) or len(shape) != 2 or shape[1] not in (2, 3) or not 0 < shape[0] < 10_000:
        raise DataError(f'kpt_shape must be the number of points and 2 or 3, not {str(shape)[:60]}', file=file)
    names = content.get('kpt_names')
    names = next(iter(names.values()), None) if isinstance(names, dict) else names
    if names is None:
        names = [f'point_{number}' for number in range(1, shape[0] + 1)]
    if not isinstance(names, list) or len(names) != shape[0]:
        raise DataError(f'kpt_names must list {shape[0]} names, not {str(names)[:60]}', file=file)
    return (shape[0], shape[1]), tuple(map(str, names))


def text_lines(file: Path) -> list[str]:
    """Return the lines of a text file in UTF-8.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        return file.read_text(encoding='utf-8-sig').splitlines()
    except OSError as error:
        raise DataError(f'cannot be read ({error.strerror})', file=file) from error
    except UnicodeDecodeError as error:
        raise DataError(f'is not in UTF-8 ({error}); save it so', file=file) from error


def _box(row: int, kind: str, numbers: np.ndarray, point_shape: tuple[int, int] | None) -> YoloLine:
    x, y, w, h = numbers[:4].tolist()
    points: np.ndarray = np.empty((0, 3))
    if point_shape is not None:
        points = numbers[4:].reshape(point_shape)
        if point_shape[1] == 2:  # without a visibility, a point at (0, 0) is not labelled
            points = np.column_stack([points, 2 * points.any(axis=1)])
    box = (max(x - w / 2, 0), max(y - h / 2, 0), min(x + w / 2, 1), min(y + h / 2, 1))
    return YoloLine(row, kind, box, np.empty((0, 2)), points)


def _polygon(row: int, kind: str, numbers: np.ndarray) -> YoloLine:
    corners = numbers.reshape(-1, 2)
    (x1, y1), (x2, y2) = corners.min(0).tolist(), corners.max(0).tolist()
    return YoloLine(row, kind, (x1, y1, x2, y2), corners, np.empty((0, 3)))


def _is_normalised(line: YoloLine, numbers: np.ndarray) -> bool:
    if len(line.corners):
        return bool(numbers.min() > -0.01 and numbers.max() < 1.01)
    x, y, w, h = numbers[:4]
    places = line.points[line.points[:, 2] > 0, :2]
    return bool(
        0 < w <= 1 and 0 < h <= 1 and 0 <= x <= 1 and 0 <= y <= 1 and (places >= 0).all() and (places <= 1).all()
    )
