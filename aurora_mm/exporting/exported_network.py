"""A trained model as one function of tensors, which can be exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aurora_mm.calibration.calibration import Calibration
from aurora_mm.calibration.calibrator import calibrator_of
from aurora_mm.errors import ConfigError
from aurora_mm.exporting.area_weights import area_weights
from aurora_mm.structures import TaskBatch
from aurora_mm.tasks import Task


class ExportedNetwork(nn.Module):
    """Predicts tasks of B images of one size, from their pixels to results in original coordinates.

    Legend: B images, H x W pixels of the images, h x w of the network input.

    Args:
        model: A :class:`aurora_mm.models.MultiTaskModel` in eval mode.
        tasks: Names of the tasks to predict.
        size: (height, width) of the network input, to which images are scaled.
        dtype: Type of the weights of encoder, necks and heads. Resizing and coordinates are always computed in fp32.
    """

    def __init__(self, model: Any, tasks: Sequence[str], size: tuple[int, int], dtype: torch.dtype) -> None:
        super().__init__()
        self.model = model.to(dtype)
        self.model.data_preprocessor.float()
        self.size = size
        self.dtype = dtype
        self.tasks: list[Task] = [model.tasks[name] for name in tasks]
        self.calibration: Calibration | None = model.calibration

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Predict images.

        Args:
            images: ``(B, H, W, 3)`` uint8, BGR.

        Returns:
            Tensors by ``<task>.<name>``, see :meth:`aurora_mm.models.heads.BaseTaskHead.tensors_by_feat`.
        """
        shape = images.shape[1], images.shape[2]
        maps = self.model.extract_feat(self.prepare(images))
        levels: dict[str, Sequence[Tensor]] = {'backbone': maps}
        adapters = self.model.adapters
        found: dict[str, Tensor] = {}
        for key, head in self.model.heads.items():
            tasks = [task for task in self.tasks if self.model.head_of[task.name] == key]
            if not tasks:
                continue
            source = self.model.source_of[key]
            if source not in levels:  # a neck runs once for all heads that read it
                levels[source] = self.model.necks[source](maps)
            for group in [[task] for task in tasks] if adapters else [tasks]:
                feats = adapters[group[0].name](levels[source]) if adapters else levels[source]
                outputs = head.task_outputs(feats, [TaskBatch(task, None, []) for task in group])
                for task, output in zip(group, outputs, strict=True):
                    tensors = self._calibrated(head.tensors_by_feat(output, task, shape), task)
                    found.update({f'{task.name}.{name}': tensor for name, tensor in tensors.items()})
        return {name: found[name] for task in self.tasks for name in found if name.split('.')[0] == task.name}

    def prepare(self, images: Tensor) -> Tensor:
        """Resize and normalise images, ``(B, H, W, 3)`` uint8 BGR -> ``(B, 3, h, w)``."""
        x = images.permute(0, 3, 1, 2).float()
        rows, columns = (area_weights(*pair, x) for pair in zip(self.size, images.shape[1:3], strict=True))
        x = (rows @ x @ columns.T + 0.5).floor()  # 8-bit pixels, as the test pipeline has them
        prepared: Tensor = self.model.data_preprocessor(dict(inputs=x))['inputs'].to(self.dtype)
        return prepared

    def _calibrated(self, tensors: dict[str, Tensor], task: Task) -> dict[str, Tensor]:
        state = None if self.calibration is None else self.calibration.states.get(task.name)
        return tensors if state is None else calibrator_of(task).calibrate_tensors(tensors, state['parameters'])


def require_plain_pipeline(pipeline: Any) -> tuple[int, int]:
    """Check that a test pipeline only reads, scales and packs images, which the exported graph does as well.

    Args:
        pipeline: Transforms of a test pipeline, built.

    Returns:
        (height, width) of the network input.

    Raises:
        ConfigError: If there is another step, or images are letterboxed. The message names it.
    """
    sizes: list[tuple[int, int]] = []
    for step in pipeline:
        name = type(step).__name__
        if name == 'FitToSize' and step.mode == 'squash':
            sizes.append(step.size)
        elif name not in ('LoadUltrasoundImage', 'ApplyGeometry', 'PackMultiTaskInputs'):
            raise ConfigError(f'an exported model scales its images, and cannot do {step} of the test pipeline')
    if len(sizes) != 1:
        raise ConfigError(f'an exported model scales its images once; the test pipeline does it {len(sizes)} times')
    return sizes[0]
