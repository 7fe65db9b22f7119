"""What a block of the Qwen3-VL encoder does beside its matrix products and attention, counted on the CPU.

    python benchmarks/encoder_ops.py                                  # a block of the 8b, 16 images of 448 px
    python benchmarks/encoder_ops.py --preset tiny --size 224 --batch 4

Everything but the products reads tensors and writes them again, and on a GPU it waits for memory. Counted are these
element-wise passes (norms and sums are among them) in a forward and a backward pass of one block: the kernels, and the
bytes that they read and write. Passes over weights (casts of weights and of their gradients) stand apart, as they cost
the same whatever the batch. Kernels on less than a tenth of a token map are left out.

The plain path is traced with fake tensors. An operation counts as one pass, which reads its inputs and writes its
outputs once; what it does inside, such as filling with zeros before it copies, is not seen. The compiled path is
compiled and run, and its kernels are those that inductor's scheduler has in the end.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._inductor import compile_fx, metrics
from torch._inductor import config as inductor_config
from torch._inductor.scheduler import BaseSchedulerNode, ExternKernelSchedulerNode
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig

from aurora_mm.models.backbones.qwen3_vl_backbone import PRESETS
from aurora_mm.models.backbones.qwen3_vl_layers import Block, axial_rope

PRODUCTS = ('mm', 'addmm', 'bmm', 'scaled_dot_product')
# They make views or tensors without values.
FREE = ('empty', 'new_empty', '_unsafe_view', 'detach')
COPIES = ('copy', 'clone')
CONCATENATIONS = ('cat', 'stack')


class Pass(NamedTuple):
    """An element-wise pass over memory: the operation, the bytes it reads and writes, the shape of its result."""

    name: str
    bytes: int
    shape: tuple[int, ...]


class PassCounter(TorchDispatchMode):
    """Notes each element-wise operation that is dispatched while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[Pass] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        written = [a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
        is_view = any(r.alias_info is not None for r in func._schema.returns) and not written
        outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if is_view or not outputs or name.startswith((*PRODUCTS, '_' + PRODUCTS[-1], *FREE)):
            return result
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if 'copy' in name or 'out' in written:  # what was there before is not read
            inputs = [leaf for leaf in inputs if all(leaf is not output for output in outputs)]
        self.passes.append(Pass(name, sum(map(held_bytes, inputs + outputs)), tuple(outputs[0].shape)))
        return result


def held_bytes(tensor: Tensor) -> int:
    """Bytes in memory of a tensor's elements; an expanded one has few."""
    sizes = [size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride]
    return torch.Size(sizes).numel() * tensor.element_size()


class BlockStep:
    """A forward and a backward pass of one block.

    Args:
        compiled: Whether the block is compiled.
        dtype: 'float32', 'bfloat16' (of weights and tokens) or 'autocast' (weights in fp32, tokens in bfloat16).
    """

    def __init__(self, args: argparse.Namespace, compiled: bool, dtype: str) -> None:
        config = Qwen3VLVisionConfig(**PRESETS[args.preset])
        grid = (args.size // config.patch_size,) * 2
        torch.set_default_dtype(torch.bfloat16 if dtype == 'bfloat16' else torch.float32)
        self.block: nn.Module = Block(config)
        torch.set_default_dtype(torch.float32)
        tokens = torch.float32 if dtype == 'float32' else torch.bfloat16
        self.x = torch.randn(args.batch, grid[0] * grid[1], config.hidden_size, dtype=tokens)
        self.gradient = torch.randn_like(self.x)
        self.x.requires_grad_()  # as behind another block
        with unset_fake_temporarily():  # it is cached
            self.rope = axial_rope(grid, config.hidden_size // config.num_heads, 10000.0, self.x.device)
        self.weight_shapes = {tuple(p.shape) for p in self.block.parameters()}
        self.autocast: Callable[[], AbstractContextManager] = (
            (lambda: torch.autocast('cpu', torch.bfloat16)) if dtype == 'autocast' else nullcontext
        )
        if compiled:
            self.block.compile(fullgraph=True)

    def run(self) -> None:
        with self.autocast():
            output = self.block(self.x, self.rope)
        output.backward(self.gradient.to(output.dtype))


def plain_passes(args: argparse.Namespace, dtype: str) -> tuple[list[Pass], set[tuple[int, ...]]]:
    with FakeTensorMode(allow_non_fake_inputs=True):
        step = BlockStep(args, compiled=False, dtype=dtype)
        with PassCounter() as counter:
            step.run()
    return counter.passes, step.weight_shapes


def compiled_passes(args: argparse.Namespace, dtype: str) -> tuple[list[Pass], set[tuple[int, ...]]]:
    torch._dynamo.reset()
    metrics.reset()
    step = BlockStep(args, compiled=True, dtype=dtype)
    step.run()
    kernels = [node for node, _ in metrics.nodes_num_elem if not isinstance(node, ExternKernelSchedulerNode)]
    return [
        Pass('fused', node.get_read_write_buffers_sizes(), result_shape(node)) for node in kernels
    ], step.weight_shapes


def result_shape(node: BaseSchedulerNode) -> tuple[int, ...]:
    """Shape of the largest tensor that a kernel writes."""
    shapes = [tuple(int(size) for size in buffer.node.get_size()) for buffer in node.get_outputs()]
    return max(shapes, key=lambda shape: torch.Size(shape).numel())


def row(args: argparse.Namespace, compiled: bool, dtype: str) -> str:
    """A row of the table; with --verbose, each pass is printed before it."""
    passes, weight_shapes = (compiled_passes if compiled else plain_passes)(args, dtype)
    on_weights = [p for p in passes if p.shape in weight_shapes and len(p.shape) == 2]
    tokens = args.batch * (args.size // 16) ** 2 * PRESETS[args.preset]['hidden_size']
    on_tokens = [p for p in passes if p not in on_weights and p.bytes > tokens / 10]
    if args.verbose:
        for p in passes:
            kind = 'weights' if p in on_weights else 'tokens' if p in on_tokens else 'small'
            print(f'{kind:8}{p.name:32}{p.bytes / 1e6:10.2f} MB  {p.shape}')
    total = sum(p.bytes for p in on_tokens)
    cells = [
        f'{"compiled" if compiled else "plain"}, {dtype}',
        str(len(on_tokens)),
        '' if compiled else str(sum('copy' in p.name or p.name in COPIES for p in on_tokens)),
        '' if compiled else str(sum(p.name in CONCATENATIONS for p in on_tokens)),
        f'{total / 1e6:.0f}',
        str(len(on_weights)),
        f'{sum(p.bytes for p in on_weights) / 1e6:.0f}',
    ]
    return f'| {" | ".join(cells)} |'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--preset', choices=PRESETS, default='8b')
    parser.add_argument('--size', type=int, default=448, help='height and width of the images (default: 448)')
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--dtypes', nargs='+', default=['float32', 'bfloat16', 'autocast'])
    parser.add_argument('--only', choices=['plain', 'compiled'], help='one of the two paths')
    parser.add_argument('--verbose', action='store_true', help='list each pass')
    args = parser.parse_args()
    torch.set_num_threads(1)
    inductor_config.force_disable_caches = True  # what is taken from a cache is not scheduled again
    compile_fx.inductor_metrics_log.setLevel(logging.INFO)  # inductor keeps its kernels only where they are logged
    compile_fx.inductor_metrics_log.propagate = False
    print('| block | kernels | copies, casts | concatenations | MB | kernels on weights | MB |')
    print('|---|---|---|---|---|---|---|')
    for compiled in (False, True):
        for dtype in args.dtypes:
            if args.only in (None, 'compiled' if compiled else 'plain'):
                print(row(args, compiled, dtype), flush=True)


if __name__ == '__main__':
    main()
