from __future__ import annotations

from typing import Any

import numpy as np
import torch

from aurora_mm.calibration.calibrator import Observation, State, diagonal, pixels
from aurora_mm.calibration.temperature import temper
from aurora_mm.calibration.temperature_calibrator import TemperatureCalibrator
from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.functional import surface_distances
from aurora_mm.models.utils.original_coordinates import map_to_original
from aurora_mm.structures import IGNORED, TaskDataSample
from aurora_mm.tasks import Task

_GRID = 32  # pixels of an image that are observed along each axis
_PART = 95  # percent of the true outline that the margin shall contain


class MaskCalibrator(TemperatureCalibrator):
    """Calibrates masks: a temperature for the probabilities of pixels, and a margin around the outline of each class.

    Confidences are those of pixels on a regular grid over the image. An image without a class has no margin for it to
    contain; a class that was not predicted where it is has none that would. Pixels to ignore do not count: they are
    background in both masks.
    """

    unit = 'px'
    statement = f'{_PART} % of the true outline of a class lies within {{size}} of the predicted outline'

    def observe(self, sample: TaskDataSample, task: Task) -> Observation:
        pred, truth = (field.data[0].cpu().numpy() for field in (sample.pred_sem_seg, sample.gt_sem_seg))
        counted = truth != IGNORED
        pred, truth = np.where(counted, pred, 0), np.where(counted, truth, 0)
        rows, columns = (np.unique(np.linspace(0, side - 1, _GRID).round().astype(int)) for side in truth.shape)
        probs = _probabilities(sample)[:, rows[:, None], columns].flatten(1).T
        observed = counted[rows[:, None], columns].ravel()
        errors = [_outline_distance(pred == label, truth == label) for label in range(1, task.num_outputs)]
        return dict(
            probs=probs.cpu().numpy().astype(np.float32)[observed],
            truth=truth[rows[:, None], columns].ravel().astype(np.uint8)[observed],
            errors=np.array(errors) / diagonal(sample),
            diagonal=diagonal(sample),
        )

    def scores(self, observation: Observation, task: Task, parameters: State) -> dict[str, float]:
        return dict(zip(task.target_names, observation['errors'].tolist(), strict=True))

    def size(self, observation: Observation, target: str, limit: float, parameters: State) -> float:
        return limit * float(observation['diagonal'])

    def apply(self, sample: TaskDataSample, task: Task, state: State) -> dict[str, Any]:
        """Return ``margins`` in pixels and ``confidences`` by class, those of the classes that were found.

        The confidence of a class is the mean calibrated probability of its pixels. The mask does not change.
        """
        mask = sample.pred_sem_seg.data[0]
        foreground = mask > 0
        labels = mask[foreground].cpu().numpy()  # (n,)
        probs = temper(_probabilities(sample)[:, foreground].T.cpu().numpy(), state['parameters']['temperature'])
        margins, confidences = {}, {}
        for label in np.unique(labels):
            name, region = task.classes[label], labels == label
            margins[name] = pixels(state['limits'].get(name), sample)
            confidences[name] = round(float(probs[region, label].mean()), 4)
        return dict(margins=margins, confidences=confidences)


def _probabilities(sample: TaskDataSample) -> torch.Tensor:
    """Return the predicted probabilities of all classes in each original pixel, (C, H, W)."""
    views = list(sample.get('mask_views', ()))
    if len(views) != 1:
        raise ConfigError(
            f'task {sample.task!r}: a mask is calibrated by the probabilities of one view (`mask_views`), and its head '
            f'or its views at test time gave {len(views)}'
        )
    return map_to_original(views[0].probs.float(), views[0].homography_matrix, views[0].img_shape, sample.ori_shape)


def _outline_distance(pred: np.ndarray, truth: np.ndarray) -> float:
    """Return the distance in pixels of the predicted outline within which most of the true outline lies."""
    if not truth.any():
        return np.nan
    return float(np.percentile(surface_distances(pred, truth)[1], _PART)) if pred.any() else np.inf
