"""The visualiser for all task types."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.dist import master_only
from mmengine.visualization import Visualizer

from aurora_mm.errors import ConfigError
from aurora_mm.files import write_image
from aurora_mm.measurements import Measured, measurements_of, structure_of
from aurora_mm.registry import VISUALIZERS
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.tasks import Task, TaskTable
from aurora_mm.visualization.canvas import Canvas
from aurora_mm.visualization.caption import stack_under_captions
from aurora_mm.visualization.drawers import SHOWN_SCORE, class_colour, drawer_of
from aurora_mm.visualization.text import WHITE


@VISUALIZERS.register_module()
class MultiTaskVisualizer(Visualizer):
    """Draws a sample as two panels, annotation left and prediction right, with the measurements of its task.

    Names and values are written above the picture, or in it beside the shape they belong to.

    Args:
        name: Name of the instance, see MMEngine.
        size: Longest side of a panel in pixels, to which images are scaled; None keeps their size.
        alpha: Opacity of mask fillings, in [0, 1].
        foreign: Configs of visualisers of mmdet and mmseg to use instead, by task name or task type, such as
            ``dict(detection=dict(type='mmdet.DetLocalVisualizer'))``. They draw at the size of the image.
        kwargs: Arguments of MMEngine's ``Visualizer``.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        size: int | None = 320,
        alpha: float = 0.35,
        foreign: Mapping[str, dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        self.size = size
        self.alpha = alpha
        self.foreign = {key: _build(**cfg) for key, cfg in (foreign or {}).items()}

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: TaskDataSample | MultiTaskDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        step: int = 0,
        pred_score_thr: float = SHOWN_SCORE,
    ) -> None:
        """Draw a sample; the visualisation hooks of mmdet and mmseg can call it too. See ``Visualizer.add_datasample``.

        Args:
            name: Key of the picture in the backends.
            image: ``(H, W, 3)`` RGB uint8: the original image or, without predictions, the network input.
            data_sample: The sample. Its annotations, if they are drawn, are in pixels of that image. None shows the
                image alone.
            draw_gt: Whether to draw annotations, if there are any.
            draw_pred: Whether to draw predictions.
            show: Whether to show the picture in a window.
            wait_time: How long the window stays, in seconds; 0 is forever.
            out_file: File of the picture; None passes it to the backends.
            step: Step of the picture in the backends.
            pred_score_thr: Predicted boxes of a lower score are not drawn, except that of the highest score in tasks
                with one box an image.

        Raises:
            ConfigError: If the coordinates of annotations do not fit the image.
        """
        drawn = image if data_sample is None else self.draw(image, data_sample, draw_gt, draw_pred, pred_score_thr)
        self.set_image(drawn)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            write_image(out_file, drawn[..., ::-1])
        else:
            self.add_image(name, drawn, step)

    def draw(
        self,
        image: np.ndarray,
        data_sample: TaskDataSample | MultiTaskDataSample,
        draw_gt: bool = True,
        draw_pred: bool = True,
        pred_score_thr: float = SHOWN_SCORE,
    ) -> np.ndarray:
        """Return the panels side by side, ``(H, W, 3)`` RGB uint8; arguments as in :meth:`add_datasample`.

        Raises:
            ConfigError: If the coordinates of annotations do not fit the image.
        """
        if isinstance(data_sample, MultiTaskDataSample):
            rows = [self.draw(image, one, draw_gt, draw_pred, pred_score_thr) for one in data_sample]
            return np.concatenate(rows)
        task = TaskTable(self.dataset_meta['tasks'])[data_sample.task]
        draw_gt = draw_gt and data_sample.get('gt_coordinates') is not None
        if draw_gt:
            _check_coordinates(data_sample, image, draw_pred)
        if draw_pred:
            data_sample = drawer_of(task).select(data_sample, pred_score_thr)
        foreign = self.foreign.get(task.name) or self.foreign.get(task.type)
        if foreign is not None:
            return _drawn_by(foreign, task, image, data_sample, draw_gt=draw_gt, draw_pred=draw_pred)
        sides = [('gt', 'truth')] * draw_gt + [('pred', 'prediction')] * draw_pred
        panels = [self._panel(image, data_sample, task, side) for side, _ in sides]
        titles = [f'{task.name}: {title}' for _, title in sides]
        return stack_under_captions(
            [panel for panel, _ in panels],
            [[(title, WHITE), *lines] for title, (_, lines) in zip(titles, panels, strict=True)],
        )

    def draw_answer(
        self,
        image: np.ndarray,
        sample: TaskDataSample,
        measured: Sequence[Measured] = (),
        pred_score_thr: float = SHOWN_SCORE,
    ) -> np.ndarray:
        """Draw one prediction.

        Args:
            image: The original image, ``(H, W, 3)`` RGB uint8.
            sample: The sample with a prediction.
            measured: Measurements of the prediction.
            pred_score_thr: See :meth:`add_datasample`.

        Returns:
            The picture, ``(h, w, 3)`` RGB uint8.
        """
        task = TaskTable(self.dataset_meta['tasks'])[sample.task]
        sample = drawer_of(task).select(sample, pred_score_thr)
        panel, lines = self._panel(image, sample, task, 'pred', measured)
        return stack_under_captions([panel], [[(task.name, WHITE), *lines]])

    def _panel(
        self,
        image: np.ndarray,
        sample: TaskDataSample,
        task: Task,
        side: str,
        measured: Sequence[Measured] | None = None,
    ) -> tuple[np.ndarray, list[tuple[str, tuple[int, int, int]]]]:
        """Return a picture and the coloured texts of its caption."""
        canvas = Canvas(image, 1.0 if self.size is None else self.size / max(image.shape[:2]))
        drawer = drawer_of(task)
        answer = drawer.draw(canvas, sample, side, task, self.alpha)
        if measured is None and task.measurements:
            structure = structure_of(sample, side=side)
            measured = [measurement(structure) for measurement in measurements_of(task)]
        lines = [(answer, WHITE)] if answer else []
        lines += [(f'\N{BLACK SQUARE} {name}', class_colour(i)) for i, name in enumerate(drawer.legend(task))]
        for one in measured or ():
            for line in one.lines:
                canvas.caliper(line, WHITE)
            if one.lines:
                canvas.name(str(one), one.lines[0][0], WHITE)
            else:
                lines.append((str(one), WHITE))
        return canvas.pixels, lines + canvas.finish()


