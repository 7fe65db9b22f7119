"""What a whole training step of a config does on a GPU, by part, counted on the CPU.

    python benchmarks/step_ops.py                          # aurora_fmc_plus.py, 16 images of 448 px
    python benchmarks/step_ops.py --batch 4 --verbose      # and each kind of operation

A step (forward, backward, clipping, optimiser, running mean of the weights) runs on fake tensors, which have shapes and
no values, in bfloat16 as on a GPU. Each operation that computes counts as one kernel, which reads its inputs and writes
its outputs once; what it does inside is not seen. An operation on a list of tensors (``_foreach_``, fused optimisers)
counts as one, though a GPU splits it into some. Floating-point operations are those of products, convolutions and
attention, 2 for each multiplication with an addition.

In the backward pass an operation counts for the part whose output's gradient was the last to be complete.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

from aurora_mm.models.backbones.qwen3_vl_backbone import PRESETS
from aurora_mm.registry import HOOKS, MODELS

sys.path.insert(0, str(Path(__file__).parent))
from encoder_ops import moved_bytes, tensors_in
from memory import REPO, GroupNormInFloat, load, make_step

PARTS = dict(
    encoder='encoder',
    detail='detail branch',
    necks='neck',
    heads='heads and losses',
    optimiser='clipping and optimiser',
    mean='running mean of the weights',
)
DIRECTIONS = ('forward', 'backward')
NO_KERNELS = ('device', '_local_scalar_dense')  # what fake tensors ask each other, and numbers of the host


class OperationCounter(TorchDispatchMode):
    """Counts the operations that are dispatched while it is active, by part and direction.

    Attributes:
        part: Where the next operation counts.
        direction: 'forward' or 'backward'.
        counts: Kernels, bytes and floating-point operations, by part, direction and name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.part, self.direction = 'heads', 'forward'
        self.counts: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        moved = None if name.startswith(NO_KERNELS) else moved_bytes(func, args, kwargs, result)
        if moved is None:
            return result
        count = self.counts[self.part, self.direction, name]
        count[0] += 1
        count[1] += moved
        count[2] += floating_point_operations(func.overloadpacket, args, kwargs, result)
        return result

    def watch(self, owner: object, method: str, part: str) -> None:
        """Count what a method does for a part, and what its results' gradients cause."""
        call = getattr(owner, method)

        def watched(*args: Any, **kwargs: Any) -> Any:
            with self._within(part):
                result = call(*args, **kwargs)
            for output in tensors_in(result):
                if output.requires_grad:
                    output.register_hook(lambda gradient: setattr(self, 'part', part))
            return result

        setattr(owner, method, watched)

    @contextmanager
    def _within(self, part: str) -> Iterator[None]:
        before, self.part = self.part, part
        try:
            yield
        finally:
            self.part = before

    @contextmanager
    def backward(self) -> Iterator[None]:
        """Count what follows as the backward pass."""
        self.direction = 'backward'
        with self._within('heads'):
            yield
        self.direction = 'forward'


def floating_point_operations(operation: Any, args: Any, kwargs: dict, result: Any) -> int:
    """Those of products, convolutions and attention, of which torch's registry does not know the CPU's kernel."""
    if operation is torch.ops.aten._scaled_dot_product_flash_attention_for_cpu:
        return sdpa_flop_count(*(x.shape for x in args[:3]))
    if operation is torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward:
        return sdpa_backward_flop_count(*(x.shape for x in args[:4]))
    return flop_registry[operation](*args, **kwargs, out_val=result) if operation in flop_registry else 0


def running_means(cfg: Config, model: nn.Module) -> list[nn.Module]:
    """The running means of the weights, as EMAHook makes them, after their first step."""
    configs = [HOOKS.build(hook).ema_cfg for hook in cfg.get('custom_hooks', []) if 'EMAHook' in hook['type']]
    means = [MODELS.build(config, default_args=dict(model=model)) for config in configs]
    for mean in means:
        mean.steps = torch.tensor(1)
    return means


def count_step(cfg: Config, batch: int, size: int) -> dict[tuple[str, str, str], list[int]]:
    """See :attr:`OperationCounter.counts`."""
    if cfg.optim_wrapper.get('clip_grad'):
        cfg.optim_wrapper.clip_grad.foreach = True  # as torch chooses on a GPU
    with torch.device('meta'):
        model = MODELS.build(cfg.model).train()
    counter = OperationCounter()
    with (
        mock.patch.object(nn.GroupNorm, 'forward', GroupNormInFloat.forward),
        FakeTensorMode(allow_non_fake_inputs=True),
    ):
        model.to_empty(device='cpu')
        step, wrapper = make_step(cfg, model, batch, size)
        step()  # makes the states of the optimiser
        means = running_means(cfg, model)
        counter.watch(model.backbone, 'forward', 'encoder')
        if getattr(model, 'detail', None) is not None:
            counter.watch(model.detail, 'forward', 'detail')
        for neck in model.necks.values():
            counter.watch(neck, 'forward', 'necks')
        if hasattr(wrapper, '_copies'):  # of the encoder's weights, in bfloat16
            counter.watch(wrapper._copies, '_copy_of', 'encoder')
        counter.watch(wrapper, 'step', 'optimiser')
        backward = wrapper.backward

        def counted_backward(*args: Any, **kwargs: Any) -> None:
            with counter.backward():
                backward(*args, **kwargs)

        wrapper.backward = counted_backward
        with counter:
            step()
            with counter._within('mean'):
                for mean in means:
                    mean.update_parameters(model)
    return counter.counts


def print_table(counts: dict[tuple[str, str, str], list[int]]) -> None:
    totals: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for (part, direction, _), count in counts.items():
        for key in ((part, direction), ('all', direction)):
            totals[key] = [a + b for a, b in zip(totals[key], count, strict=True)]
    print('| part | kernels forward | GB | TFLOP | kernels backward | GB | TFLOP |\n|---|---|---|---|---|---|---|')
    for part, name in (PARTS | dict(all='all')).items():
        cells = [name]
        for direction in DIRECTIONS:
            kernels, memory, flops = totals[part, direction]
            cells += [str(kernels), f'{memory / 1e9:.1f}', f'{flops / 1e12:.2f}']
        print(f'| {" | ".join(cells)} |')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default=str(REPO / 'configs' / 'aurora_fmc_plus.py'))
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--size', type=int, default=448, help='height and width of the images (default: 448)')
    parser.add_argument('--preset', choices=PRESETS, help="the encoder's size (default: the config's)")
    parser.add_argument('--verbose', action='store_true', help='list each kind of operation')
    args = parser.parse_args()
    init_default_scope('aurora_mm')
    MMLogger.get_instance('step_ops', log_level='ERROR')
    counts = count_step(load(args, 'none', small=False), args.batch, args.size)
    if args.verbose:
        for (part, direction, name), count in sorted(counts.items(), key=lambda item: -item[1][1]):
            print(f'{PARTS[part]:28}{direction:10}{name:40}{count[0]:6}{count[1] / 1e9:10.3f} GB')
    print_table(counts)


if __name__ == '__main__':
    main()
