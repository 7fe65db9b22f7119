"""Compiled blocks: what they give, how often they are compiled, and what wraps them."""

import copy
import io
import shutil

import pytest
import torch
import torch.distributed as dist
from torch._dynamo.testing import CompileCounterWithBackend
from torch.nn.parallel import DistributedDataParallel

from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones import Qwen3VLBackbone, merge_lora
from tests.models.backbones.reference import SIZES


@pytest.fixture
def counter():
    """A backend that traces forward and backward passes as the default one does, and counts the graphs."""
    torch._dynamo.reset()
    yield CompileCounterWithBackend('aot_eager')
    torch._dynamo.reset()


@pytest.fixture
def forward_counter():
    """A faster one, that traces forward passes alone."""
    torch._dynamo.reset()
    yield CompileCounterWithBackend('eager')
    torch._dynamo.reset()


def make(backend, **kwargs):
    torch.manual_seed(0)
    backbone = Qwen3VLBackbone(SIZES, compile_blocks=backend and dict(backend=backend), **kwargs)
    for name, parameter in backbone.named_parameters():
        if '.lora_' in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return backbone


def train(model, x, dtype=torch.float32):
    """Maps, and the gradients of two steps."""
    for _ in range(2):
        with torch.autocast('cpu', torch.bfloat16, enabled=dtype == torch.bfloat16):
            maps = model(x)
        sum(m.float().square().mean() for m in maps).backward()
    return maps, [p.grad for p in model.parameters()]


def assert_same_as_plain(counter, wrap=lambda model: model, **kwargs):
    x = torch.randn(2, 3, 64, 96)
    maps, gradients = train(make(None, **kwargs), x)
    compiled_maps, compiled_gradients = train(wrap(make(counter, **kwargs)), x)
    assert counter.frame_count > 0
    torch.testing.assert_close(compiled_maps, maps)
    torch.testing.assert_close(compiled_gradients, gradients)


@pytest.mark.parametrize(
    'kwargs', [{}, dict(with_cp=True), dict(with_cp=2), dict(lora=dict(r=2)), dict(frozen_stages=2)], ids=str
)
def test_maps_and_gradients_are_those_of_plain_blocks(kwargs, counter):
    assert_same_as_plain(counter, **kwargs)


@pytest.mark.parametrize('kwargs', [{}, dict(with_cp=True, lora=dict(r=2))], ids=str)
def test_and_so_they_are_in_distributed_training(kwargs, counter, tmp_path):
    dist.init_process_group('gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    try:
        assert_same_as_plain(counter, DistributedDataParallel, **kwargs)
    finally:
        dist.destroy_process_group()


def test_bfloat16_is_as_near_to_fp32_as_plain_blocks_are(counter):
    x = torch.randn(2, 3, 64, 96)
    exact = train(make(None), x)[0][-1]
    plain, compiled = (train(make(backend), x, torch.bfloat16)[0][-1] for backend in (None, counter))
    assert compiled.dtype == plain.dtype == torch.bfloat16
    assert (compiled - exact).norm() < 1.2 * (plain - exact).norm() < 0.02 * exact.norm()


def test_what_is_compiled_for_one_block_serves_all_and_any_batch_and_size(forward_counter):
    backbone = make(forward_counter)
    graphs = []
    for shape in [(2, 64, 64), (3, 64, 64), (4, 64, 64), (4, 96, 64), (5, 96, 96), (7, 160, 64), (6, 64, 32)]:
        train(backbone, torch.randn(shape[0], 3, *shape[1:]))
        graphs.append(forward_counter.frame_count)
    assert graphs == [1, 2, 2, 3, 3, 3, 3]  # for any batch once there was a second, and so for any size


@pytest.mark.slow
def test_training_and_evaluation_in_turns_stay_compiled(forward_counter):
    """With more variants than torch allows by default, it would fall back to plain blocks."""
    backbone = make(forward_counter, frozen_stages=1, lora=dict(r=2, blocks=[3]))
    shapes = [(2, 64, 64), (3, 64, 64), (3, 96, 64), (1, 64, 64)]
    for _ in range(2):
        for shape in shapes:
            x = torch.randn(shape[0], 3, *shape[1:])
            train(backbone, x)
            with torch.no_grad():
                backbone(x)
        graphs = forward_counter.frame_count
    assert graphs > 8
    train(backbone, x)
    assert forward_counter.frame_count == graphs


def test_gradients_of_several_losses_follow_a_batch_of_one(counter):
    """A backward pass that was compiled for one loss also runs once for each of several."""

    def gradients(backbone):
        torch.manual_seed(1)
        found = []
        for powers in ((2,), (2, 4)):
            maps = backbone(torch.randn(2, 3, 64, 64))
            losses = [maps[-1].pow(power).mean() for power in powers]
            for loss in losses:
                found += torch.autograd.grad(
                    loss, backbone.blocks[0].attn.qkv.weight, retain_graph=loss is not losses[-1]
                )
        return found

    torch.testing.assert_close(gradients(make(counter)), gradients(make(None)))


def test_checkpoints_fit_both_ways(counter):
    plain, compiled = make(None), make(counter)
    x = torch.randn(1, 3, 64, 64)
    train(compiled, x)
    assert compiled.state_dict().keys() == plain.state_dict().keys()
    plain.load_state_dict(compiled.state_dict())
    compiled.load_state_dict(make(None).state_dict())
    torch.testing.assert_close(compiled(x), plain(x))


def test_copies_and_pickles_run(counter):
    compiled = make(counter)
    x = torch.randn(1, 3, 64, 64)
    expected = compiled(x)
    file = io.BytesIO()
    torch.save(compiled, file)
    file.seek(0)
    for other in (copy.deepcopy(compiled), torch.load(file, weights_only=False)):
        torch.testing.assert_close(other(x), expected)


def test_merged_lora_is_compiled_anew(counter):
    backbone = make(counter, lora=dict(r=2)).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = backbone(x)
        merge_lora(backbone)
        torch.testing.assert_close(backbone(x), expected, atol=1e-5, rtol=1e-5)


def test_it_is_exported_as_plain_blocks_are(counter):
    backbone = make(counter).eval()
    x = torch.randn(1, 3, 96, 64)
    program = torch.export.export(backbone, (x,)).module()
    torch.testing.assert_close(program(x), make(None).eval()(x))


def test_cuda_graphs_are_refused():
    with pytest.raises(ConfigError, match="compile_blocks: mode='reduce-overhead' records CUDA graphs"):
        Qwen3VLBackbone(SIZES, compile_blocks=dict(mode='reduce-overhead'))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which('c++') is None, reason="torch's compiler needs a C++ compiler on a CPU")
@pytest.mark.parametrize(('dtype', 'with_cp'), [(torch.float32, False), (torch.bfloat16, True)])
def test_the_default_compiler_gives_the_same_maps_and_gradients(dtype, with_cp):
    torch._dynamo.reset()
    x = torch.randn(2, 3, 64, 96)
    exact_maps, exact_gradients = train(make(None, with_cp=with_cp), x)
    torch.manual_seed(0)
    maps, gradients = train(Qwen3VLBackbone(SIZES, compile_blocks=True, with_cp=with_cp), x, dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 0.03
    for ours, exact in zip([*maps, *gradients], [*exact_maps, *exact_gradients], strict=True):
        assert (ours - exact).norm() < tolerance * exact.norm()
