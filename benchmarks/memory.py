"""Memory that a config's training step takes on a GPU, worked out without one.

    python benchmarks/memory.py                                     # aurora_fmc_plus.py: batches and recomputation
    python benchmarks/memory.py --batch 16 --recompute none
    python benchmarks/memory.py --check                             # against real steps of a small model, on this CPU
    python benchmarks/memory.py --device cuda                       # real steps on a GPU, at full size

A whole step (forward, backward, clipping, optimiser) runs on fake tensors, which have shapes and no values, while
torch's MemTracker adds up what is allocated. Counted are weights, gradients, the optimiser's states, copies of weights
in bfloat16, all that is kept for the backward pass, and what operations allocate between; and, where the config has
EMAHook, the running mean of the weights. Each image has a label of one task; tasks take turns.

Autocast is the CPU's, but group norms of other packages compute in fp32 as they do on a GPU. Not counted: the CUDA
context and libraries (about 1 GB), what the allocator loses between blocks, and workspaces of cuDNN. So a card is said
to hold a step if it holds 1.1 times its peak and 1 GB.

--check trains the same model with a tiny encoder at 224 px for real, on one thread in fp32, and prints by how much the
peak of the process's memory rises in its second step, beside what is worked out for that step.

--device makes real steps there and works out nothing but the running mean, which is added. On a GPU the peak is that of
torch's allocations in the second step, and "reserved" what its allocator took from the device for it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker

from aurora_mm.config_variables import set_image_size
from aurora_mm.models.backbones.qwen3_vl_backbone import PRESETS
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample, example_sample
from aurora_mm.tasks import TaskTable

sys.path.insert(0, str(Path(__file__).parent))
from encoder import Peak

REPO = Path(__file__).resolve().parents[1]
CARDS = (24, 80)  # GB
GB = 1e9
RECOMPUTE = ('none', 'half', 'all')


class GroupNormInFloat(nn.GroupNorm):
    """As autocast on CUDA has it."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast('cpu', enabled=False):
            return F.group_norm(x.float(), self.num_groups, self.weight, self.bias, self.eps)


def load(args: argparse.Namespace, recompute: str, small: bool) -> Config:
    """The config, with its weights random; ``small``: with a tiny encoder, in fp32."""
    cfg = Config.fromfile(args.config)
    set_image_size(cfg, 224 if small else args.size)
    backbone = cfg.model.backbone
    backbone.pretrained = None
    if small or args.preset:
        backbone.preset = 'tiny' if small else args.preset
    backbone.with_cp = False
    with torch.device('meta'):
        blocks = MODELS.build(backbone).num_blocks
    backbone.with_cp = recomputed_blocks(recompute, blocks)
    cfg.optim_wrapper.update(on_cpu=not small, accumulative_counts=1)
    return cfg


