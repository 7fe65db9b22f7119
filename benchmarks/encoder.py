"""The Qwen3-VL encoder here against transformers' own: time, memory of a step, and loading.

    python benchmarks/encoder.py                                        # all of it, minutes on a CPU
    python benchmarks/encoder.py --only steps --presets 2b --size 224 --batch 1 4
    python benchmarks/encoder.py --only loading
    python benchmarks/encoder.py --only steps --presets 8b --size 448 --device cuda --dtype bfloat16 --compile

Both run side by side in one process, in turns, on random weights and images; a time is the fastest of --repeats after
a warm-up, on one CPU thread in processor time, which other work on the machine hardly touches, else in wall time, on a
GPU from an idle device to an idle device. transformers gets flat patches that were made before the clock starts, and
hands out the same four blocks by hooks, as its users have to; a training step is the mean square of these maps and its
gradients. Memory is what a process of its own adds at its peak while it does its second training step, or loads; on a
GPU, what the step adds to torch's allocations in this process.
With --compile the encoder here is measured a second time with compiled blocks, transformers' stays plain; compiling is
part of the warm-up. --dtype autocast has weights in fp32 and computes in bfloat16, as training does. In bfloat16 on a
GPU, the share of its dense peak that the encoder reaches is printed too (CUDA_VISIBLE_DEVICES picks the GPU).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

from aurora_mm.models.backbones import Qwen3VLBackbone
from aurora_mm.models.backbones.qwen3_vl_backbone import PRESETS

LOADERS = ('aurora_mm', 'transformers, whole model in fp32', 'transformers, whole model as stored, encoder to fp32')
# Dense bfloat16 TFLOP/s by NVIDIA's data sheets (half of what they give for sparse matrices), special models first.
PEAKS = {
    'H100 PCIe': 756,
    'H100 NVL': 835,
    'H200 NVL': 835,
    'H100': 989,
    'H200': 989,
    'GH200': 989,
    'B200': 2250,
    'A100': 312,
    'A40': 150,
    'A30': 165,
    'A10': 125,
    'L40S': 362,
    'L40': 181,
    'L4': 121,
}
# A whole model whose language part is 8 times its encoder: 12 blocks of 768 against 38 layers of 1280.
VISION = dict(depth=12, hidden_size=768, intermediate_size=3072, num_heads=12, deepstack_visual_indexes=[5])
TEXT = dict(
    hidden_size=1280,
    intermediate_size=3584,
    num_hidden_layers=38,
    num_attention_heads=10,
    num_key_value_heads=5,
    head_dim=128,
    vocab_size=16384,
    tie_word_embeddings=True,
    rope_scaling=dict(mrope_section=[24, 20, 20], rope_type='default', mrope_interleaved=True),
)


class Side(NamedTuple):
    """One of those that are compared.

    Args:
        model: The encoder.
        prepare: Makes its input of images ``(B, 3, h, w)``, before the clock starts.
        maps: Computes its maps of that input.
    """

    model: nn.Module
    prepare: Callable[[Tensor], Any]
    maps: Callable[[Any], list[Tensor]]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', choices=['steps', 'loading'], help='one half of the benchmark')
    parser.add_argument('--presets', nargs='+', choices=PRESETS, default=['tiny', '2b'])
    parser.add_argument('--size', type=int, default=224, help='height and width of the images (default: 224)')
    parser.add_argument('--batch', type=int, nargs='+', default=[1, 4, 16])
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument('--dtype', choices=['float32', 'bfloat16', 'autocast'], default='float32')
    parser.add_argument('--compile', action='store_true', help='measure compiled blocks too')
    parser.add_argument('--peak-tflops', type=float, help="the GPU's dense bfloat16 peak (default: by its name)")
    parser.add_argument('--child', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('torch finds no CUDA device')
    return args


def make_images(args: argparse.Namespace, batch: int) -> Tensor:
    dtype = torch.bfloat16 if args.dtype == 'bfloat16' else torch.float32
    return torch.rand(batch, 3, args.size, args.size, device=args.device, dtype=dtype) * 2 - 1


def make_side(side: str, preset: str, like: Tensor) -> Side:
    """'plain' or 'compiled' of aurora_mm or 'transformers', in the type and place of a tensor."""
    with like.device:
        if side != 'transformers':
            ours = Qwen3VLBackbone(preset, compile_blocks=side == 'compiled').to(like)
            return Side(ours, lambda x: x, lambda x: list(ours(x)))
        merged = [round(PRESETS[preset]['depth'] * share) for share in (0.22, 0.47, 0.71)]  # as published, by depth
        config = Qwen3VLVisionConfig(**PRESETS[preset], out_hidden_size=2048, deepstack_visual_indexes=merged)
        model = Qwen3VLVisionModel(config).to(like)
    outputs: list[Tensor] = []
    for i in [round(i * (PRESETS[preset]['depth'] - 1) / 3) for i in range(4)]:
        model.blocks[i].register_forward_hook(lambda _m, _i, out: outputs.append(out))

    def prepare(x: Tensor) -> tuple[Tensor, Tensor]:
        grid = [[1, x.shape[2] // 16, x.shape[3] // 16]] * len(x)
        return flat_patches(x), torch.tensor(grid, device=x.device)

    def maps(inputs: tuple[Tensor, Tensor]) -> list[Tensor]:
        outputs.clear()
        patches, grid = inputs
        model(patches, grid_thw=grid)
        return list(outputs)

    return Side(model, prepare, maps)


def flat_patches(x: Tensor) -> Tensor:
    """Patches as transformers takes them: merge blocks of 2 x 2, the image in both temporal slots."""
    b, _, h, w = x.shape
    x = x.view(b, 3, h // 32, 2, 16, w // 32, 2, 16).permute(0, 2, 5, 3, 6, 1, 4, 7)
    return x.unsqueeze(6).expand(*[-1] * 6, 2, -1, -1).reshape(b * h * w // 256, -1)


def step(side: Side, inputs: Any, train: bool, args: argparse.Namespace) -> None:
    with torch.set_grad_enabled(train):
        with autocast(args):
            outputs = side.maps(inputs)
        if train:
            sum(m.float().square().mean() for m in outputs).backward()
            side.model.zero_grad(set_to_none=True)


def autocast(args: argparse.Namespace) -> AbstractContextManager:
    return torch.autocast(args.device, torch.bfloat16, enabled=args.dtype == 'autocast')


def seconds(run: Callable[[], None], args: argparse.Namespace) -> float:
    clock = time.process_time if args.device == 'cpu' and args.threads == 1 else time.perf_counter
    wait(args)
    start = clock()
    run()
    wait(args)
    return clock() - start


def wait(args: argparse.Namespace) -> None:
    if args.device == 'cuda':
        torch.cuda.synchronize()


def measure_steps(args: argparse.Namespace) -> None:
    peak = dense_peak(args)
    place = f'{args.threads} CPU thread(s)' if args.device == 'cpu' else torch.cuda.get_device_name()
    print(f'\nImages of {args.size} x {args.size}, {args.dtype}, {place}:\n')
    columns = ['encoder', 'batch', 'pass', 'blocks', 'aurora_mm s', 'transformers s', 'ratio']
    columns += ['extra memory MB', 'transformers', 'ratio'] + ([f'of {peak:.0f} TFLOP/s'] if peak else [])
    print(f'| {" | ".join(columns)} |\n|{"---|" * len(columns)}')
    names = ['plain', 'compiled', 'transformers'] if args.compile else ['plain', 'transformers']
    for preset in args.presets:
        sides = [make_side(name, preset, make_images(args, 1)) for name in names]
        for batch in args.batch:
            torch._dynamo.reset()  # else a second batch size is compiled as one of many
            x = make_images(args, batch)
            pairs = [(side, side.prepare(x)) for side in sides]
            for train in (False, True):
                fastest = fastest_steps(pairs, train, args)
                memory = None
                if train and args.device == 'cuda':
                    memory = [added(*pair, args) for pair in pairs]
                elif train:
                    memory = [measured_alone(name, preset, batch, args) for name in names]
                for i, blocks in enumerate(names[:-1]):
                    row = [preset, str(batch), 'forward + backward' if train else 'forward', blocks]
                    row += compared(fastest[i], fastest[-1], '.4f')
                    row += compared(memory[i] / 1e6, memory[-1] / 1e6, '.0f') if memory else ['', '', '']
                    if peak:
                        row.append(f'{flops(preset, args.size, train) * batch / fastest[i] / peak / 1e12:.1%}')
                    print(f'| {" | ".join(row)} |', flush=True)
        del sides, pairs


def compared(ours: float, theirs: float, spec: str) -> list[str]:
    return [format(ours, spec), format(theirs, spec), format(ours / theirs, '.2f')]


def measured_alone(name: str, preset: str, batch: int, args: argparse.Namespace) -> int:
    """Bytes that a training step of a side adds, in a process of its own."""
    return run_child(args, dict(do='step', side=name, preset=preset, batch=batch))['bytes']


def added(side: Side, inputs: Any, args: argparse.Namespace) -> int:
    """Bytes that a training step adds at its peak, which is not the first one."""
    peak = Peak(args.device)
    step(side, inputs, True, args)
    return peak.bytes()


def fastest_steps(pairs: Sequence[tuple[Side, Any]], train: bool, args: argparse.Namespace) -> list[float]:
    """Seconds of each side's fastest step, taken in turns; on a GPU, libraries pick their kernels in the first ones."""
    warm_ups = 1 if args.device == 'cpu' else 3
    times: list[list[float]] = [[] for _ in pairs]
    for _ in range(warm_ups + args.repeats):
        for of_side, pair in zip(times, pairs, strict=True):
            of_side.append(seconds(lambda pair=pair: step(*pair, train, args), args))
    return [min(of_side[warm_ups:]) for of_side in times]


