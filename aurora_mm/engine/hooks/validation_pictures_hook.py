"""Pictures of predictions beside the truth, at each validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.visualization import LocalVisBackend

from aurora_mm.images.reading import read_image
from aurora_mm.registry import HOOKS
from aurora_mm.structures import MultiTaskDataSample, task_samples_of
from aurora_mm.visualization import MultiTaskVisualizer


@HOOKS.register_module()
class ValidationPicturesHook(Hook):
    """Shows the first validation images of every task in TensorBoard or another backend for pictures.

    The images are the same at each validation, so that changes of their predictions can be seen. Nothing is drawn for
    a visualiser of another package, or if ``LocalVisBackend``, which only fills a folder, is the only backend.

    Args:
        per_task: Number of images of each task.
    """

    def __init__(self, per_task: int = 1) -> None:
        self.per_task = per_task
        self.drawn: Counter[str] = Counter()

    def before_val_epoch(self, runner: Runner) -> None:
        """Reset the numbers of drawn images."""
        self.drawn.clear()

    @master_only
    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[MultiTaskDataSample] = ()
    ) -> None:
        """Draw images of this batch as ``<task>_<number>.png``, until each task has its number."""
        if not _shows_pictures(runner.visualizer):
            return
        for sample in task_samples_of(outputs):
            if self.drawn[sample.task] >= self.per_task:
                continue
            self.drawn[sample.task] += 1
            image = np.ascontiguousarray(read_image(sample.img_path).pixels[..., ::-1])
            name = f'{sample.task}_{self.drawn[sample.task]}.png'
            runner.visualizer.add_datasample(name, image, sample, step=runner.iter)


def _shows_pictures(visualizer: object) -> bool:
    backends = getattr(visualizer, '_vis_backends', {}).values()
    return isinstance(visualizer, MultiTaskVisualizer) and any(type(one) is not LocalVisBackend for one in backends)
