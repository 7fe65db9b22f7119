from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.dicom.equipment import Equipment
from aurora_mm.dicom.results import DicomResults
from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import tell_spacing_fault
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import open_image_file
from aurora_mm.images.sources import frame_source
from aurora_mm.measurements import measurements_of
from aurora_mm.prediction_files.view_spread import measure
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import TaskTable

if TYPE_CHECKING:
    from pydicom import Dataset


class DicomPredictor:
    """Predicts DICOM files and makes the SEGs and the SR of each.

    Args:
        inferencer: The model.
        tasks: Those that are asked, with their measurements and codes.
        models: The model's files.
        every: Of files with several frames, takes the first and every n-th after it.
        batch_size: Most frames that go through the model together.
    """

    def __init__(
        self,
        inferencer: MultiTaskInferencer,
        tasks: TaskTable,
        models: Sequence[str],
        every: int = 1,
        batch_size: int = 8,
    ) -> None:
        self.inferencer = inferencer
        self.tasks = tasks
        self.equipment = Equipment.of(models)
        self.every = every
        self.batch_size = batch_size
        self._measurements = {task.name: measurements_of(task) for task in tasks.values()}

    def __call__(self, path: Path) -> dict[str, Dataset]:
        """Predict a file.

        Args:
            path: Of the file.

        Returns:
            The SEGs by the names of their tasks, and the SR as ``''``.

        Raises:
            BadImage: If a frame cannot be read.
            DataError: If a frame cannot be predicted, or no result can be made of the header.
        """
        results = DicomResults(self.equipment)
        frames: list[int | None] = []
        for position, sample in self.inferencer.predict_rows(self._rows(path, frames), self.batch_size):
            if isinstance(sample, DataError):
                raise sample
            if isinstance(sample, MultiTaskDataSample):
                for one in sample:
                    measurements = self._measurements[one.task]
                    pairs = list(zip(measurements, measure(measurements, one), strict=True))
                    results.add(path, frames[position], self.tasks[one.task], one, pairs)
        return results.make(path)

    def _rows(self, path: Path, frames: list[int | None]) -> Iterator[dict[str, Any]]:
        file = open_image_file(path)
        if file.frames < 1:
            raise BadImage('holds no picture')
        for frame in [None] if file.frames == 1 else range(0, file.frames, self.every):
            image = file.read(frame)
            if not frames:
                tell_spacing_fault(image, str(path))
            frames.append(frame)
            row = dict(
                img=image.pixels,
                img_path=str(path) if frame is None else frame_source(path, frame),
                tasks=list(self.tasks),
            )
            yield row | image.facts()
