"""What a block of the Qwen3-VL encoder does beside its matrix products and attention, counted on the CPU.

    python benchmarks/encoder_ops.py                                  # a block of the 8b, 16 images of 448 px
    python benchmarks/encoder_ops.py --preset tiny --size 224 --batch 4 --only plain --verbose

Everything but the products reads tensors and writes them again, and on a GPU it waits for memory. Counted are these
element-wise passes (norms and sums are among them) in a forward and a backward pass of one block: the kernels, and the
bytes that they read and write. Passes over weight matrices (casts of weights and of their gradients) stand apart, as
they cost the same whatever the batch. Kernels that move less than a fifth of the tokens are left out.

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

DTYPES = ('float32', 'bfloat16', 'autocast')
# What the names of operations begin with.
PRODUCTS = ('mm', 'addmm', 'bmm', '_scaled_dot_product')
FREE = ('empty', 'new_empty', '_unsafe_view', 'detach')  # views, and tensors without values
COPIES = ('copy', '_to_copy', 'clone')
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
        outputs = tensors_in(result)
        if outputs and not name.startswith(PRODUCTS) and (moved := moved_bytes(func, args, kwargs, result)) is not None:
            self.passes.append(Pass(name, moved, tuple(outputs[0].shape)))
        return result


def moved_bytes(func: Any, args: Any, kwargs: dict | None, result: Any) -> int | None:
    """The bytes that an operation reads and writes; None for a view, and for what makes or takes no values.

    Args:
        func: The operation, as torch dispatches it.
        args: Its arguments.
        kwargs: Its named arguments.
        result: What it returned. If that holds no tensor, it writes to the tensors of its first argument.
    """
    name = func.overloadpacket.__name__
    written = [a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    is_view = any(r.alias_info is not None for r in func._schema.returns) and not written
    inputs, outputs = tensors_in((args, kwargs)), tensors_in(result)
    if is_view or name.startswith(FREE) or not (inputs or outputs):
        return None
    outputs = outputs or tensors_in(args[0])
    if name.startswith(COPIES) or 'out' in written:  # what was there before is not read
        inputs = [leaf for leaf in inputs if all(leaf is not output for output in outputs)]
    return sum(map(held_bytes, inputs + outputs))


def tensors_in(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def held_bytes(tensor: Tensor) -> int:
    """Bytes in memory of a tensor's elements; an expanded one has few."""
    sizes = [size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride]
    return torch.Size(sizes).numel() * tensor.element_size()


class BlockStep:
    """A forward and a backward pass of one block.

    Args:
        preset: The encoder's size.
        batch: Images.
        size: Their height and width.
        compiled: Whether the block is compiled.
        dtype: 'float32', 'bfloat16' (of weights and tokens) or 'autocast' (weights in fp32, tokens in bfloat16).
    """

    def __init__(self, preset: str, batch: int, size: int, compiled: bool, dtype: str) -> None:
        config = Qwen3VLVisionConfig(**PRESETS[preset])
        grid = (size // config.patch_size,) * 2
        torch.set_default_dtype(torch.bfloat16 if dtype == 'bfloat16' else torch.float32)
        self.block: nn.Module = Block(config)
        torch.set_default_dtype(torch.float32)
        tokens = torch.float32 if dtype == 'float32' else torch.bfloat16
        self.x = torch.randn(batch, grid[0] * grid[1], config.hidden_size, dtype=tokens)
        self.gradient = torch.randn_like(self.x)
        self.x.requires_grad_()  # as behind another block
        with unset_fake_temporarily():  # it is kept for later calls
            self.rope = axial_rope(grid, config.hidden_size // config.num_heads, 10000.0, torch.device('cpu'))
        self.context: Callable[[], AbstractContextManager] = nullcontext
        if dtype == 'autocast':
            self.context = lambda: torch.autocast('cpu', torch.bfloat16)
        if compiled:
            self.block.compile(fullgraph=True)

    def run(self) -> None:
        with self.context():
            output = self.block(self.x, self.rope)
        output.backward(self.gradient)


def count_passes(preset: str, batch: int, size: int, compiled: bool, dtype: str) -> tuple[list[Pass], list[Pass]]:
    """Passes over tokens, and passes over weight matrices."""
    if compiled:
        step = BlockStep(preset, batch, size, compiled, dtype)
        passes = compiled_passes(step)
    else:
        with FakeTensorMode(allow_non_fake_inputs=True):
            step = BlockStep(preset, batch, size, compiled, dtype)
            with PassCounter() as counter:
                step.run()
        passes = counter.passes
    matrices = {tuple(p.shape) for p in step.block.parameters() if p.ndim == 2}
    on_weights = [p for p in passes if p.shape in matrices]
    on_tokens = [p for p in passes if p.shape not in matrices and p.bytes > step.x.nbytes / 5]
    return on_tokens, on_weights


def compiled_passes(step: BlockStep) -> list[Pass]:
    compile_fx.inductor_metrics_log.setLevel(logging.INFO)  # inductor keeps its kernels only where they are logged
    compile_fx.inductor_metrics_log.propagate = False
    torch._dynamo.reset()
    metrics.reset()
    with inductor_config.patch(force_disable_caches=True):  # what comes from a cache is not scheduled again
        step.run()
    kernels = [node for node, _ in metrics.nodes_num_elem if not isinstance(node, ExternKernelSchedulerNode)]
    return [Pass('fused', node.get_read_write_buffers_sizes(), result_shape(node)) for node in kernels]


def result_shape(kernel: BaseSchedulerNode) -> tuple[int, ...]:
    """Shape of the largest tensor that a kernel writes."""
    shapes = [tuple(int(size) for size in buffer.node.get_size()) for buffer in kernel.get_outputs()]
    return max(shapes, key=lambda shape: torch.Size(shape).numel())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--preset', choices=PRESETS, default='8b')
    parser.add_argument('--size', type=int, default=448, help='height and width of the images (default: 448)')
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--dtypes', nargs='+', choices=DTYPES, default=DTYPES)
    parser.add_argument('--only', choices=['plain', 'compiled'], help='one of the two paths')
    parser.add_argument('--verbose', action='store_true', help='list each pass')
    args = parser.parse_args()
    torch.set_num_threads(1)
    print('| block | dtype | kernels | copies, casts | concatenations | MB | kernels on weights | MB |')
    print('|---|---|---|---|---|---|---|---|')
    for blocks in [args.only] if args.only else ['plain', 'compiled']:
        for dtype in args.dtypes:
            on_tokens, on_weights = count_passes(args.preset, args.batch, args.size, blocks == 'compiled', dtype)
            for p in on_tokens + on_weights if args.verbose else []:
                print(f'{p.name:30}{p.bytes / 1e6:10.2f} MB  {p.shape}')
            kinds = [sum(p.name.startswith(kind) for p in on_tokens) for kind in (COPIES, CONCATENATIONS)]
            cells = [blocks, dtype, len(on_tokens), *(kinds if blocks == 'plain' else ['', ''])]
            cells += [f'{sum(p.bytes for p in on_tokens) / 1e6:.0f}']
            cells += [len(on_weights), f'{sum(p.bytes for p in on_weights) / 1e6:.0f}']
            print(f'| {" | ".join(map(str, cells))} |', flush=True)


if __name__ == '__main__':
    main()