def dense_peak(args: argparse.Namespace) -> float | None:
    """TFLOP/s that the device could reach in this type, or None where that is not known or means nothing."""
    if args.device == 'cpu' or args.dtype == 'float32':
        return None
    name = torch.cuda.get_device_name()
    known = [] if 'MIG' in name else [peak for key, peak in PEAKS.items() if re.search(rf'\b{key}\b', name)]
    if args.peak_tflops is None and not known:
        print(f'no peak is known here for {name}: --peak-tflops gives it', file=sys.stderr)
    return args.peak_tflops or next(iter(known), None)


def flops(preset: str, size: int, train: bool) -> float:
    """Of an image's blocks: two a weight and token, four a pair of tokens and channel; a backward pass has twice that.

    Patches, norms and positions are left out: under 1 %.
    """
    sizes, tokens = PRESETS[preset], (size // 16) ** 2
    width = sizes['hidden_size']
    linear = 2 * tokens * (4 * width**2 + 2 * width * sizes['intermediate_size'])
    return sizes['depth'] * (linear + 4 * tokens**2 * width) * (3 if train else 1)


def run_child(args: argparse.Namespace, job: dict) -> dict:
    options = ('size', 'threads', 'device', 'dtype')
    command = [sys.executable, __file__, '--child', json.dumps(job)]
    command += [text for option in options for text in (f'--{option}', str(getattr(args, option)))]
    # Every larger block goes back to the system when it is freed: else the allocator's habits are measured.
    env = os.environ | dict(MALLOC_MMAP_THRESHOLD_='65536', MALLOC_TRIM_THRESHOLD_='65536')
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise SystemExit(f'a measuring process failed:\n{done.stderr}')
    return json.loads(done.stdout.splitlines()[-1])


class Peak:
    """What this process adds to its resident memory at its peak (on CUDA: to torch's allocations)."""

    def __init__(self, device: str = 'cpu') -> None:
        self.cuda = device == 'cuda'
        if self.cuda:
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
        else:
            Path('/proc/self/clear_refs').write_text('5')  # the peak starts anew
            self.before = self._status('VmRSS')

    def bytes(self) -> int:
        return (torch.cuda.max_memory_allocated() if self.cuda else self._status('VmHWM')) - self.before

    @staticmethod
    def _status(key: str) -> int:
        line = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith(key))
        return int(line.split()[1]) * 1024


