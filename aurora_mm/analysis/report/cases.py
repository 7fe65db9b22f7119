"""Pictures of the worst, the median and the best image of each task, truth beside prediction."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.analysis.breakdowns import Case
from aurora_mm.analysis.report.results import Results
from aurora_mm.errors import DataError
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import Task
from aurora_mm.utils import read_image
from aurora_mm.visualization import MultiTaskVisualizer, class_colour

_PANEL_SIZE = 320  # pixels; two panels side by side fill a phone at about twice its own pixels
_JPEG_QUALITY = 80


@dataclass(frozen=True)
class Picture:
    """One image, drawn.

    Args:
        rank: 'worst', 'median' or 'best'. figure: How good it is, as a reader wants it.
        image_path: The CSV's own text. uri: The picture as a data URI. width, height: Its pixels.
    """

    rank: str
    figure: str
    image_path: str
    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class TaskCases:
    """The pictures of one task, and the colour of each of its names as CSS."""

    task: Task
    pictures: list[Picture]
    legend: list[tuple[str, str]]
    missing: str = ''


def task_cases(results: Results, task: Task) -> TaskCases:
    """Draws the cases of a task.

    Where the run wrote no predicted masks, there are no pictures and ``missing`` says what to do.

    Raises:
        DataError: If an image or a mask cannot be read.
    """
    legend = [(name, f'rgb{class_colour(i)}') for i, name in enumerate(_drawn_names(task))]
    if task.type == 'segmentation' and not results.submission.is_dir():
        missing = 'Pictures need the predicted masks: run aurora-mm test with --submission.'
        return TaskCases(task, [], legend, missing)
    visualizer = MultiTaskVisualizer(size=_PANEL_SIZE)
    visualizer.dataset_meta = dict(tasks=[task.to_config()])
    pictures = [_draw(visualizer, task, rank, case, results) for rank, case in pick(results.images(task))]
    return TaskCases(task, pictures, legend)


def pick(images: list[Case]) -> list[tuple[str, Case]]:
    """Worst, median and best of images ordered worst first; fewer where there are fewer images."""
    if len(images) < 3:
        return list(zip(('worst', 'best'), images, strict=False))
    return [('worst', images[0]), ('median', images[len(images) // 2]), ('best', images[-1])]


def _drawn_names(task: Task) -> tuple[str, ...]:
    if task.type == 'classification':
        return ()
    return task.output_names[1:] if task.type == 'segmentation' else task.output_names


def figure(task: Task, case: Case) -> str:
    """How good a case is, as a reader wants it."""
    if task.type == 'landmark':
        share = -case.goodness
        pixels = share * math.hypot(case.rows[0].height, case.rows[0].width)
        return f'{pixels:.1f} px off, {100 * share:.1f} % of the diagonal'
    what = {'segmentation': 'DSC', 'classification': 'true class at', 'detection': 'IoU'}[task.type]
    return f'{what} {case.goodness:.2f}'


def _draw(visualizer: MultiTaskVisualizer, task: Task, rank: str, case: Case, results: Results) -> Picture:
    row = case.rows[0]
    file = results.data_file(row, row.image_path)
    image = read_image(file, cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise DataError('the image cannot be read; if the data has moved, say where to by --data-root', file=file)
    drawn = visualizer.draw(image, _sample(task, case, results))
    encoded = cv2.imencode('.jpg', drawn[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    uri = 'data:image/jpeg;base64,' + base64.b64encode(encoded.tobytes()).decode()
    return Picture(rank, figure(task, case), row.image_path, uri, drawn.shape[1], drawn.shape[0])


def _sample(task: Task, case: Case, results: Results) -> MultiTaskDataSample:
    """The image's rows as the sample that they came from."""
    image = case.rows[0]
    shape = (image.height, image.width)
    sample = MultiTaskDataSample(
        metainfo=dict(task=task.name, task_type=task.type, ori_shape=shape, gt_coordinates='original')
    )
    if task.type == 'segmentation':
        sample.gt_sem_seg = _mask(results.data_file(image, image.mask_path), shape)
        sample.pred_sem_seg = _mask(results.submission / image.mask_path.removeprefix('../'), shape)
    elif task.type == 'classification':
        sample.gt_label, sample.pred_label = torch.tensor([image.truth]), torch.tensor([image.pred])
        sample.pred_scores = torch.tensor(image.probs)
    elif task.type == 'detection':
        sample.gt_instances = _boxes(image.truth, task.classes.index(image.target))
        sample.pred_instances = _boxes(image.pred, task.classes.index(image.target))
    else:
        rows = {row.target: row for row in case.rows}
        sample.gt_landmarks = torch.tensor([rows[point].truth for point in task.points], dtype=torch.float32)
        sample.pred_landmarks = torch.tensor([rows[point].pred for point in task.points], dtype=torch.float32)
    return sample


def _mask(file: Path, shape: tuple[int, int]) -> PixelData:
    mask = read_image(file, cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise DataError('the mask cannot be read', file=file)
    if mask.shape != shape:
        mask = cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST)
    return PixelData(data=torch.from_numpy(mask.astype(np.int64))[None])


def _boxes(box: object, label: int) -> InstanceData:
    boxes = torch.tensor([box] if box is not None else [], dtype=torch.float32).reshape(-1, 4)
    return InstanceData(bboxes=boxes, labels=torch.full((len(boxes),), label))
