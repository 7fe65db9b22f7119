"""The entry point of the challenge, which predicts an unlabelled data root and writes a submission."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import track

from aurora_mm.apis.checkpoint import read_checkpoint
from aurora_mm.apis.inferencer import MultiTaskInferencer
from aurora_mm.baselines.stored_answers import stored_answers
from aurora_mm.challenge.csv_files import read_root
from aurora_mm.challenge.row_columns import Record
from aurora_mm.checkpoints import find_models
from aurora_mm.errors import AuroraError, ConfigError, DataError
from aurora_mm.images.image_files import read_data
from aurora_mm.images.image_header import BadImage, read_header
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.submission import SUBMISSION_FORMATS, SubmissionWriter

MODEL = 'AURORA_MODEL'
_DEFAULT_MODEL = '/opt/aurora/model'
_UNKNOWN_SIZE = (512, 512)  # (height, width) of masks if no image of the task can be read


class Unanswered(NamedTuple):
    """A row that the model could not predict.

    Args:
        message: Error message.
        has_fallback: Whether the submission contains a constant prediction instead.
    """

    message: str
    has_fallback: bool


class Model:
    """Predicts all rows of a data root and writes a submission of the challenge.

    If an image cannot be read, or a prediction is not finite, the row gets a constant prediction instead: an empty
    mask, or the class frequencies, box or points that fit the training data best. The size of such an image is read
    from the header of the file. If that is not possible, the most frequent size of the task's other images is used.
    All such rows are reported.

    Args:
        weights: Path of a model folder (see ``aurora-mm publish``) or its id on the hub, several for an ensemble, or a
            folder of model folders. By default the path in the environment variable AURORA_MODEL, or /opt/aurora/model.
        tta: Scales of test-time augmentation; ``(1.0,)`` only adds the flip. None for no augmentation.
        device: Device of the model. By default a GPU if there is one.
        compile: See :class:`MultiTaskInferencer`.
        amp: See :class:`MultiTaskInferencer`.

    Raises:
        WeightsError: If there is no model, or it has no predictions for images that cannot be read.

    Example:
        >>> Model('docker/model').predict('/input', '/output', batch_size=8)
        []
    """

    def __init__(
        self,
        weights: str | Path | Sequence[str | Path] | None = None,
        tta: Sequence[float] | None = None,
        device: str | None = None,
        compile: bool = False,
        amp: bool = False,
    ) -> None:
        files = find_models(os.environ.get(MODEL, _DEFAULT_MODEL) if weights is None else weights)
        self.inferencer = MultiTaskInferencer(files, device=device, tta=tta, compile=compile, amp=amp)
        self.tasks = self.inferencer.tasks
        self._constant = stored_answers(read_checkpoint(files[0], keys=())['meta'], files[0], self.tasks)

    def predict(self, data_root: str | Path, output_dir: str | Path, batch_size: int = 8) -> list[Unanswered]:
        """Predict all rows of ``<data_root>/csv_files/*.csv`` and write the submission.

        Args:
            data_root: Data in the layout of the challenge, without labels.
            output_dir: Folder for the three JSON lists and the masks.
            batch_size: Largest number of images in a batch.

        Returns:
            The rows that could not be predicted.

        Raises:
            DataError: If there is no CSV file, or one cannot be read.
        """
        index = read_root(data_root, self.tasks, with_labels=False, on_error='skip', images_must_exist=False)
        problems = [Unanswered(row.message, has_fallback=False) for row in index.skipped]
        known = [
            record for record in index.records if record.task in self.tasks and record.task_type in SUBMISSION_FORMATS
        ]
        for name, count in Counter(record.task for record in index.records if record.task not in self.tasks).items():
            problems.append(Unanswered(f'{count} rows of task {name!r}, which the model does not know', False))
        for name, count in Counter(r.task for r in index.records if r.task_type not in SUBMISSION_FORMATS).items():
            text = f'{count} rows of task {name!r}, whose type has no place in a submission'
            problems.append(Unanswered(text, has_fallback=False))
        writer = SubmissionWriter(output_dir)
        sizes: dict[str, Counter[tuple[int, int]]] = {}
        failed: list[tuple[int, AuroraError]] = []
        for position, answer in self._answers(known, batch_size):
            if isinstance(answer, DataError):
                failed.append((position, answer))
                continue
            sizes.setdefault(answer.task, Counter())[tuple(answer.ori_shape)] += 1
            try:
                writer.add(answer)
            except DataError as error:  # the submission has no place for it
                problems.append(Unanswered(str(error), has_fallback=False))
            except ConfigError as error:  # not finite
                failed.append((position, error))
        for position, failure in failed:
            task_sizes = sizes.get(known[position].task, Counter())
            try:
                writer.add(self._fallback(known[position], position, task_sizes))
            except DataError as fault:
                problems.append(Unanswered(f'{failure}; {fault}', has_fallback=False))
            else:
                problems.append(Unanswered(str(failure), has_fallback=True))
        writer.finish()
        return problems

    def _answers(self, records: list[Record], batch_size: int) -> Iterator[tuple[int, TaskDataSample | DataError]]:
        """Predict all rows, each image with all its tasks in one encoding; yields positions in ``records``."""
        groups = _rows_by_image(records)
        rows = (
            dict(_metainfo(records[group[0]], group[0]), tasks=[records[position].task for position in group])
            for group in groups
        )
        answers = self.inferencer.predict_rows(rows, batch_size)
        for number, answer in track(answers, 'Predicting', total=len(groups)):
            for position in groups[number]:
                metainfo = _metainfo(records[position], position)
                if isinstance(answer, MultiTaskDataSample):
                    sample = answer[records[position].task]
                    sample.set_metainfo(metainfo)
                    yield position, sample
                else:  # asked again alone, so that the error names this row and not the first one of the image
                    yield from ((position, one) for _, one in self.inferencer.predict_rows([metainfo]))

    def _fallback(self, record: Record, position: int, sizes: Counter[tuple[int, int]]) -> TaskDataSample:
        """Return a sample with the constant prediction for an image that cannot be read."""
        usual = sizes.most_common(1)[0][0] if sizes else _UNKNOWN_SIZE
        shape = _header_size(record.img_path) or usual
        sample = TaskDataSample(metainfo=_metainfo(record, position) | dict(ori_shape=shape))
        return self._constant.predict(sample, readable=False)


def _rows_by_image(records: Sequence[Record]) -> list[list[int]]:
    """Return the positions of the rows of each image, the rows of a group being of different tasks."""
    groups: dict[tuple[str, int], list[int]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for position, record in enumerate(records):
        repeated = seen[record.img_path, record.task]
        seen[record.img_path, record.task] += 1
        groups.setdefault((record.img_path, repeated), []).append(position)
    return list(groups.values())


def _metainfo(record: Record, position: int) -> dict[str, Any]:
    return dict(
        img_id=position,
        img_path=record.img_path,
        image_path=record.image_path,
        mask_path=record.mask_path,
        task=record.task,
        task_type=record.task_type,
        csv_file=record.csv_file,
        csv_row=record.csv_row,
    )


def _header_size(path: str) -> tuple[int, int] | None:
    """Read (height, width) of the upright image from the header; None if it cannot be read."""
    try:
        header = read_header(read_data(path))
    except BadImage:
        return None
    height, width = header.shape
    if not height or not width:
        return None
    return (width, height) if header.orientation >= 5 else (height, width)
