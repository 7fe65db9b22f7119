"""Writing of the predictions of a test as a submission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.registry import HOOKS
from aurora_mm.structures import MultiTaskDataSample, task_samples_of
from aurora_mm.submission import SubmissionWriter, require_submission_formats
from aurora_mm.tasks import TaskTable


@HOOKS.register_module()
class SubmissionHook(Hook):
    """Writes all predictions of a test, with or without annotations, in the format of the challenge.

    Args:
        out_dir: Folder of the submission, see :class:`aurora_mm.submission.SubmissionWriter`.
    """

    def __init__(self, out_dir: str) -> None:
        self.out_dir = out_dir

    def before_test(self, runner: Runner) -> None:
        """Start a submission.

        Raises:
            ConfigError: If a task of the data set has no place in a submission.
        """
        require_submission_formats(TaskTable(runner.test_dataloader.dataset.metainfo['tasks']))
        self.writer = SubmissionWriter(self.out_dir)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[MultiTaskDataSample] = ()
    ) -> None:
        """Add the predictions of this batch."""
        for sample in task_samples_of(outputs):
            self.writer.add(sample)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Finish the submission."""
        self.writer.finish()
