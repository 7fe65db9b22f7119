"""What is measured of each image file, once, in worker processes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from aurora_mm.checking.label_checks import look_at_label
from aurora_mm.checking.label_facts import LabelFacts, facts_of_label
from aurora_mm.checking.problem import Problem
from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage
from aurora_mm.datasets.transforms.load_image import other_spacing
from aurora_mm.errors import DataError
from aurora_mm.images.pixel_spacing import impossible_spacing

_HASH_SIDE = 8
_THUMB_SIDE = 16
_COLOURED = 80  # difference of channels from which a pixel counts as coloured
_GREY_PART = 0.98  # of the pixels, in a picture that is grey but for marks


class ImageFacts(NamedTuple):
    """What is known of one image file.

    Args:
        path: Of the file.
        rows: Its rows, as a data set lists them.
        problems: Of the image and its labels.
        shape: (H, W), or None if the image cannot be read.
        brightness: Mean grey level, 0 to 255.
        digest: Of all pixels; equal pixels have equal digests.
        hash: 64-bit difference hash; images that look alike differ in few bits.
        thumbnail: (16, 16) float, the picture made small, of mean 0 and length 1.
        pixel_spacing: (height, width) of a pixel in mm, by the rows or else by the file; None if it is not known or
            impossible.
        mirrored_hash: That of the mirrored picture.
        labels: Of the labels that can be read, by task.
    """

    path: str
    rows: Sequence[dict[str, Any]]
    problems: list[Problem]
    shape: tuple[int, int] | None = None
    brightness: float = 0.0
    digest: bytes = b''
    hash: int = 0
    thumbnail: np.ndarray | None = None
    pixel_spacing: tuple[float, float] | None = None
    mirrored_hash: int = 0
    labels: Mapping[str, LabelFacts] = {}


def facts_of(rows: Sequence[dict[str, Any]]) -> ImageFacts:
    """Reads an image and its labels, as training would, and looks at them.

    Args:
        rows: All rows of one image file; a row whose task is '' stands for the image without a label.
    """
    path = rows[0]['img_path']
    try:
        loader = LoadUltrasoundImage()
        image = loader.read(rows[0])
    except DataError as error:
        return ImageFacts(path, rows, [Problem('unreadable image', str(error), True, rows[0]['task'], ())])
    loaded = loader.filled({k: v for k, v in rows[0].items() if k != 'pixel_spacing'}, image)
    pixels = loaded['img']
    problems: list[Problem] = []
    labels: dict[str, LabelFacts] = {}
    for row in rows:
        if row['task']:
            found, label = _look_at_row(row, loaded)
            problems += found
            if label is not None:
                labels[row['task']] = label
    problems += _problems_of_pixels(pixels, rows[0])
    problems += _problems_of_spacing(rows[0], image.pixel_spacing)
    spacing = rows[0].get('pixel_spacing', image.pixel_spacing)
    impossible = _problems_of_extent(rows[0], spacing, pixels.shape[:2])
    problems += impossible
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_HASH_SIDE + 1, _HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    return ImageFacts(
        path,
        rows,
        problems,
        pixels.shape[:2],
        float(grey.mean()),
        hashlib.blake2b(pixels.tobytes(), digest_size=16, key=str(pixels.shape).encode()).digest(),
        _difference_hash(small),
        _thumbnail(grey),
        None if impossible else spacing,
        _difference_hash(small[:, ::-1]),
        labels,
    )


def _look_at_row(row: dict[str, Any], loaded: dict[str, Any]) -> tuple[list[Problem], LabelFacts | None]:
    """Return the problems of a label, and what is kept of it; nothing of a label that cannot be read."""
    try:
        labelled = LoadTaskAnnotations().transform(loaded | row)
    except DataError as error:
        return [Problem('wrong label', str(error), True, row['task'], (row['img_path'],))], None
    place = f'{row["csv_file"]}, row {row["csv_row"]}: '
    problems = [
        Problem(kind, place + message, False, row['task'], (row['img_path'],))
        for kind, message in look_at_label(row['task_type'], labelled)
    ]
    return problems, facts_of_label(row['task_type'], labelled)


def _problems_of_pixels(pixels: np.ndarray, row: dict[str, Any]) -> list[Problem]:
    problems = []
    if pixels.min() == pixels.max():
        text = f'{row["img_path"]}: all pixels are {int(pixels.min())}'
        problems.append(Problem('empty image', text, False, row['task'], (row['img_path'],)))
    marks = _marks(pixels)
    if marks:
        text = f'{row["img_path"]}: {marks} coloured parts in a grey picture look like calipers or drawn marks'
        problems.append(Problem('drawn marks', text, False, row['task'], (row['img_path'],)))
    return problems


def _problems_of_spacing(row: dict[str, Any], of_file: tuple[float, float] | None) -> list[Problem]:
    text = other_spacing(row, of_file)
    if text is None:
        return []
    return [Problem('another pixel spacing than the file', text, False, '', (row['img_path'],))]


def _problems_of_extent(
    row: dict[str, Any], spacing: tuple[float, float] | None, shape: Sequence[int]
) -> list[Problem]:
    why = None if spacing is None else impossible_spacing(spacing, shape)
    if why is None:
        return []
    text = f'{row["csv_file"]}, row {row["csv_row"]}: {row["img_path"]} {why}'
    return [Problem('impossible pixel spacing', text, False, row['task'], (row['img_path'],))]


def _marks(pixels: np.ndarray) -> int:
    """The number of small coloured parts in a picture that is grey otherwise; 0 in one that has colours."""
    coloured = (np.ptp(pixels.astype(np.int16), axis=2) > _COLOURED).astype(np.uint8)
    part = coloured.mean()
    if not 0 < part < 1 - _GREY_PART:
        return 0
    count, _, stats, _ = cv2.connectedComponentsWithStats(coloured)
    return int((stats[1:count, cv2.CC_STAT_AREA] >= 4).sum())


def _difference_hash(small: np.ndarray) -> int:
    """Return whether each of 8 x 8 cells is brighter than its left neighbour, as 64 bits.

    Args:
        small: (8, 9) grey levels, the picture made small.
    """
    bits = (small[:, 1:] > small[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), 'big')


def _thumbnail(grey: np.ndarray) -> np.ndarray:
    small = cv2.resize(grey, (_THUMB_SIDE, _THUMB_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    length = float(np.linalg.norm(small))
    return small / length if length > 0 else small
