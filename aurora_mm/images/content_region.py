"""Where a picture shows ultrasound, found from its pixels: without margins, texts, scales and logos around it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

Region = tuple[int, int, int, int]

_WORKING_SIDE = 256  # pixels of the longer side, to which larger pictures are reduced
_CHANGE = 1  # grey levels by which a pixel must differ from the background at least, less one
_MOTION = 8
_WINDOW = 0.03  # side of the window in which pixels are counted, as a fraction of the shorter side
_LEAST_FILLED = 0.5  # part of the window that differs from the background; about 0.3 around letters
_THINNEST = 0.1  # what is thinner than this part of the shorter side is no ultrasound, such as lines of text
_LEAST_AREA = 0.1  # of the picture; a smaller region is taken for a logo
_FURTHER_PART = 0.05  # of the largest part; what lies behind a shadow across the picture may be a part of its own
_RING = 0.02  # width of the border whose most frequent grey level may be that of the background
_MARGIN = 0.01  # left around what was found, as a fraction of the longer side


def content_region(frames: Sequence[np.ndarray]) -> Region | None:
    """Find the part of a picture, or of the frames of one clip, that shows ultrasound.

    It is the box around the largest connected part that differs from the background almost everywhere and is nowhere
    thin. The background is black, or the grey level that prevails at the border. Where most of that part changes from
    frame to frame, what stands still is left out too, such as a scale that touches it.

    Args:
        frames: One picture or several frames, each (H, W, 3) or (H, W) uint8, of one size.

    Returns:
        xyxy in pixels, the end excluded; None if nothing is found, or only a tenth of the picture.
    """
    height, width = frames[0].shape[:2]
    reduction = max(1, -(-max(height, width) // _WORKING_SIDE))
    small = [_reduced(frame, reduction) for frame in frames]
    found = _largest_part(np.maximum.reduce([_difference(frame) for frame in small]) > _CHANGE)
    if found is None:
        return None
    if len(small) > 1:
        stack = np.stack([frame.max(axis=2) for frame in small])
        moving = _largest_part(np.ptp(stack, axis=0) > _MOTION)
        if moving is not None and 2 * moving.sum() > found.sum():
            found = moving
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    margin = round(_MARGIN * max(height, width))
    return (
        max(int(columns[0]) * reduction - margin, 0),
        max(int(rows[0]) * reduction - margin, 0),
        min((int(columns[-1]) + 1) * reduction + margin, width),
        min((int(rows[-1]) + 1) * reduction + margin, height),
    )


def _reduced(frame: np.ndarray, reduction: int) -> np.ndarray:
    frame = frame if frame.ndim == 3 else frame[..., None]
    if reduction == 1:
        return frame
    size = (-(-frame.shape[1] // reduction), -(-frame.shape[0] // reduction))
    reduced = cv2.resize(np.ascontiguousarray(frame), size, interpolation=cv2.INTER_AREA)
    return reduced if reduced.ndim == 3 else reduced[..., None]


def _difference(frame: np.ndarray) -> np.ndarray:
    """Return by how many grey levels each pixel differs from the background, (H, W) int16."""
    ring = max(1, round(_RING * min(frame.shape[:2])))
    border = np.concatenate([frame[:ring], frame[-ring:]]).reshape(-1, frame.shape[2])
    sides = np.concatenate([frame[:, :ring], frame[:, -ring:]], axis=1).reshape(-1, frame.shape[2])
    border = np.concatenate([border, sides]).max(axis=1)
    level = int(np.bincount(border, minlength=256).argmax())
    prevails = (np.abs(border.astype(np.int16) - level) <= _CHANGE).mean() > 0.5
    background = level if prevails else 0
    return np.abs(frame.astype(np.int16) - background).max(axis=2)


def _largest_part(foreground: np.ndarray) -> np.ndarray | None:
    """Return the largest connected part (H, W) bool that is well filled and not thin; None if it is small."""
    shorter = min(foreground.shape)
    window = 2 * round(_WINDOW * shorter / 2) + 1
    filled = cv2.boxFilter(foreground.astype(np.float32), -1, (window, window), borderType=cv2.BORDER_REPLICATE)
    dense = (filled > _LEAST_FILLED).astype(np.uint8)
    thick = max(3, 2 * round(_THINNEST * shorter / 2) + 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thick, thick))
    # The picture may be cut through ultrasound, so that what lies at its border must not count as thin.
    padded = cv2.copyMakeBorder(dense, thick, thick, thick, thick, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, kernel)[thick:-thick, thick:-thick]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    if stats[largest, cv2.CC_STAT_AREA] < _LEAST_AREA * foreground.size:
        return None
    kept = 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= _FURTHER_PART * stats[largest, cv2.CC_STAT_AREA])
    core = np.isin(labels, kept)
    # Opening rounds the corners of a sector; they are given back as far as they are near and connected.
    near = (cv2.dilate(core.astype(np.uint8), kernel) > 0) & (dense > 0)
    _, labels = cv2.connectedComponents(near.astype(np.uint8))
    return np.isin(labels, np.unique(labels[core & near]))
