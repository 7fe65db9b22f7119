"""The challenge's entry point: an unlabelled data root in, a submission out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import track

from aurora_mm.apis.checkpoint import read_checkpoint
from aurora_mm.apis.inferencer import MultiTaskInferencer
from aurora_mm.challenge.csv_files import Record, read_root
from aurora_mm.challenge.packing import constant_answers
from aurora_mm.challenge.submission import SubmissionWriter
from aurora_mm.checkpoints import PACKED_SUFFIX
from aurora_mm.errors import AuroraError, ConfigError, DataError, WeightsError
from aurora_mm.images.image_files import read_data
from aurora_mm.images.image_header import BadImage, read_header
from aurora_mm.structures import TaskDataSample

WEIGHTS = 'AURORA_WEIGHTS'
_DEFAULT_WEIGHTS = '/opt/aurora/weights'
_UNKNOWN_SIZE = (512, 512)  # (height, width) of a mask where no image of its task could be read


class Unanswered(NamedTuple):
    """A row that the model could not answer: the message, and whether a fallback stands in its place."""

    message: str
    has_fallback: bool


class Model:
    """Answers every row of a data root and writes the challenge's submission.

    An image that cannot be read stops nothing: it is reported, and its row gets a valid answer that does not look at
    it: an empty mask; or the constant answer of the training data (class frequencies, a box, points). The size of such
    an image is read from its header; failing that, it is the most frequent one among the task's other images. So is a
    row for which the model gives numbers that are not finite.

    Args:
        weights: Packed models (see ``aurora-mm pack-model``), several for an ensemble, or the
            folder that holds them. By default the folder that the environment variable AURORA_WEIGHTS names, else
            /opt/aurora/weights.
        tta: Scales of test-time augmentation, ``(1.0,)`` to mirror alone; None is without.
        device: A GPU if there is one by default.

    Raises:
        WeightsError: If there are no weights, or they were not packed.

    Example:
        >>> Model('docker/weights').predict('/input', '/output', batch_size=8)
        []
    """

    def __init__(
        self,
        weights: str | Path | Sequence[str | Path] | None = None,
        tta: Sequence[float] | None = None,
        device: str | None = None,
    ) -> None:
        files = find_weights(os.environ.get(WEIGHTS, _DEFAULT_WEIGHTS) if weights is None else weights)
        self.inferencer = MultiTaskInferencer(files, device=device, tta=tta)
        self.tasks = self.inferencer.tasks
        self._constant = constant_answers(read_checkpoint(files[0], parts=()), files[0], self.tasks)

    def predict(self, data_root: str | Path, output_dir: str | Path, batch_size: int = 8) -> list[Unanswered]:
        """Predicts all rows of ``<data_root>/csv_files/*.csv`` and writes the submission.

        Args:
            data_root: The challenge's layout, without labels; it is not written to.
            output_dir: For the three JSON lists and the masks.
            batch_size: Images of one network size that are answered together.

        Returns:
            What could not be answered.

        Raises:
            DataError: If there is no readable CSV file.
        """
        index = read_root(data_root, self.tasks, with_labels=False, on_error='skip', images_must_exist=False)
        problems = [Unanswered(row.message, has_fallback=False) for row in index.skipped]
        known = [record for record in index.records if record.task in self.tasks]
        for name, count in Counter(record.task for record in index.records if record.task not in self.tasks).items():
            problems.append(Unanswered(f'{count} rows of task {name!r}, which the model does not know', False))
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
            except DataError as error:  # there is no place for any answer
                problems.append(Unanswered(str(error), has_fallback=False))
            except ConfigError as error:  # not finite
                failed.append((position, error))
        for position, error in failed:
            task_sizes = sizes.get(known[position].task, Counter())
            try:
                writer.add(self._fallback(known[position], position, task_sizes))
            except DataError as fault:
                problems.append(Unanswered(f'{error}; {fault}', has_fallback=False))
            else:
                problems.append(Unanswered(str(error), has_fallback=True))
        writer.finish()
        return problems

    def _answers(self, records: list[Record], batch_size: int) -> Iterator[tuple[int, TaskDataSample | DataError]]:
        rows = (_metainfo(record, position) for position, record in enumerate(records))
        yield from track(self.inferencer.predict_rows(rows, batch_size), 'Predicting', total=len(records))

    def _fallback(self, record: Record, position: int, sizes: Counter[tuple[int, int]]) -> TaskDataSample:
        """A valid answer for an image that cannot be read."""
        usual = sizes.most_common(1)[0][0] if sizes else _UNKNOWN_SIZE
        shape = _header_size(record.img_path) or usual
        sample = TaskDataSample(metainfo=_metainfo(record, position) | dict(ori_shape=shape))
        return self._constant.predict(sample, readable=False)


def find_weights(weights: str | Path | Sequence[str | Path]) -> list[str | Path]:
    """List the files of a model.

    Args:
        weights: A file, several, or a folder with packed ones.

    Raises:
        WeightsError: If there is none in the folder.
    """
    if not isinstance(weights, str | Path):
        return list(weights)
    if not Path(weights).is_dir():
        return [weights]
    files = sorted(Path(weights).glob(f'*{PACKED_SUFFIX}'))
    if not files:
        raise WeightsError(f'no *{PACKED_SUFFIX} file in {weights}; `aurora-mm pack-model` makes one')
    return list(files)


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
    """(height, width) by the file's header, which a truncated image still has."""
    try:
        header = read_header(read_data(path))
    except BadImage:
        return None
    height, width = header.shape
    if not height or not width:
        return None
    return (width, height) if header.orientation >= 5 else (height, width)