def _check_coordinates(sample: TaskDataSample, image: np.ndarray, draw_pred: bool) -> None:
    """Check that the image has the coordinates of annotations; those of predictions are always original ones."""
    shape = sample.ori_shape if sample.gt_coordinates == 'original' else sample.img_shape
    if (draw_pred and sample.gt_coordinates != 'original') or image.shape[:2] != tuple(shape):
        raise ConfigError(
            f'an image of (height, width) {image.shape[:2]} cannot show annotations in '
            f'{sample.gt_coordinates!r} pixels of {tuple(shape)}'
            + ' beside predictions, which are in original pixels'
            * draw_pred
        )


def _build(type: str, **kwargs: Any) -> Visualizer:
    """Build a visualiser without the registry, which would require a name and keep the instance."""
    kind = VISUALIZERS.get(type)
    if kind is None:
        raise ConfigError(f'{type!r} is not registered')
    return kind(**kwargs)


def _drawn_by(
    visualizer: Visualizer, task: Task, image: np.ndarray, sample: TaskDataSample, **what: bool
) -> np.ndarray:
    """Draw by a visualiser of another package, ``(H, W, 3)`` RGB uint8; pictures can only be passed on as files."""
    first = int(task.task_type.has_background)  # the background is black
    palette = [(0, 0, 0)] * first + [class_colour(i) for i in range(len(task.target_names))]
    visualizer.dataset_meta = dict(classes=task.classes, palette=palette)
    options = drawer_of(task).foreign_options
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / 'drawn.png')
        visualizer.add_datasample(task.name, image, sample, out_file=file, **what, **options)
        return mmcv.imread(file, channel_order='rgb')
