"""What the page computes: from an uploaded file to pictures, values and files to download."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.apis.task_groups import AUTO_TASKS
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.files import write_image
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.sources import frame_source
from aurora_mm.images.ultrasound_image import UltrasoundImage
from aurora_mm.prediction_files.writer import PredictionWriter
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import TaskTable
from aurora_mm.web.uploads import UploadFolder, shown_name

PREVIEW_SIDE = 1024  # longest side in pixels of the picture of an upload


class Upload(NamedTuple):
    """What is shown of an uploaded file before anything is predicted.

    Args:
        name: Name of the file.
        frames: Number of pictures in it.
        shape: (height, width) of the picture in pixels.
        pixel_spacing: (height, width) of a pixel in mm, or None if the file does not say it or the picture cannot have
            it.
        preview: The picture, ``(h, w, 3)`` RGB uint8, with sides of at most ``PREVIEW_SIDE``.
        spacing_fault: Why the spacing that the file says is not taken, to follow the name; None if it is, or none is
            said.
    """

    name: str
    frames: int
    shape: tuple[int, int]
    pixel_spacing: tuple[float, float] | None
    preview: NDArray[np.uint8]
    spacing_fault: str | None = None


class PageResult(NamedTuple):
    """The prediction of one picture.

    Args:
        image: The entry of ``images`` in ``predictions.json``.
        overlays: Files of the pictures, at native size, by task.
        json_file: The file ``predictions.json``.
        picture_file: PNG file with the pictures of all tasks below each other; None if the router chose no task.
    """

    image: dict[str, Any]
    overlays: dict[str, Path]
    json_file: Path
    picture_file: Path | None


class PagePredictor:
    """Opens uploaded files and predicts their pictures.

    Args:
        inferencer: The model.
        tasks: Tasks to choose from, as the inferencer knows them but for their measurements.
        uploads: Folder of uploaded files. Results are written below it too.
        models: Names of the model's files, for ``predictions.json``.
    """

    def __init__(
        self, inferencer: MultiTaskInferencer, tasks: TaskTable, uploads: UploadFolder, models: Sequence[str] = ()
    ) -> None:
        self.inferencer = inferencer
        self.tasks = tasks
        self.uploads = uploads
        self.models = [Path(model).name for model in models]

    def open(self, path: str | Path, frame: int = 0) -> Upload:
        """Open an uploaded file.

        Args:
            path: Path of the file, as the client gave it.
            frame: Number of the picture, counted from 0.

        Raises:
            DataError: If the file or the picture cannot be read. The message is a sentence with the name of the file.
        """
        self.uploads.forget_old()
        image, frames, facts = self._read(path, frame)
        height, width = image.pixels.shape[:2]
        preview = image.pixels[..., ::-1]
        scale = PREVIEW_SIDE / max(height, width)
        if scale < 1:
            size = [max(round(side * scale), 1) for side in (width, height)]
            preview = cv2.resize(preview, size, interpolation=cv2.INTER_AREA)
        return Upload(
            shown_name(path),
            frames,
            (height, width),
            facts.get('pixel_spacing'),
            np.ascontiguousarray(preview),
            image.spacing_fault,
        )

    def predict(
        self, path: str | Path, tasks: Sequence[str], frame: int = 0, spacing: tuple[float, float] | None = None
    ) -> PageResult:
        """Predict one picture of an uploaded file.

        Args:
            path: Path of the file, as the client gave it.
            tasks: Names of the tasks; ``'auto'`` among them leaves the choice to the router of the model.
            frame: Number of the picture, counted from 0.
            spacing: (height, width) of a pixel in mm. None takes what the file says.

        Raises:
            DataError: If the file or the picture cannot be read, or the picture cannot have the spacing.
            ConfigError: If there is no task, or the model does not have one.
        """
        is_routed = AUTO_TASKS in tasks and self.inferencer.router is not None
        chosen = [name for name in self.tasks if name in tasks]
        if not is_routed and (not chosen or len(chosen) < len(set(tasks))):
            raise ConfigError('Choose at least one task.')
        image, frames, facts = self._read(path, frame, spacing)
        source = shown_name(path) if frames == 1 else frame_source(shown_name(path), frame)
        row: dict[str, Any] = dict(img=image.pixels, img_path=source, tasks=AUTO_TASKS if is_routed else chosen)
        ((_, sample),) = self.inferencer.predict_rows([row | facts])
        if isinstance(sample, DataError):
            raise sample
        assert isinstance(sample, MultiTaskDataSample)
        return self._write(image.pixels, sample)

    def _read(
        self, path: str | Path, frame: int, spacing: tuple[float, float] | None = None
    ) -> tuple[UltrasoundImage, int, dict[str, Any]]:
        """Return a picture, the number of pictures of its file, and the picture's facts."""
        try:
            file = self.uploads.open(path)
            frames = file.frames
            image = file.read(frame if frames > 1 else None)
            return image, frames, image.facts(spacing)
        except BadImage as bad:
            raise DataError(f'{shown_name(path)} {bad}.') from bad

    def _write(self, pixels: NDArray[np.uint8], sample: MultiTaskDataSample) -> PageResult:
        folder = Path(tempfile.mkdtemp(prefix='result_', dir=self.uploads.folder))
        tasks = [self.tasks[name] for name in sample.task_names]
        writer = PredictionWriter(folder, TaskTable(tasks) if tasks else self.tasks, self.models)
        writer.add(0, pixels, sample)
        writer.finish([])
        json_file = folder / 'predictions.json'
        (image,) = json.loads(json_file.read_text(encoding='utf-8'))['images']
        overlays = {one['task']: folder / one['overlay'] for one in image['predictions']}
        picture_file = folder / 'predictions.png' if overlays else None
        if picture_file is not None:
            write_image(picture_file, np.concatenate([cv2.imread(str(file)) for file in overlays.values()]))
        return PageResult(image, overlays, json_file, picture_file)
