"""Pictures of the worst, the median and the best image of each task, with annotation and prediction."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.structures import PixelData

from aurora_mm.analysis.breakdowns import RankedImage
from aurora_mm.analysis.report.results import Results
from aurora_mm.datasets.masks import read_class_indices
from aurora_mm.errors import DataError
from aurora_mm.evaluation import TaskMetric
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import read_image
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task
from aurora_mm.utils import decode_file
from aurora_mm.visualization import MultiTaskVisualizer, class_colour, drawer_of

_PANEL_SIZE = 320  # pixels; two panels side by side fill the width of a phone
_JPEG_QUALITY = 80


@dataclass(frozen=True)
class Picture:
    """A picture of one image.

    Args:
        rank: 'worst', 'median' or 'best'.
        caption: Text about the quality of the prediction.
        image_path: The text of the CSV file.
        uri: The picture as a data URI.
        width: Width in pixels.
        height: Height in pixels.
    """

    rank: str
    caption: str
    image_path: str
    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class TaskPictures:
    """The pictures of one task, the colour of each name as CSS, and why there are no pictures, if there are none."""

    task: Task
    pictures: list[Picture]
    legend: list[tuple[str, str]]
    missing: str = ''


def task_pictures(results: Results, task: Task) -> TaskPictures:
    """Draw the worst, the median and the best image of a task.

    If the run wrote no predicted masks, there are no pictures and ``missing`` says how to get them.

    Args:
        results: Results of the run.
        task: The task.

    Raises:
        DataError: If an image or a mask cannot be read.
    """
    legend = [(name, f'rgb{class_colour(i)}') for i, name in enumerate(drawer_of(task).legend(task))]
    metric = results.judge(task)
    if metric is None:
        return TaskPictures(task, [], legend, 'There are no results of single images.')
    if metric.has_masks and not results.submission.is_dir():
        missing = 'Pictures need the predicted masks: run aurora-mm test with --submission.'
        return TaskPictures(task, [], legend, missing)
    visualizer = MultiTaskVisualizer(size=_PANEL_SIZE)
    visualizer.dataset_meta = dict(tasks=[task.to_config()])
    drawn = [_draw(visualizer, task, metric, rank, image, results) for rank, image in pick(results.images(task))]
    return TaskPictures(task, drawn, legend)


def pick(images: list[RankedImage]) -> list[tuple[str, RankedImage]]:
    """Return the worst, the median and the best of images sorted worst first; fewer if there are fewer images."""
    if len(images) < 3:
        return list(zip(('worst', 'best'), images, strict=False))
    return [('worst', images[0]), ('median', images[len(images) // 2]), ('best', images[-1])]


def _draw(
    visualizer: MultiTaskVisualizer,
    task: Task,
    metric: type[TaskMetric],
    rank: str,
    image: RankedImage,
    results: Results,
) -> Picture:
    row = image.rows[0]
    file = results.data_file(row, row.image_path)
    try:
        pixels = read_image(file).pixels
    except BadImage as bad:
        raise DataError(f'the image {bad}; if the data has moved, say where to by --data-root', file=file) from bad
    drawn = visualizer.draw(np.ascontiguousarray(pixels[..., ::-1]), _sample(task, metric, image, results))
    encoded = cv2.imencode('.jpg', drawn[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    uri = 'data:image/jpeg;base64,' + base64.b64encode(encoded.tobytes()).decode()
    return Picture(rank, metric.caption(image.rows), row.image_path, uri, drawn.shape[1], drawn.shape[0])


def _sample(task: Task, metric: type[TaskMetric], image: RankedImage, results: Results) -> TaskDataSample:
    """Restore the sample of an image from its rows."""
    row = image.rows[0]
    shape = (row.height, row.width)
    sample = TaskDataSample(
        metainfo=dict(task=task.name, task_type=task.type, ori_shape=shape, gt_coordinates='original')
    )
    metric.restore(sample, image.rows, task.output_names)
    if metric.has_masks:
        sample.gt_sem_seg = _true_mask(results.data_file(row, row.mask_path), task)
        sample.pred_sem_seg = _mask(results.predicted_mask(row), shape)
    return sample


def _true_mask(file: Path, task: Task) -> PixelData:
    try:
        mask, _ = read_class_indices(file, task.num_outputs, task.name)
    except BadImage as bad:
        raise DataError(f'the mask {bad}', file=file) from bad
    return PixelData(data=torch.from_numpy(mask.astype(np.int64))[None])


def _mask(file: Path, shape: tuple[int, int]) -> PixelData:
    """Read a predicted mask, which may have any values in a submission of others."""
    mask = decode_file(file, cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise DataError('the mask cannot be read', file=file)
    if mask.shape != shape:
        mask = cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST)
    return PixelData(data=torch.from_numpy(mask.astype(np.int64))[None])
