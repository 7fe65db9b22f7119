"""How annotations and predictions of each task type are drawn."""

from __future__ import annotations

import cv2
import numpy as np

from aurora_mm.structures import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

# Okabe and Ito's colours (RGB), told apart with any colour vision; class 1 (or box, or point 1) takes the first.
PALETTE = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167), (0, 114, 178))
_CAPTIONS = 3  # boxes that a panel names


class TaskDrawer:
    """Draws what is known or predicted of an image. The base draws nothing, and serves types that have no drawer.

    Attributes:
        foreign_options: Arguments of ``add_datasample`` for a visualiser of mmdet or mmseg that draws instead.
    """

    foreign_options: dict[str, float] = {}

    def draw(self, panel: np.ndarray, sample: TaskDataSample, side: str, task: Task, scale: float, alpha: float) -> str:
        """Draws on a panel.

        Args:
            panel: ``(h, w, 3)`` RGB uint8, the image at another size; changed in place.
            sample: Of the image.
            side: ``'gt'`` or ``'pred'``.
            task: Of the sample.
            scale: Panel pixels per image pixel.
            alpha: Opacity of fillings.

        Returns:
            A line of text for the panel's caption; ``''`` for none.
        """
        return ''

    def legend(self, task: Task) -> tuple[str, ...]:
        """The names that have a colour in a panel, in the order of :func:`class_colour`."""
        return ()

    def select(self, sample: TaskDataSample, score_thr: float) -> TaskDataSample:
        """Leaves out of a copy of a sample what is predicted with less than a score."""
        return sample


class MaskDrawer(TaskDrawer):
    """Fills each foreground class and draws its outline."""

    def draw(self, panel: np.ndarray, sample: TaskDataSample, side: str, task: Task, scale: float, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        mask = sample.get(f'{side}_sem_seg').data[0].cpu().numpy().astype(np.uint8)
        mask = cv2.resize(mask, panel.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        for label in np.unique(mask[(mask > 0) & (mask < task.num_outputs)]):  # 255 does not count
            colour = np.array(class_colour(label - 1))
            region = mask == label
            panel[region] = (1 - alpha) * panel[region] + alpha * colour
            contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(panel, contours, -1, colour.tolist(), 2, cv2.LINE_AA)
        return ''

    def legend(self, task: Task) -> tuple[str, ...]:
        """The foreground classes."""
        return task.target_names


class BoxDrawer(TaskDrawer):
    """Draws boxes, and names their classes and scores in the caption."""

    foreign_options = dict(pred_score_thr=-1.0)  # unsure boxes are gone already

    def draw(self, panel: np.ndarray, sample: TaskDataSample, side: str, task: Task, scale: float, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        instances = sample.get(f'{side}_instances')
        captions = []
        for i, box in enumerate(instances.bboxes.cpu().numpy() * scale):
            label = int(instances.labels[i])
            x1, y1, x2, y2 = box.round().astype(int).tolist()
            cv2.rectangle(panel, (x1, y1), (x2, y2), class_colour(label), 2, cv2.LINE_AA)
            score = f' {float(instances.scores[i]):.2f}' if 'scores' in instances else ''
            captions.append(f'{task.classes[label]}{score}')
        more = f' and {len(captions) - _CAPTIONS} more' if len(captions) > _CAPTIONS else ''
        return ', '.join(captions[:_CAPTIONS]) + more

    def legend(self, task: Task) -> tuple[str, ...]:
        """The classes."""
        return task.target_names

    def select(self, sample: TaskDataSample, score_thr: float) -> TaskDataSample:
        """Keeps the predicted boxes of at least that score, and the one of the highest score in any case."""
        boxes = sample.pred_instances
        if len(boxes) > 1:
            sample = sample.new()
            sample.pred_instances = boxes[boxes.scores >= boxes.scores.max().clamp(max=score_thr)]
        return sample


class PointDrawer(TaskDrawer):
    """Draws a numbered cross for each point."""

    def draw(self, panel: np.ndarray, sample: TaskDataSample, side: str, task: Task, scale: float, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        points = sample.get(f'{side}_landmarks').cpu().numpy() * scale
        for i, (x, y) in enumerate(points.round().astype(int).tolist()):
            cv2.drawMarker(panel, (x, y), (0, 0, 0), cv2.MARKER_CROSS, 16, 4, cv2.LINE_AA)
            cv2.drawMarker(panel, (x, y), class_colour(i), cv2.MARKER_CROSS, 15, 2, cv2.LINE_AA)
            put_text(panel, str(i + 1), (x + 6, y - 6))
        return ''

    def legend(self, task: Task) -> tuple[str, ...]:
        """The points."""
        return task.target_names


class LabelDrawer(TaskDrawer):
    """Names the class in the caption."""

    def draw(self, panel: np.ndarray, sample: TaskDataSample, side: str, task: Task, scale: float, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        label = int(sample.get(f'{side}_label'))
        score = f' {float(sample.pred_scores[label]):.2f}' if side == 'pred' else ''
        return task.classes[label] + score


DRAWERS: ByTaskType[TaskDrawer] = ByTaskType('drawer')
DRAWERS.update(segmentation=MaskDrawer(), classification=LabelDrawer(), detection=BoxDrawer(), landmark=PointDrawer())


def drawer_of(task: Task) -> TaskDrawer:
    """The drawer of a task's type, or one that draws nothing."""
    return DRAWERS.get(task.type) or TaskDrawer()


def class_colour(index: int) -> tuple[int, int, int]:
    """RGB of the i-th class (background not counted), box or point."""
    return PALETTE[index % len(PALETTE)]


def put_text(image: np.ndarray, text: str, at: tuple[int, int]) -> None:
    """Writes white text with a black outline, its lower left corner at x, y."""
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
