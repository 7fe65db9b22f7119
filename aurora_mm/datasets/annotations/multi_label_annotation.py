from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch

from aurora_mm.annotations import ANNOTATIONS, Annotation
from aurora_mm.challenge.csv_cells import BadRow, Files, numbers
from aurora_mm.datasets.annotations.flipped_classes import class_after_flip
from aurora_mm.datasets.annotations.pipeline_checks import classes_fault
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class MultiLabelAnnotation(Annotation):
    """Any number of classes of an image, indices from 0.

    - CSV file: the column ``labels``, JSON text such as ``[0, 2]``, or ``[]`` for an image of no class.
    - Item of a data set and pipeline: ``gt_labels``, increasing ints.
    - Data sample: ``gt_scores``, (C,) float32, 1 for the classes of the image and 0 for the others. Where
      images were mixed, the fraction of those with the class.
    """

    keys = ('gt_labels',)
    csv_columns = ('labels',)
    mixable = True

    def parse(self, cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
        labels = numbers('labels', cells['labels'])
        for label in labels:
            if label not in range(task.num_outputs):
                raise BadRow(f'labels holds {label}; the classes of {task.name!r} are 0..{task.num_outputs - 1}')
        if len(set(labels)) != len(labels):
            raise BadRow(f'labels {cells["labels"]!r} holds a class twice')
        return {'gt_labels': sorted(map(int, labels))}

    def format(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        return {'labels': json.dumps([int(label) for label in annotation['gt_labels']])}

    def stratum(self, annotation: Mapping[str, Any]) -> int:
        """Return 1 + the first class of the image, or 0 if it has none."""
        return 1 + min(annotation['gt_labels'], default=-1)

    def warp(self, row: dict[str, Any]) -> None:
        after = class_after_flip(row)
        row['gt_labels'] = sorted(int(after[label]) for label in row['gt_labels'])

    def fault(self, row: Mapping[str, Any]) -> str | None:
        return classes_fault('gt_labels', row['gt_labels'], row)

    def pack(self, row: Mapping[str, Any], sample: TaskDataSample) -> None:
        sample.gt_scores = torch.zeros(row['num_outputs'])
        sample.gt_scores[row['gt_labels']] = 1.0

    def mixed(self, sample: TaskDataSample, other: TaskDataSample, fraction: float) -> TaskDataSample:
        result: TaskDataSample = sample.new()
        result.gt_scores = fraction * sample.gt_scores + (1 - fraction) * other.gt_scores
        return result


ANNOTATIONS['multi_label_classification'] = MultiLabelAnnotation()
