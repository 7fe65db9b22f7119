from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aurora_mm.measurements import Measured, Measurement
from aurora_mm.models.predictions import prediction_of
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@dataclass(frozen=True, eq=False)
class Answer:
    """What a task predicted in one frame, in little memory.

    Args:
        task: The task.
        frame: Of the file, counted from 0.
        shape: (H, W) of the frame.
        plain: The values of :meth:`aurora_mm.models.predictions.Prediction.plain`, without masks.
        measured: What was measured, with the measurements.
        spacing: (height, width) of a pixel in mm, or None.
        packed_mask: The mask as :attr:`mask` unpacks it.
    """

    task: Task
    frame: int
    shape: tuple[int, int]
    plain: dict[str, Any]
    measured: Sequence[tuple[Measurement, Measured]] = field(default=())
    spacing: tuple[float, float] | None = None
    packed_mask: bytes | None = None

    @classmethod
    def of(
        cls, task: Task, frame: int, sample: TaskDataSample, measured: Sequence[tuple[Measurement, Measured]] = ()
    ) -> Answer:
        """Take what DICOM results need from a prediction."""
        plain = prediction_of(task.type).plain(sample, task)
        values = {key: value for key, value in plain.items() if not isinstance(value, np.ndarray)}
        packed = None
        if 'pred_sem_seg' in sample:
            mask = sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
            packed = zlib.compress(np.ascontiguousarray(mask).tobytes(), 1)
        return cls(task, frame, tuple(sample.ori_shape), values, measured, sample.get('pixel_spacing'), packed)

    @property
    def mask(self) -> np.ndarray | None:
        """(H, W) uint8 class index of each pixel; None where the task gives no mask."""
        if self.packed_mask is None:
            return None
        return np.frombuffer(zlib.decompress(self.packed_mask), np.uint8).reshape(self.shape)
