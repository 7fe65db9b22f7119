"""From a model and files to a folder of predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.apis.task_groups import AUTO_TASKS
from aurora_mm.console import console
from aurora_mm.dicom.equipment import Equipment
from aurora_mm.dicom.results import DicomResults
from aurora_mm.dicom.source import DicomSource, require_dicom
from aurora_mm.engine.console import LineProgress, TerminalProgress
from aurora_mm.errors import DataError, OutputError
from aurora_mm.folders import whole_folder
from aurora_mm.images.image_faults import tell_spacing_fault
from aurora_mm.images.image_finder import FoundFile, Problem, find_files
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import open_image_file
from aurora_mm.images.retries import read_with_retries
from aurora_mm.images.sources import frame_source
from aurora_mm.images.ultrasound_image import UltrasoundImage
from aurora_mm.prediction_files.writer import PredictionWriter
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import TaskTable


def predict_files(
    inferencer: MultiTaskInferencer,
    inputs: Sequence[str | Path],
    out: str | Path,
    tasks: TaskTable,
    models: Sequence[str] = (),
    spacing: tuple[float, float] | None = None,
    every: int = 1,
    recursive: bool = False,
    batch_size: int = 8,
    overlays: bool = True,
    is_routed: bool = False,
    dicom: bool = False,
) -> tuple[int, list[Problem]]:
    """Predict images and write a folder, whole or not at all; see docs/predictions.md.

    Args:
        inferencer: The model.
        inputs: See :func:`aurora_mm.images.image_finder.find_files`.
        out: The folder; it must not be there, or be empty.
        tasks: Those that are asked, as the inferencer knows them but for their measurements.
        models: Names of the model's files.
        spacing: (height, width) of a pixel in mm; None takes what the files say.
        every: Of files with several pictures, takes the first and every n-th after it.
        recursive: Whether folders below a folder are gone into.
        batch_size: Most images of one network size that go through the model together.
        overlays: Whether pictures are drawn.
        is_routed: Whether the model's router chooses from the tasks for each image.
        dicom: Whether DICOM results are written as well; all inputs must be DICOM files then.

    Returns:
        The number of images that were predicted, and what was left out.

    Raises:
        OutputError: If the folder is there and holds something, or cannot be written.
        DataError: If no image could be read, or DICOM results of other files are asked; nothing is written then.
        ConfigError: If DICOM results are asked and the extra ``dicom`` is not installed.
    """
    out = Path(out)
    if (out.is_dir() and any(out.iterdir())) or (out.exists() and not out.is_dir()):
        raise OutputError(f'{out} is there already and not an empty folder')
    results = DicomResults(Equipment.of(models)) if dicom else None
    files, problems = find_files(inputs, recursive, every)
    if results is not None:
        files = _dicom_files(files, problems)
    total = sum(file.num_pictures for file in files)
    if not total:
        raise DataError('\n'.join(['no image could be read:', *map(str, problems)]))
    with whole_folder(out) as folder:
        writer = PredictionWriter(folder, tasks, models, overlays, results)
        done = _predict(
            inferencer, writer, files, AUTO_TASKS if is_routed else list(tasks), problems, total, spacing, batch_size
        )
        if not done:
            raise DataError('\n'.join(['no image could be read:', *map(str, problems)]))
        problems += writer.write_dicom()
        writer.finish(problems)
    return done, problems


def _dicom_files(files: Sequence[FoundFile], problems: list[Problem]) -> list[FoundFile]:
    """The files to which DICOM results can refer; the others go to ``problems``."""
    require_dicom(file.path for file in files)
    usable = []
    for file in files:
        try:
            DicomSource(file.path)
        except BadImage as bad:
            problems.append(Problem(file.path, str(bad)))
        else:
            usable.append(file)
    return usable


def _predict(
    inferencer: MultiTaskInferencer,
    writer: PredictionWriter,
    files: Sequence[FoundFile],
    names: list[str] | str,
    problems: list[Problem],
    total: int,
    spacing: tuple[float, float] | None,
    batch_size: int,
) -> int:
    """Predict and write all images; how many they are."""
    progress = (TerminalProgress if console().is_terminal else LineProgress)('Predicting', total)
    pixels: dict[int, np.ndarray] = {}  # of images that are on their way through the model
    unread: list[Problem] = []

    def rows() -> Iterator[dict[str, Any]]:
        for position, (source, image, facts) in enumerate(_read(files, spacing, unread, progress)):
            pixels[position] = image.pixels
            yield dict(img=image.pixels, img_path=source, tasks=names) | facts

    done = 0
    progress.start()
    try:
        for position, sample in inferencer.predict_rows(rows(), batch_size):
            image = pixels.pop(position)
            if isinstance(sample, DataError):
                problems.append(Problem('', str(sample)))
            elif isinstance(sample, MultiTaskDataSample):
                writer.add(position, image, sample)
                done += 1
            progress.advance()
    finally:
        progress.close()
    problems += unread
    return done


def _read(
    files: Sequence[FoundFile],
    spacing: tuple[float, float] | None,
    unread: list[Problem],
    progress: TerminalProgress | LineProgress,
) -> Iterator[tuple[str, UltrasoundImage, dict[str, Any]]]:
    """The source, the picture and its facts; what cannot be read or have the spacing goes to ``unread``."""
    for found in files:
        try:
            file = read_with_retries(open_image_file, found.path)
        except BadImage as bad:
            unread += [Problem(found.path, str(bad))]
            for _ in range(found.num_pictures):
                progress.advance()
            continue
        is_told = spacing is not None
        for frame in [None] if found.frames is None else found.frames:
            source = found.path if frame is None else frame_source(found.path, frame)
            try:
                image = file.read(frame)
                facts = image.facts(spacing)
            except BadImage as bad:
                unread.append(Problem(source, str(bad)))
                progress.advance()
                continue
            if not is_told:
                tell_spacing_fault(image, found.path)
                is_told = True
            yield source, image, facts
