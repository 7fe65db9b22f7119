from __future__ import annotations

import math
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
        packed_masks: The masks as :attr:`masks` unpacks them.
        shown: Numbers of the task's ``target_names``, from 1, of which the masks have a pixel.
        has_overlap: Whether a pixel belongs to several of them.
    """

    task: Task
    frame: int
    shape: tuple[int, int]
    plain: dict[str, Any]
    measured: Sequence[tuple[Measurement, Measured]] = field(default=())
    packed_masks: bytes | None = None
    shown: frozenset[int] = frozenset()
    has_overlap: bool = False

    @classmethod
    def of(
        cls, task: Task, frame: int, sample: TaskDataSample, measured: Sequence[tuple[Measurement, Measured]] = ()
    ) -> Answer:
        """Take what DICOM results need from a prediction."""
        plain = prediction_of(task.type).plain(sample, task)
        values = {key: value for key, value in plain.items() if not isinstance(value, np.ndarray)}
        masks = prediction_of(task.type).class_masks(sample, task)
        found: dict[str, Any] = {}
        if masks is not None:
            found = dict(
                packed_masks=zlib.compress(np.packbits(masks).tobytes(), 1),
                shown=frozenset(label for label, mask in enumerate(masks, 1) if mask.any()),
                has_overlap=bool((masks.sum(0) > 1).any()),
            )
        return cls(task, frame, tuple(sample.ori_shape), values, measured, **found)

    @property
    def masks(self) -> np.ndarray | None:
        """(N, H, W) bool, the pixels of each of the task's ``target_names``; None where the task gives no masks."""
        if self.packed_masks is None:
            return None
        shape = (len(self.task.target_names), *self.shape)
        bits = np.frombuffer(zlib.decompress(self.packed_masks), np.uint8)
        return np.unpackbits(bits, count=math.prod(shape)).reshape(shape).astype(bool)
