"""Distributions over the images of a test run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import auc, roc_curve

from aurora_mm.analysis.report.charts import COLOURS, FAINT, TYPE_COLOURS, Chart, legend_below, plain_log_axis
from aurora_mm.analysis.report.results import Results
from aurora_mm.tasks import Task


def segmentation_charts(results: Results) -> list[Chart]:
    """Dice and Hausdorff distance of each class, and Dice by the target's size."""
    dsc: dict[str, list[float]] = {}
    hd: dict[str, list[float]] = {}
    sizes: list[float] = []
    values: list[float] = []
    for task in results.scored('segmentation'):
        for row in results.targets(task):
            label = task.name if task.num_outputs == 2 else f'{task.name}: {row.target}'
            if row.DSC is not None and row.HD is not None:
                dsc.setdefault(label, []).append(row.DSC)
                hd.setdefault(label, []).append(row.HD)
                if row.size:
                    sizes.append(row.size)
                    values.append(row.DSC)
    colour = TYPE_COLOURS['segmentation']
    charts = [
        _boxes('Dice (DSC) of each image', dsc, colour, limits=(0, 1)),
        _boxes('Hausdorff distance of each image, pixels', hd, colour, log=True),
    ]
    if sizes:
        charts.append(_by_size(sizes, values, colour))
    return charts


def detection_charts(results: Results) -> list[Chart]:
    """Overlap of the boxes."""
    iou = {task.name: [row.IoU or 0.0 for row in results.targets(task)] for task in results.scored('detection')}
    return [_boxes('Overlap (IoU) of each image', iou, TYPE_COLOURS['detection'], limits=(0, 1))]


def landmark_charts(results: Results) -> list[Chart]:
    """Distance of each point, and how many points are found within a distance."""
    errors: dict[str, list[float]] = {}
    by_task: dict[str, list[float]] = {}
    for task in results.scored('landmark'):
        for row in results.targets(task):
            if row.error is not None:
                errors.setdefault(f'{task.name}: {row.target}', []).append(row.error)
                by_task.setdefault(task.name, []).append(row.error)
    found = Chart('Share of points found within a distance')
    with found.draw() as axes:
        for (name, distances), colour in zip(by_task.items(), COLOURS, strict=False):
            ordered = np.sort(distances)
            share = np.arange(1, len(ordered) + 1) / len(ordered)
            axes.step([0, *ordered], [0, *share], where='post', color=colour, label=name)
        axes.set_xlim(left=0)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel('pixels of the original image')
        legend_below(axes)
    return [_boxes('Distance of each point, pixels', errors, TYPE_COLOURS['landmark'], log=True), found]


def roc_chart(results: Results, task: Task) -> Chart | None:
    """Receiver operating characteristic of each class against the rest; of class 1 where there are two.

    None if no class occurs beside another one.
    """
    rows = results.targets(task)
    truth = np.array([row.truth for row in rows])
    probs = np.array([row.probs for row in rows], float)
    shown = [1] if task.num_outputs == 2 else range(task.num_outputs)
    curves = {}
    for label in shown:
        if 0 < (truth == label).sum() < len(truth):
            curves[task.classes[label]] = roc_curve(truth == label, probs[:, label])[:2]
    if not curves:
        return None
    chart = Chart(task.name, 3.1, 3.0 + 0.17 * ((len(curves) + 1) // 2))
    with chart.draw() as axes:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=':')
        for (name, (false, true)), colour in zip(curves.items(), COLOURS, strict=False):
            axes.plot(false, true, color=colour, label=f'{name} {auc(false, true):.2f}')
        axes.set_xlabel('false positive rate')
        axes.set_ylabel('true positive rate')
        axes.set_aspect('equal')
        legend_below(axes, columns=2)
    return chart


def _boxes(
    title: str,
    groups: Mapping[str, Sequence[float]],
    colour: str,
    limits: tuple[float, float] | None = None,
    log: bool = False,
) -> Chart:
    """A row for each group: every value a dot, quartiles a box, the median a line."""
    chart = Chart(title, height=0.8 + 0.21 * len(groups))
    with chart.draw() as axes:
        rng = np.random.default_rng(0)
        for row, values in enumerate(groups.values()):
            jitter = row + rng.uniform(-0.22, 0.22, len(values))
            axes.plot(values, jitter, '.', color=colour, alpha=0.6, markersize=4.5, markeredgewidth=0)
        axes.boxplot(
            list(groups.values()),
            orientation='horizontal',
            positions=range(len(groups)),
            widths=0.62,
            showfliers=False,
            whis=(5, 95),
            boxprops=dict(color=FAINT),
            whiskerprops=dict(color=FAINT),
            capprops=dict(color=FAINT),
            medianprops=dict(color=colour, linewidth=2.2),
        )
        axes.set_yticks(range(len(groups)), list(groups), fontsize=7)
        axes.tick_params(axis='y', length=0)
        axes.grid(False, axis='y')
        axes.invert_yaxis()
        if limits:
            axes.set_xlim(limits[0] - 0.02, limits[1] + 0.02)
        if log:
            if min(map(min, groups.values())) > 0:
                axes.set_xscale('log')
            else:
                axes.set_xscale('symlog', linthresh=1)
                axes.set_xlim(left=0)
            plain_log_axis(axes.xaxis)
    return chart


def _by_size(sizes: Sequence[float], values: Sequence[float], colour: str) -> Chart:
    """Every target of every image by its share of the image."""
    chart = Chart('Dice by the size of the target')
    with chart.draw() as axes:
        axes.plot(np.array(sizes) * 100, values, '.', color=colour, alpha=0.6, markersize=4.5, markeredgewidth=0)
        axes.set_xscale('log')
        plain_log_axis(axes.xaxis)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel('share of the image, %')
        axes.set_ylabel('DSC')
    return chart