def child(args: argparse.Namespace) -> dict:
    job = json.loads(args.child)
    if job['do'] == 'step':
        images = make_images(args, job['batch'])
        side = make_side(job['side'], job['preset'], images)
        inputs = side.prepare(images)
        step(side, inputs, True, args)  # what libraries allocate once, and what is compiled
        return dict(bytes=added(side, inputs, args))
    if job['do'] == 'write':
        return write_whole_model(job['folder'], getattr(torch, job['dtype']))
    return load(job['folder'], job['who'])


def load(folder: str, who: str) -> dict:
    from transformers import Qwen3VLForConditionalGeneration as Whole

    peak, start = Peak(), time.perf_counter()
    if who == 'aurora_mm':
        model = Qwen3VLBackbone(pretrained=folder)
        model.init_weights()
    elif who == 'transformers, whole model in fp32':
        model = Whole.from_pretrained(folder, dtype=torch.float32).model.visual
    else:
        model = Whole.from_pretrained(folder, dtype='auto').model.visual.float()
    # transformers maps files where it need not convert them: what the encoder needs is read now.
    sum(p.sum() for p in model.parameters()).item()
    return dict(bytes=peak.bytes(), seconds=time.perf_counter() - start, held=sum(p.nbytes for p in model.parameters()))


def write_whole_model(folder: str, dtype: torch.dtype) -> dict:
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    config = Qwen3VLConfig(vision_config=VISION | dict(out_hidden_size=TEXT['hidden_size']), text_config=TEXT)
    torch.set_default_dtype(dtype)
    model = Qwen3VLForConditionalGeneration(config)
    model.save_pretrained(folder, max_shard_size='500MB')
    blocks = sum(p.numel() for n, p in model.model.visual.named_parameters() if 'merger' not in n)
    return dict(ratio=sum(p.numel() for p in model.model.language_model.parameters()) / blocks)


def measure_loading(args: argparse.Namespace) -> None:
    print('\nLoading the encoder of a sharded model to fp32; memory as a share of the encoder held in the end:\n')
    print('| checkpoint | language part / encoder | who | encoder MB | extra memory MB | share | s |')
    print('|---|---|---|---|---|---|---|')
    for dtype in ('float32', 'bfloat16'):
        with tempfile.TemporaryDirectory() as folder:
            ratio = run_child(args, dict(do='write', folder=folder, dtype=dtype))['ratio']
            held = 0
            for who in LOADERS:
                runs = [run_child(args, dict(do='load', who=who, folder=folder)) for _ in range(3)]
                held = held or runs[0]['held']  # ours: without the parts that only the language model reads
                memory, fastest = max(run['bytes'] for run in runs), min(run['seconds'] for run in runs)
                row = f'| {dtype} | {ratio:.1f} | {who} | {held / 1e6:.0f} | {memory / 1e6:.0f} '
                print(row + f'| {memory / held:.2f} | {fastest:.2f} |', flush=True)


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    if args.child:
        print(json.dumps(child(args)))
        return
    if args.only != 'loading':
        measure_steps(args)
    if args.only != 'steps':
        measure_loading(args)


if __name__ == '__main__':
    main()
