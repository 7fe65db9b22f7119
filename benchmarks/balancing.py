"""Cost of a training step against how its losses are balanced.

    OMP_NUM_THREADS=1 python benchmarks/balancing.py

Takes the processor time of training steps of the tiny model on batches of 8 images, every choice in turn, and gives the
ratio of each choice's least to that of no balancing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData, PixelData

from aurora_mm.registry import MODELS, OPTIM_WRAPPERS
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.tasks import Task, TaskTable

REPO = Path(__file__).resolve().parents[1]
SIZE = 128
PLAIN = dict(type='OptimWrapper')
CHOICES = {
    'no balancing': (dict(type='LossBalancer'), PLAIN),
    'SelectiveLossBalancer': (dict(type='SelectiveLossBalancer'), PLAIN),
    'FAMOLossBalancer': (dict(type='FAMOLossBalancer'), PLAIN),
    'IGBLossBalancer': (dict(type='IGBLossBalancer'), PLAIN),
    'PCGradCombiner': (
        dict(type='LossBalancer'),
        dict(type='GradientSurgeryOptimWrapper', combiner=dict(type='PCGradCombiner')),
    ),
}


def sample(task: Task, size: int = SIZE) -> MultiTaskDataSample:
    made = TaskDataSample(metainfo=dict(task=task.name, task_type=task.type, img_path='', gt_coordinates='network'))
    made.set_metainfo(dict(img_shape=(size, size), ori_shape=(size, size), homography_matrix=np.eye(3)))
    made.gt_sem_seg = PixelData(data=torch.ones(1, size, size, dtype=torch.long))
    made.gt_label = torch.tensor([1])
    box = torch.tensor([[0.2, 0.2, 0.7, 0.6]]) * size
    made.gt_instances = InstanceData(bboxes=box, labels=torch.tensor([0]))
    made.gt_landmarks = torch.rand(max(len(task.points), 1), 2) * size
    return MultiTaskDataSample([made])


def batch_of(tasks: TaskTable, types: Sequence[str]) -> dict[str, Any]:
    """A batch of 8 images whose tasks are of some types in turn."""
    met = [tasks.of_type(types[i % len(types)])[0] for i in range(8)]
    return dict(inputs=[torch.zeros(3, SIZE, SIZE, dtype=torch.uint8)] * 8, data_samples=[sample(t) for t in met])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=15)
    args = parser.parse_args()
    cfg = Config.fromfile(REPO / 'configs' / 'aurora_fmc_demo.py')
    tasks = TaskTable(cfg.tasks)
    steps = {}
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        for name, (balancer, wrapper_cfg) in CHOICES.items():
            cfg.model.balancer = ConfigDict(balancer)
            model = MODELS.build(cfg.model).train()
            optimizer = torch.optim.AdamW(model.parameters(), 1e-5)
            steps[name] = (model, OPTIM_WRAPPERS.build(dict(wrapper_cfg), default_args=dict(optimizer=optimizer)))
    for types in (tasks.types()[:1], tasks.types()):
        batch = batch_of(tasks, types)
        times: dict[str, list[float]] = {name: [] for name in steps}
        order = list(steps)
        for _ in range(args.rounds):
            order = order[1:] + order[:1]  # none is always the first
            for name in order:
                model, wrapper = steps[name]
                start = time.process_time()
                model.train_step(batch, wrapper)
                times[name].append(time.process_time() - start)
        base = min(times['no balancing'])
        print(f'batches of {len(types)} type(s): ' + ', '.join(f'{n} {min(t) / base:.2f}' for n, t in times.items()))


if __name__ == '__main__':
    main()
