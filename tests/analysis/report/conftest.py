"""A run's folder as `aurora-mm train` and `aurora-mm test` leave it, of four small tasks."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from aurora_mm.evaluation import ResultRow, write_per_image
from aurora_mm.tasks import Task, TaskTable

TASKS = TaskTable(
    [
        Task('organs', 'segmentation', classes=('background', 'liver', 'vein')),
        Task('kind', 'classification', classes=('benign', '<b>odd</b>', r'$\frac{$ [/b]')),
        Task('spot', 'detection', classes=('lesion',)),
        Task('ends', 'landmark', points=('$left_{$', 'right')),
    ]
)
COUNT = 5


def _row(task, target, index, **values):
    name = f'{task.type}/{index}.png'
    mask = f'../masks/{index}.png' if task.type == 'segmentation' else ''
    return ResultRow(
        task=task.name, metric=task.task_type.metric, target=target, img_id=index, image_path=f'../{name}',
        mask_path=mask, img_path=name, group='', height=48, width=64, values=values,
    )  # fmt: skip


def make_rows():
    """Image 0 of each task is the worst and image 4 the best."""
    rows = []
    for i in range(COUNT):
        for j, target in enumerate(TASKS['organs'].classes[1:]):
            values = dict(DSC=0.1 + 0.2 * i - 0.1 * j, HD=20.0 - 4 * i, HD95=15.0, NSD=0.5, size=0.01 * (i + 1))
            rows.append(_row(TASKS['organs'], target, i, **values))
        right = 0.1 + 0.2 * i
        probs = [(1 - right) / 2] * 3
        probs[i % 3] = right
        truth = dict(truth=i % 3, pred=int(np.argmax(probs)), probs=probs)
        rows.append(_row(TASKS['kind'], TASKS['kind'].classes[i % 3], i, **truth))
        box = dict(truth=[10.0, 10.0, 30.0, 30.0], pred=[10.0, 10.0, 20.0 + 2 * i, 30.0] if i else None)
        rows.append(_row(TASKS['spot'], 'lesion', i, IoU=(10 + 2 * i) / 20 if i else 0.0, size=0.13, **box))
        for j, point in enumerate(TASKS['ends'].points):
            error = 12.0 - 3 * i
            truth = dict(truth=[10.0 + 20 * j, 20.0], pred=[10.0 + 20 * j + error, 20.0], error=error)
            rows.append(_row(TASKS['ends'], point, i, **truth))
    return rows


METRICS = {
    'organs': dict(DSC=0.475, HD=12.0, HD95=15.0, NSD=0.5, primary=0.475),
    'kind': dict(Accuracy=0.6, AUC=0.7, F1_macro=0.5, MCC=None, primary=0.6),
    'spot': dict(IoU=0.6, primary=0.6),
    'ends': dict(MRE=6.0, MRE_diagonal=0.075, primary=0.925),
}


@pytest.fixture
def run_folder(tmp_path):
    """The work dir; results are in its folder ``test``."""
    test = tmp_path / 'work' / 'test'
    (test / 'submission' / 'masks').mkdir(parents=True)
    data = tmp_path / 'data'
    rows = [replace(row, img_path=str(data / row.img_path)) for row in make_rows()]
    for row in rows:
        file = data / row.image_path.removeprefix('../')
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.full((48, 64), 90, np.uint8))
    for i in range(COUNT):
        mask = np.zeros((48, 64), np.uint8)
        mask[10:20, 10:30], mask[30:40, 10:30] = 1, 2
        for folder in (data / 'masks', test / 'submission' / 'masks'):
            folder.mkdir(exist_ok=True)
            cv2.imwrite(str(folder / f'{i}.png'), mask)
    write_per_image(test / 'per_image.csv', rows)
    types = {task.type: METRICS[name]['primary'] for name, task in TASKS.items()}
    scores = dict(tasks=METRICS, types=types, task_mean=0.65, score=0.65)
    scores |= dict(images=dict.fromkeys(TASKS, COUNT), table=TASKS.to_config())
    scores['intervals'] = dict(
        tasks={'organs': {'DSC': [0.4, 0.55], 'primary': [0.4, 0.55]}}, types={'segmentation': [0.4, 0.55]},
        score=[0.611, 0.689], level=0.95, resamples=100,
    )  # fmt: skip
    (test / 'metrics.json').write_text(json.dumps(scores))
    (test / 'tiny.py').write_text(f'tasks = {TASKS.to_config()!r}\n')
    log = tmp_path / 'work' / '20260101_000000' / 'vis_data'
    log.mkdir(parents=True)
    lines = []
    for step in (10, 20, 30):
        lines.append({'loss': 3 / step, 'loss_segmentation': 2 / step, 'epoch': step // 10, 'iter': step, 'step': step})
        lines.append({f'task_{kind}/{name}': 1 / step for kind in ('loss', 'prob') for name in TASKS} | {'step': step})
        lines.append({'score': step / 60, 'type/segmentation': step / 50, 'step': step // 10})
    (log / 'scalars.json').write_text('\n'.join(json.dumps(line) for line in lines))
    return tmp_path / 'work'
