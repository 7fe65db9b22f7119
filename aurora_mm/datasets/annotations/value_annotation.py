from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from aurora_mm.annotations import ANNOTATIONS, Annotation
from aurora_mm.challenge.csv_cells import Files, number
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class ValueAnnotation(Annotation):
    """A number for the image, such as a measured value. It does not change when the image is warped.

    - CSV file: the column ``value``, in the unit of the task.
    - Item of a data set and pipeline: ``value``, float.
    - Data sample: ``gt_value``, (1,) float64.
    """

    keys = csv_columns = ('value',)

    def parse(self, cells: Mapping[str, str], task: Task, files: Files) -> dict[str, Any]:
        return {'value': number('value', cells['value'])}

    def format(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        return {'value': repr(float(annotation['value']))}

    def pack(self, row: Mapping[str, Any], sample: TaskDataSample) -> None:
        sample.gt_value = torch.tensor([row['value']], dtype=torch.float64)


ANNOTATIONS['scalar_regression'] = ValueAnnotation()
