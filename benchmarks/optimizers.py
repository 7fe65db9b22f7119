"""Cost of a training step against the optimiser.

    OMP_NUM_THREADS=1 python benchmarks/optimizers.py

Takes the processor time of training steps of aurora_us_real.py with generated images, 8 a batch, each of one task, with
AdamW and with Muon in turns, and gives the least of each, its share in the update, and their ratio.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from balancing import sample
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from aurora_mm.registry import MODELS
from aurora_mm.tasks import TASK_TYPES, TaskTable

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
SCHEDULES = {'AdamW': 'adamw_one-cycle_12e.py', 'Muon': 'muon_one-cycle_12e.py'}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=9)
    args = parser.parse_args()
    cfg = Config.fromfile(CONFIGS / 'aurora_us_real.py')
    table = TaskTable(cfg.tasks)
    tasks = [task for kind in TASK_TYPES for task in table.of_type(kind)]
    size = cfg.img_size
    batch = dict(
        inputs=[torch.zeros(3, size, size, dtype=torch.uint8)] * 8,
        data_samples=[sample(tasks[i % len(tasks)], size) for i in range(8)],
    )
    steps = {}
    for name, schedule in SCHEDULES.items():
        with DefaultScope.overwrite_default_scope('aurora_mm'):
            torch.manual_seed(0)
            model = MODELS.build(cfg.model).train()
            wrapper = build_optim_wrapper(
                model, Config.fromfile(CONFIGS / '_base_' / 'schedules' / schedule).optim_wrapper
            )
        steps[name] = (model, wrapper)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for _ in range(args.rounds):
        for name, (model, wrapper) in reversed(steps.items()):
            start = time.process_time()
            model.train_step(batch, wrapper)
            step = time.process_time() - start
            for parameter in model.parameters():
                parameter.grad = torch.ones_like(parameter)
            before = time.process_time()
            wrapper.optimizer.step()
            times[name].append((step, time.process_time() - before))
            wrapper.zero_grad()
    for name, taken in times.items():
        steps_taken, updates = zip(*taken, strict=True)
        print(f'{name}: {min(steps_taken):.3f} s a step, {min(updates):.3f} s of it for the update')
    least = {name: min(taken)[0] for name, taken in times.items()}
    print(f'ratio: {least["Muon"] / least["AdamW"]:.2f}')


if __name__ == '__main__':
    main()
