from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from aurora_mm.annotations import ANNOTATIONS, Annotation
from aurora_mm.challenge.csv_cells import BadRow, Files, point_or_none
from aurora_mm.datasets.annotations.flipped_classes import applied_flip_indices
from aurora_mm.datasets.annotations.image_checks import check_inside
from aurora_mm.datasets.annotations.pipeline_checks import points_fault
from aurora_mm.datasets.geometry import warp_points
from aurora_mm.structures import TaskDataSample, points_array
from aurora_mm.tasks import Task


class LandmarkAnnotation(Annotation):
    """Points of a landmark task, x and y in pixels. Some of an image may not be labelled.

    - CSV file: the columns ``point_1_xy``, ``point_2_xy``, ..., each with JSON text such as ``[12.5, 80]``; ``null``
      where the point is not labelled.
    - Item of a data set: ``points``, K lists of x and y, None for a point that is not labelled.
    - Pipeline: ``gt_landmarks``, (K, 2) float64, not rounded; nan for a point that is not labelled. After warping
      points are float32.
    - Data sample: ``gt_landmarks``, (K, 2).
    """

    keys = ('points',)
    empty_hint = "; 'null' stands for a point that is not labelled"

    def columns(self, task: Task) -> tuple[str, ...]:
        return tuple(f'point_{i + 1}_xy' for i in range(task.num_outputs))

    def parse(self, cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
        points = [point_or_none(column, cells[column]) for column in self.columns(task)]
        if points.count(None) == len(points):
            raise BadRow(f'no point of {task.name!r} is labelled; leave this row out')
        return {'points': points}

    def format(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        return {
            f'point_{i + 1}_xy': json.dumps(None if np.isnan(xy).any() else xy.tolist())
            for i, xy in enumerate(points_array(annotation['points']))
        }

    def load(self, row: dict[str, Any]) -> None:
        points = points_array(row['points'])
        check_inside('points', points, row)
        row['gt_landmarks'] = points

    def in_view(self, row: Mapping[str, Any], homography_matrix: np.ndarray) -> bool:
        """Return whether all labelled points stay inside the network input."""
        height, width = row['img_shape']
        points = warp_points(row['gt_landmarks'], homography_matrix)
        return not ((points < 0).any() or (points > (width, height)).any())

    def warp(self, row: dict[str, Any]) -> None:
        points = row['gt_landmarks'].astype(np.float32)
        points = warp_points(points, row['homography_matrix'])[applied_flip_indices(row)]
        row['gt_landmarks'] = _in_order(points, row)

    def jitter(self, row: dict[str, Any], sigma: float) -> None:
        """Move each point at random, but not out of the network input. ``point_order`` is kept."""
        height, width = row['img_shape']
        noise = np.random.normal(0, sigma, row['gt_landmarks'].shape)  # noqa: NPY002 (as the transforms do)
        moved = row['gt_landmarks'] + noise
        row['gt_landmarks'] = _in_order(np.clip(moved, 0, (width, height)).astype(np.float32), row)

    def fault(self, row: Mapping[str, Any]) -> str | None:
        points = row['gt_landmarks']
        if np.isnan(points).any(-1).all():
            return 'gt_landmarks has no point'
        return points_fault('gt_landmarks', points, (row['num_outputs'], 2), row)

    def pack(self, row: Mapping[str, Any], sample: TaskDataSample) -> None:
        sample.gt_landmarks = torch.from_numpy(np.ascontiguousarray(row['gt_landmarks']))


def _in_order(points: np.ndarray, row: Mapping[str, Any]) -> np.ndarray:
    """Swap points, (K, 2), that are not in the order that ``point_order`` of the row asks for, in place.

    Points of a pair of which one is not labelled keep their names.
    """
    for axis, first, second in row['point_order']:
        if points[first, axis] > points[second, axis]:
            points[[first, second]] = points[[second, first]]
    return points


ANNOTATIONS['landmark'] = LandmarkAnnotation()
