"""Writes predictions as the challenge wants them."""

from __future__ import annotations

import json
from pathlib import Path

from mmengine.dist import all_gather_object, barrier, is_main_process

from aurora_mm.challenge.submission.mask_files import write_mask
from aurora_mm.challenge.submission.prediction_lists import LISTS, Entry
from aurora_mm.errors import DataError
from aurora_mm.files import write_text
from aurora_mm.structures import MultiTaskDataSample


class SubmissionWriter:
    """Puts predictions into a folder: masks at once, the three JSON lists when all are there.

    Every file is written whole or not at all. The lists of an earlier submission go first and the new ones come last,
    so that a folder with lists is a finished one; all three are written, empty where the data has no such task.
    In a run of several processes each makes a writer of its own for the same folder.

    Args:
        folder: The submission's; it may exist.

    Example:
        >>> writer = SubmissionWriter('/output')
        >>> for sample in predicted_samples:
        ...     writer.add(sample)
        >>> writer.finish()
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._entries: dict[tuple[str, int], tuple[str, Entry]] = {}  # by task and img_id: (type, entry)
        self._masks: dict[Path, str] = {}  # path: the task it was written for
        if is_main_process():
            self.folder.mkdir(parents=True, exist_ok=True)
            for predictions in LISTS.values():
                (self.folder / predictions.file).unlink(missing_ok=True)
        barrier()

    def add(self, sample: MultiTaskDataSample) -> None:
        """Takes one sample with its prediction in original pixels.

        Args:
            sample: With ``task``, ``task_type``, ``img_id``, ``image_path``, ``ori_shape`` and, for segmentation,
                ``mask_path``.

        Raises:
            ConfigError: If the sample has no prediction, or one that is not finite.
            DataError: If there is no place for its mask, or another task's mask lies there.
        """
        if sample.task_type in LISTS:
            entry = LISTS[sample.task_type].entry(sample)
            self._entries[sample.task, sample.img_id] = (sample.task_type, entry)
            return
        path = write_mask(self.folder, sample)
        if self._masks.setdefault(path, sample.task) != sample.task:
            raise DataError(f'tasks {self._masks[path]!r} and {sample.task!r} have the same mask_path', file=path)

    def finish(self) -> None:
        """Writes the lists of all processes' predictions; every process calls it."""
        # Each image once, though a sampler may have given it to two processes.
        entries = {key: entry for part in all_gather_object(self._entries) for key, entry in part.items()}
        if is_main_process():
            for task_type, predictions in LISTS.items():
                of_type = [entry for _, (kind, entry) in sorted(entries.items()) if kind == task_type]
                write_text(self.folder / predictions.file, json.dumps(of_type, indent=1, ensure_ascii=False) + '\n')
        barrier()
