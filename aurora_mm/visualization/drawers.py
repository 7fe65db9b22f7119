"""Drawing of annotations and predictions of each task type."""

from __future__ import annotations

import numpy as np

from aurora_mm.structures import LABEL_THRESHOLD, TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task
from aurora_mm.visualization.canvas import Canvas

# The colours of Okabe and Ito (RGB), which can be distinguished with any colour vision; class 1 (or box, or point 1)
# has the first.
PALETTE = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167), (0, 114, 178))

SHOWN_SCORE = 0.3
"""Predicted boxes of a lower score are not shown, except the best one where an image has exactly one box."""


class TaskDrawer:
    """Draws annotations or predictions on an image. The base draws nothing; it is used for types without a drawer.

    Attributes:
        foreign_options (dict[str, float]): Arguments of ``add_datasample`` for a visualiser of mmdet or mmseg that
            draws instead.
    """

    foreign_options: dict[str, float] = {}

    def draw(self, canvas: Canvas, sample: TaskDataSample, side: str, task: Task, alpha: float) -> str:
        """Draw on a picture.

        Args:
            canvas: Canvas of the image.
            sample: Sample of the image, in original coordinates.
            side: ``'gt'`` or ``'pred'``.
            task: Task of the sample.
            alpha: Opacity of fillings, in [0, 1].

        Returns:
            A line of text for the caption of the picture; ``''`` for none.
        """
        return ''

    def legend(self, task: Task) -> tuple[str, ...]:
        """Return the names that have a colour in a picture, in the order of :func:`class_colour`."""
        return ()

    def select(self, sample: TaskDataSample, score_thr: float) -> TaskDataSample:
        """Return a sample without the predictions below a score; the original does not change.

        Args:
            sample: The sample.
            score_thr: Lowest score, in [0, 1].
        """
        return sample


class MaskDrawer(TaskDrawer):
    """Fills each foreground class and draws its outline."""

    def draw(self, canvas: Canvas, sample: TaskDataSample, side: str, task: Task, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        mask = sample.get(f'{side}_sem_seg').data[0].cpu().numpy()
        for label in np.unique(mask[(mask > 0) & (mask < task.num_outputs)]).tolist():  # 255 does not count
            canvas.fill(mask == label, class_colour(label - 1), alpha)
        return ''

    def legend(self, task: Task) -> tuple[str, ...]:
        """Return the foreground classes."""
        return task.target_names


class ClassMaskDrawer(MaskDrawer):
    """Fills each class and draws its outline, the larger classes first, so that those within them stay visible."""

    def draw(self, canvas: Canvas, sample: TaskDataSample, side: str, task: Task, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        masks = sample.get(f'{side}_class_masks').data.cpu().numpy() == 1  # 255 is not labelled
        areas = masks.sum((1, 2))
        for label in np.argsort(-areas, kind='stable').tolist():
            if areas[label]:
                canvas.fill(masks[label], class_colour(label), alpha)
        return ''


class BoxDrawer(TaskDrawer):
    """Draws boxes with their classes and scores."""

    foreign_options = dict(pred_score_thr=-1.0)  # boxes of low scores are already removed

    def draw(self, canvas: Canvas, sample: TaskDataSample, side: str, task: Task, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        instances = sample.get(f'{side}_instances')
        for i, box in enumerate(instances.bboxes.cpu().numpy()):
            label = int(instances.labels[i])
            canvas.box(box, class_colour(label))
            score = f' {float(instances.scores[i]):.2f}' if 'scores' in instances else ''
            canvas.name(f'{task.classes[label]}{score}', box[:2], class_colour(label))
        return ''

    def legend(self, task: Task) -> tuple[str, ...]:
        """Return the classes."""
        return task.target_names

    def select(self, sample: TaskDataSample, score_thr: float) -> TaskDataSample:
        """Keep the predicted boxes of at least that score, and always the box of the highest score."""
        boxes = sample.pred_instances
        if len(boxes) > 1:
            sample = sample.new()
            sample.pred_instances = boxes[boxes.scores >= boxes.scores.max().clamp(max=score_thr)]
        return sample


class MultiBoxDrawer(BoxDrawer):
    """Draws any number of boxes; if none is predicted with enough score, it draws none."""

    def draw(self, canvas: Canvas, sample: TaskDataSample, side: str, task: Task, alpha: float) -> str:
        """Draw the boxes, and return their number as the caption; see :meth:`TaskDrawer.draw`."""
        super().draw(canvas, sample, side, task, alpha)
        count = len(sample.get(f'{side}_instances'))
        return f'{count} box{"es" if count != 1 else ""}'

    def select(self, sample: TaskDataSample, score_thr: float) -> TaskDataSample:
        """Keep the predicted boxes of at least that score."""
        sample = sample.new()
        sample.pred_instances = sample.pred_instances[sample.pred_instances.scores >= score_thr]
        return sample


class PointDrawer(TaskDrawer):
    """Draws a cross with its name for each point."""

    def draw(self, canvas: Canvas, sample: TaskDataSample, side: str, task: Task, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        points = sample.get(f'{side}_landmarks').cpu().numpy()
        for i, (name, point) in enumerate(zip(task.points, points, strict=True)):
            if np.isfinite(point).all():
                canvas.cross(point, class_colour(i))
                canvas.name(name, point, class_colour(i))
        return ''

    def legend(self, task: Task) -> tuple[str, ...]:
        """Return the points."""
        return task.target_names


class LabelDrawer(TaskDrawer):
    """Writes the class into the caption, with its probability if it is predicted."""

    def draw(self, canvas: Canvas, sample: TaskDataSample, side: str, task: Task, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        label = int(sample.get(f'{side}_label'))
        score = f' {float(sample.pred_scores[label]):.2f}' if side == 'pred' else ''
        return task.classes[label] + score


class MultiLabelDrawer(TaskDrawer):
    """Writes the classes into the caption, with their probabilities if they are predicted."""

    def draw(self, canvas: Canvas, sample: TaskDataSample, side: str, task: Task, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        scores = zip(task.classes, sample.get(f'{side}_scores').tolist(), strict=True)
        found = [name + (f' {s:.2f}' if side == 'pred' else '') for name, s in scores if s >= LABEL_THRESHOLD]
        return ', '.join(found) or 'none'


class ValueDrawer(TaskDrawer):
    """Writes the number with its unit into the caption."""

    def draw(self, canvas: Canvas, sample: TaskDataSample, side: str, task: Task, alpha: float) -> str:
        """See :meth:`TaskDrawer.draw`."""
        return f'{task.values[0]} {float(sample.get(f"{side}_value")):.4g} {task.unit}'.rstrip()


DRAWERS: ByTaskType[TaskDrawer] = ByTaskType('drawer')
DRAWERS.update(
    segmentation=MaskDrawer(),
    classification=LabelDrawer(),
    detection=BoxDrawer(),
    landmark=PointDrawer(),
    multi_object_detection=MultiBoxDrawer(),
    scalar_regression=ValueDrawer(),
    multi_label_classification=MultiLabelDrawer(),
    multi_label_segmentation=ClassMaskDrawer(),
)


def drawer_of(task: Task) -> TaskDrawer:
    """Return the drawer of a task's type, or one that draws nothing."""
    return DRAWERS.get(task.type) or TaskDrawer()


def class_colour(index: int) -> tuple[int, int, int]:
    """Return the RGB colour of the i-th class (background not counted), box or point."""
    return PALETTE[index % len(PALETTE)]
