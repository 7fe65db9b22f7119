"""Writes predictions as the challenge wants them."""

from __future__ import annotations

import json
from pathlib import Path

from mmengine.dist import all_gather_object, barrier, is_main_process

from aurora_mm.challenge.submission.read_lists import list_files
from aurora_mm.challenge.submission.submission_format import SUBMISSION_FORMATS, Entry
from aurora_mm.errors import DataError
from aurora_mm.files import write_text
from aurora_mm.structures import TaskDataSample


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
            for file in list_files().values():
                (self.folder / file).unlink(missing_ok=True)
        barrier()

    def add(self, sample: TaskDataSample) -> None:
        """Takes one sample with its prediction in original pixels.

        Args:
            sample: With ``task``, ``task_type``, ``img_id``, ``image_path``, ``ori_shape`` and, for segmentation,
                ``mask_path``.

        Raises:
            ConfigError: If the sample has no prediction, or one that is not finite, or a submission has no place for
                tasks of its type.
            DataError: If there is no place for its mask, or another task's mask lies there.
        """
        form = SUBMISSION_FORMATS[sample.task_type]
        entry, path = form.entry(sample), form.write_file(self.folder, sample)
        if entry is not None:
            self._entries[sample.task, sample.img_id] = (sample.task_type, entry)
        if path is not None and self._masks.setdefault(path, sample.task) != sample.task:
            raise DataError(f'tasks {self._masks[path]!r} and {sample.task!r} have the same mask_path', file=path)

    def finish(self) -> None:
        """Writes the lists of all processes' predictions; every process calls it."""
        # Each image once, though a sampler may have given it to two processes.
        entries = {key: entry for part in all_gather_object(self._entries) for key, entry in part.items()}
        if is_main_process():
            for task_type, file in list_files().items():
                of_type = [entry for _, (kind, entry) in sorted(entries.items()) if kind == task_type]
                write_text(self.folder / file, json.dumps(of_type, indent=1, ensure_ascii=False) + '\n')
        barrier()
