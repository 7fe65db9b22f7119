from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from aurora_mm.annotations import ANNOTATIONS, Annotation
from aurora_mm.challenge.csv_cells import BadRow, Files, integer
from aurora_mm.datasets.annotations.flipped_classes import class_after_flip
from aurora_mm.datasets.annotations.pipeline_checks import classes_fault
from aurora_mm.errors import DataError
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class LabelAnnotation(Annotation):
    """Class of an image in a classification task, an index from 0.

    - CSV file: the column ``mask``.
    - Item of a data set and pipeline: ``gt_label``, int.
    - Data sample: ``gt_label``, (1,) int64. Where images were mixed, ``gt_scores``, (C,) float32, instead: the fraction
      of each class.
    """

    keys = ('gt_label',)
    csv_columns = ('mask',)
    mixable = True

    def parse(self, cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
        label = integer('mask', cells['mask'])
        if not 0 <= label < task.num_outputs:
            raise BadRow(f'label (column mask) {label} of {task.name!r} is not in 0..{task.num_outputs - 1}')
        return {'gt_label': label}

    def format(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        return {'mask': int(annotation['gt_label'])}

    def stratum(self, annotation: Mapping[str, Any]) -> int:
        label: int = annotation['gt_label']
        return label

    def warp(self, row: dict[str, Any]) -> None:
        row['gt_label'] = int(class_after_flip(row)[row['gt_label']])

    def fault(self, row: Mapping[str, Any]) -> str | None:
        return classes_fault('gt_label', row['gt_label'], row)

    def pack(self, row: Mapping[str, Any], sample: TaskDataSample) -> None:
        sample.gt_label = torch.tensor([row['gt_label']])

    def mixed(self, sample: TaskDataSample, other: TaskDataSample, fraction: float) -> TaskDataSample:
        result: TaskDataSample = sample.new()
        if 'num_outputs' not in sample:
            raise DataError(f'{sample.get("img_path")} is to be mixed: num_outputs must be among the meta_keys')
        classes = torch.arange(sample.num_outputs, device=sample.gt_label.device)
        result.gt_scores = fraction * (classes == sample.gt_label) + (1 - fraction) * (classes == other.gt_label)
        del result.gt_label
        return result


ANNOTATIONS['classification'] = LabelAnnotation()
