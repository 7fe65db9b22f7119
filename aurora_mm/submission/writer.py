"""Writes the predictions of a submission."""

from __future__ import annotations

import json
from pathlib import Path

from mmengine.dist import all_gather_object, barrier, is_main_process

from aurora_mm.errors import DataError
from aurora_mm.files import write_text
from aurora_mm.structures import TaskDataSample
from aurora_mm.submission.read_lists import list_files
from aurora_mm.submission.submission_format import SUBMISSION_FORMATS, Entry


class SubmissionWriter:
    """Writes predictions to a folder. Masks are written immediately, the three JSON lists at the end.

    Every file is written atomically. Lists of an earlier submission are removed at the start, so a folder with lists is
    complete. All three lists are written, and are empty for task types that the data does not have. In distributed
    runs, every process creates a writer for the same folder.

    Args:
        folder: Folder of the submission. It may exist.

    Example:
        >>> writer = SubmissionWriter('/output')
        >>> for sample in predicted_samples:
        ...     writer.add(sample)
        >>> writer.finish()
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._entries: dict[tuple[str, int], tuple[str, Entry]] = {}  # (task type, entry) by task and img_id
        self._masks: dict[Path, tuple[str, str]] = {}  # task and image by path
        if is_main_process():
            self.folder.mkdir(parents=True, exist_ok=True)
            for file in list_files().values():
                (self.folder / file).unlink(missing_ok=True)
        barrier()

    def add(self, sample: TaskDataSample) -> None:
        """Add the prediction of one sample.

        Args:
            sample: Sample with its prediction in original coordinates and with the metainfo ``task``, ``task_type``,
                ``img_id``, ``image_path``, ``ori_shape`` and, for segmentation, ``mask_path``.

        Raises:
            ConfigError: If the prediction is missing or not finite, or there is no format for the task type.
            DataError: If ``mask_path`` is not valid, or is the same as that of another task or image.
        """
        form = SUBMISSION_FORMATS[sample.task_type]
        entry, path = form.entry(sample), form.write_file(self.folder, sample)
        if entry is not None:
            self._entries[sample.task, sample.img_id] = (sample.task_type, entry)
        if path is not None:
            _take(self._masks, path, sample.task, sample.image_path)

    def finish(self) -> None:
        """Write the lists with the predictions of all processes. Every process must call it.

        Raises:
            DataError: If two processes wrote masks of different tasks or images to one file. No list is written then.
        """
        masks: dict[Path, tuple[str, str]] = {}
        for of_process in all_gather_object(self._masks):
            for path, (task, image) in of_process.items():
                _take(masks, path, task, image)
        # By key, because a sampler may give the same image to two processes.
        entries = {key: entry for gathered in all_gather_object(self._entries) for key, entry in gathered.items()}
        if is_main_process():
            for task_type, file in list_files().items():
                of_type = [entry for _, (kind, entry) in sorted(entries.items()) if kind == task_type]
                write_text(self.folder / file, json.dumps(of_type, indent=1, ensure_ascii=False) + '\n')
        barrier()


def _take(masks: dict[Path, tuple[str, str]], path: Path, task: str, image: str) -> None:
    """Note whose mask a file holds.

    Raises:
        DataError: If it holds that of another task or image.
    """
    other_task, other_image = masks.setdefault(path, (task, image))
    if other_task != task:
        raise DataError(f'tasks {other_task!r} and {task!r} have the same mask_path', file=path)
    if other_image != image:
        raise DataError(f'images {other_image!r} and {image!r} have the same mask_path', file=path)
