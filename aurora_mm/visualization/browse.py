"""Pictures of the network inputs of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import ConfigDict
from rich.progress import track

from aurora_mm.registry import DATASETS, VISUALIZERS
from aurora_mm.visualization.contact_sheet import contact_sheet


def browse_dataset(dataset_cfg: dict[str, Any], visualizer_cfg: dict[str, Any], out_dir: Path, per_task: int) -> None:
    """Draw the first images of every task after all transforms.

    Annotations that a test pipeline leaves in original coordinates are warped to the network input and drawn there as
    well.

    Args:
        dataset_cfg: Config of a data set of tasks.
        visualizer_cfg: Config of a :class:`MultiTaskVisualizer`.
        out_dir: Folder for ``<task>/<number>.png``, and for a sheet of each task, ``<task>.png``.
        per_task: Number of images of each task.
    """
    cfg = ConfigDict(dataset_cfg)
    cfg.pipeline = _annotations_before_geometry(list(cfg.pipeline))
    dataset = DATASETS.build(cfg)
    visualizer = VISUALIZERS.build(ConfigDict(visualizer_cfg) | dict(name='browse', vis_backends=None))
    visualizer.dataset_meta = dataset.metainfo
    for task, indices in track(dataset.indices_by_task().items(), 'Drawing tasks'):
        files = []
        for number, index in enumerate(indices[:per_task]):
            item = dataset[int(index)]
            image = np.ascontiguousarray(item['inputs'].numpy()[::-1].transpose(1, 2, 0))  # BGR to RGB
            files.append(out_dir / task / f'{number:03d}.png')
            visualizer.add_datasample(task, image, item['data_samples'][task], draw_pred=False, out_file=str(files[-1]))
        contact_sheet(files, out_dir / f'{task}.png', cell_width=visualizer.size)


def _annotations_before_geometry(pipeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [step['type'].removeprefix('aurora_mm.') for step in pipeline]
    if 'LoadTaskAnnotations' in names and 'ApplyGeometry' in names:
        load, warp = names.index('LoadTaskAnnotations'), names.index('ApplyGeometry')
        if load > warp:
            pipeline.insert(warp, pipeline.pop(load))
    return pipeline
