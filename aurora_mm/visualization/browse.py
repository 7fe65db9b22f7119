"""Pictures of a data set as its pipeline hands it to the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import ConfigDict
from rich.progress import track

from aurora_mm.registry import DATASETS, VISUALIZERS
from aurora_mm.visualization.contact_sheet import contact_sheet


def browse_dataset(dataset_cfg: dict[str, Any], visualizer_cfg: dict[str, Any], out_dir: Path, per_task: int) -> None:
    """Draws the first images of every task after all transforms.

    Annotations that a test pipeline leaves in original pixels are drawn all the same where they belong: on the
    network's input, which they are warped to.

    Args:
        dataset_cfg: Of a data set of tasks. visualizer_cfg: Of :class:`MultiTaskVisualizer`.
        out_dir: For ``<task>/<number>.png``, and a sheet for each task, ``<task>.png``.
        per_task: Images of each task.
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
