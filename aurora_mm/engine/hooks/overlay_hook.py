"""Pictures of annotations and predictions in a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.images.reading import read_image
from aurora_mm.registry import HOOKS
from aurora_mm.structures import MultiTaskDataSample, task_samples_of


@HOOKS.register_module()
class OverlayHook(Hook):
    """Draws the first images of every task with the runner's visualiser.

    Args:
        out_dir: Folder for ``<task>/<number>_<image>.png``; None draws nothing.
        per_task: Number of images of each task.
    """

    def __init__(self, out_dir: str | None = None, per_task: int = 3) -> None:
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.per_task = per_task
        self.drawn: Counter[str] = Counter()

    def before_test(self, runner: Runner) -> None:
        """Reset the numbers of drawn images."""
        self.drawn.clear()

    @master_only
    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[MultiTaskDataSample] = ()
    ) -> None:
        """Draw images of this batch, until each task has its number."""
        for sample in task_samples_of(outputs):
            if self.out_dir is None or self.drawn[sample.task] >= self.per_task:
                continue
            self.drawn[sample.task] += 1
            # Numbered, because images in different folders may have the same name.
            name = f'{self.drawn[sample.task]:03d}_{Path(sample.img_path).stem}.png'
            image = np.ascontiguousarray(read_image(sample.img_path).pixels[..., ::-1])
            out_file = self.out_dir / sample.task / name
            runner.visualizer.add_datasample(sample.task, image, sample, out_file=str(out_file))