def recomputed_blocks(recompute: str, blocks: int) -> int:
    return dict(none=0, half=blocks // 2, all=blocks)[recompute]


def held(cfg: Config, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, int]:
    """Bytes that are there between steps: weights, states of the optimiser and the running mean of the weights."""
    weights = sum(p.nbytes for p in model.parameters())
    states = sum(v.nbytes for s in optimizer.state.values() for v in s.values() if isinstance(v, Tensor))
    has_mean = any('EMAHook' in hook['type'] for hook in cfg.get('custom_hooks', []))
    return dict(weights=weights, states=states, mean=weights if has_mean else 0)


def make_step(
    cfg: Config, model: nn.Module, batch: int, size: int, wrapper: OptimWrapper | None = None
) -> tuple[Callable[[], object], OptimWrapper]:
    """A training step to be called, and the wrapper of its optimiser; by default a new one."""
    tasks = list(TaskTable(cfg.tasks).values())
    chosen = [tasks[i * 7 % len(tasks)] for i in range(batch)]  # neighbours in the table are of one type
    samples = [MultiTaskDataSample([example_sample(task, size, 'network')]) for task in chosen]
    inputs = [torch.zeros(3, size, size, dtype=torch.uint8) for _ in chosen]
    wrapper = wrapper or build_optim_wrapper(model, cfg.optim_wrapper)
    return lambda: model.train_step(dict(inputs=inputs, data_samples=samples), wrapper), wrapper


def worked_out(args: argparse.Namespace, batch: int, recompute: str, small: bool) -> dict[str, float]:
    """Bytes at the peak of a step, and what of them is there before it."""
    cfg = load(args, recompute, small)
    if not small:
        nn.GroupNorm.forward = GroupNormInFloat.forward
    with torch.device('meta'):
        model = MODELS.build(cfg.model).train()
    with FakeTensorMode(allow_non_fake_inputs=True):
        model.to_empty(device='cpu')
        step, wrapper = make_step(cfg, model, batch, 224 if small else args.size)
        step()  # makes the optimiser's states
        parts = held(cfg, model, wrapper.optimizer)
        tracker = MemTracker()
        tracker.track_external(model, wrapper.optimizer)
        with tracker:
            step()
        peak = tracker.get_tracker_snapshot('peak')[torch.device('cpu')]
    if small:
        parts['mean'] = 0
    total = next(value for key, value in peak.items() if str(key) == 'Total')
    return dict(peak=total + parts['mean'], held=sum(parts.values()))


def measured(args: argparse.Namespace, batch: int, recompute: str) -> dict[str, float]:
    """Bytes by which a real second step of the small model raises the peak of the process's memory."""
    torch.set_num_threads(1)
    cfg = load(args, recompute, small=True)
    model = MODELS.build(cfg.model).train()
    step, _ = make_step(cfg, model, batch, 224)
    step()
    peak = Peak()
    step()
    return dict(rise=peak.bytes())


def measure_on(args: argparse.Namespace) -> None:
    """Prints what real steps of the whole model take on a device; a row for each number of images."""
    gpu = args.device == 'cuda'
    cfg = load(args, 'none', small=False)
    model = MODELS.build(cfg.model).train().to(args.device)
    print('| batch | blocks recomputed | held, GB | peak, GB | reserved, GB |\n|---|---|---|---|---|')
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    largest_step, _ = make_step(cfg, model, max(args.batch), args.size, wrapper)
    largest_step()  # makes the states of as many heads as there will be
    for recompute in args.recompute:
        model.backbone.num_recomputed = recomputed_blocks(recompute, model.backbone.num_blocks)
        for batch in args.batch:
            step, _ = make_step(cfg, model, batch, args.size, wrapper)
            step()
            if gpu:
                torch.cuda.empty_cache()
            peak = Peak(args.device)
            step()
            parts = held(cfg, model, wrapper.optimizer)
            before = peak.before if gpu else parts['weights'] + parts['states']
            found = [sum(parts.values()), before + peak.bytes() + parts['mean']]
            found += [torch.cuda.max_memory_reserved() + parts['mean']] if gpu else []
            cells = [batch, recompute, *(f'{value / GB:.1f}' for value in found), *([] if gpu else ['-'])]
            print(f'| {" | ".join(map(str, cells))} |', flush=True)


def child(args: argparse.Namespace, *job: str) -> dict[str, float]:
    """A job in a process of its own: fake tensors stay in caches, and memory is measured by process."""
    command = [sys.executable, __file__, '--config', args.config, '--size', str(args.size), '--child', *job]
    command += ['--preset', args.preset] if args.preset else []
    # Every larger block goes back to the system when it is freed: else the allocator's habits are measured.
    env = dict(MALLOC_MMAP_THRESHOLD_='65536', MALLOC_TRIM_THRESHOLD_='65536', OMP_NUM_THREADS='1')
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | env)
    if done.returncode:
        raise SystemExit(f'{" ".join(job)} failed:\n{done.stderr}')
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default=str(REPO / 'configs' / 'aurora_fmc_plus.py'))
    parser.add_argument('--batch', type=int, nargs='+', default=[1, 2, 4, 8, 16, 32])
    parser.add_argument('--recompute', nargs='+', choices=RECOMPUTE, default=list(RECOMPUTE))
    parser.add_argument('--size', type=int, default=448, help='height and width of the images (default: 448)')
    parser.add_argument('--preset', choices=PRESETS, help="the encoder's size (default: the config's)")
    parser.add_argument('--device', choices=['cpu', 'cuda'], help='measure real steps there')
    parser.add_argument('--check', action='store_true', help='compare with real steps of a small model')
    parser.add_argument('--child', nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child or args.device:
        init_default_scope('aurora_mm')
        MMLogger.get_instance('memory', log_level='ERROR')
    if args.child:
        what, batch, recompute = args.child
        if what == 'measured':
            print(json.dumps(measured(args, int(batch), recompute)))
        else:
            print(json.dumps(worked_out(args, int(batch), recompute, what == 'small')))
        return
    if args.device:
        measure_on(args)
        return
    if args.check:
        print('| batch | recomputed | worked out, MB above what is held | measured, MB | worked out / measured |')
        print('|---|---|---|---|---|')
        for batch in args.batch:
            for recompute in args.recompute:
                found = child(args, 'small', str(batch), recompute)
                above, rise = found['peak'] - found['held'], child(args, 'measured', str(batch), recompute)['rise']
                cells = [batch, recompute, f'{above / 1e6:.0f}', f'{rise / 1e6:.0f}', f'{above / rise:.2f}']
                print(f'| {" | ".join(map(str, cells))} |', flush=True)
        return
    cards = ' | '.join(f'{card} GB' for card in CARDS)
    print(f'| batch | blocks recomputed | held, GB | peak, GB | {cards} |\n|---|---|---|---|{"---|" * len(CARDS)}')
    for recompute in args.recompute:
        for batch in args.batch:
            found = child(args, 'full', str(batch), recompute)
            fits = ['yes' if 1.1 * found['peak'] + GB <= card * GB else 'no' for card in CARDS]
            cells = [batch, recompute, f'{found["held"] / GB:.1f}', f'{found["peak"] / GB:.1f}', *fits]
            print(f'| {" | ".join(map(str, cells))} |', flush=True)


if __name__ == '__main__':
    main()
