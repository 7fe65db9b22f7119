"""How often weights are cast, and that nothing but that changes."""

import pytest
import torch
import torch.distributed as dist
from functorch.compile import make_boxed_func
from torch import nn
from torch._dynamo.backends.common import aot_autograd
from torch.distributed.device_mesh import init_device_mesh
from torch.utils._python_dispatch import TorchDispatchMode

from aurora_mm.engine import AutocastOptimWrapper, GradientSurgeryOptimWrapper, shard_blocks
from aurora_mm.engine.optim import autocast_optim_wrapper
from aurora_mm.engine.optim.weight_copies import WeightCopies, layers_to_copy
from aurora_mm.models.backbones import HFBackbone, Qwen3VLBackbone
from tests.models.backbones.hf_configs import TINY

SIZES = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
ACCUMULATED = 3


class Model(nn.Module):
    """An encoder, and a loss for each of two task types."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, x):
        maps = self.backbone(x)
        return {f'loss_{i}': m.float().square().mean() for i, m in enumerate((maps[0], maps[-1]))}


class CastCounter(TorchDispatchMode):
    """Counts how often each of some tensors is cast."""

    def __init__(self, tensors):
        super().__init__()
        self.counts = {tensor.data_ptr(): 0 for tensor in tensors}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._to_copy.default and args[0].data_ptr() in self.counts:
            self.counts[args[0].data_ptr()] += 1
        return func(*args, **(kwargs or {}))


@pytest.fixture
def no_copies(monkeypatch):
    """From where it is called on, autocast is left to itself."""
    return lambda: monkeypatch.setattr(autocast_optim_wrapper, 'layers_to_copy', lambda model: [])


def make(**kwargs):
    torch.manual_seed(0)
    model = Model(Qwen3VLBackbone(SIZES, **kwargs))
    for name, parameter in model.named_parameters():
        if '.lora_' in name:
            nn.init.normal_(parameter, std=0.1)
    return model


def train(model, kind=AutocastOptimWrapper, steps=ACCUMULATED, size=64):
    """Steps of an image each, an update every ACCUMULATED; counts casts of the blocks' weights."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    wrapper = kind(optimizer, accumulative_counts=ACCUMULATED, on_cpu=True)
    wrapper.initialize_count_status(model, 0, steps)
    images = torch.randn(steps, 1, 3, size, size, generator=torch.Generator().manual_seed(1))
    with CastCounter(layer.weight for layer in model.backbone.linear_layers().values()) as counter:
        for image in images:
            with wrapper.optim_context(model):
                losses = model(image)
            wrapper.update_params(sum(losses.values()))
    return list(counter.counts.values())


KINDS = dict(
    plain={},
    recomputed=dict(with_cp=True),
    frozen=dict(frozen_stages=2),
    lora=dict(lora=dict(r=2), with_cp=True),
)


@pytest.mark.parametrize('kwargs', KINDS.values(), ids=KINDS)
def test_each_weight_is_cast_once_an_update(kwargs):
    assert set(train(make(**kwargs))) == {1}
    assert set(train(make(**kwargs), steps=2 * ACCUMULATED)) == {2}


@pytest.mark.parametrize(
    ('kind', 'casts'),
    [('plain', ACCUMULATED), ('recomputed', 2 * ACCUMULATED), ('frozen', ACCUMULATED), ('lora', 2 * ACCUMULATED)],
)
def test_autocast_by_itself_casts_once_a_batch_and_once_a_recomputation(kind, casts, no_copies):
    """What the copies are for; should torch learn to do better, they can go."""
    no_copies()
    assert set(train(make(**KINDS[kind]))) == {casts}


@pytest.mark.parametrize('kwargs', KINDS.values(), ids=KINDS)
def test_weights_become_what_they_become_without_copies(kwargs, no_copies):
    with_copies, without = make(**kwargs), make(**kwargs)
    start = {name: p.clone() for name, p in without.named_parameters()}
    train(with_copies, steps=3 * ACCUMULATED)
    no_copies()
    train(without, steps=3 * ACCUMULATED)
    for (name, ours), expected in zip(with_copies.named_parameters(), without.parameters(), strict=True):
        assert torch.equal(ours, expected), name
        assert torch.equal(ours, start[name]) != expected.requires_grad, name


def test_gradient_surgery_recomputes_with_the_same_copies():
    assert set(train(make(with_cp=True), GradientSurgeryOptimWrapper)) == {1}


def test_compiled_blocks_cast_no_weight(no_copies):
    casts = []

    def note_casts(graph, _):
        targets = {torch.ops.aten._to_copy.default, torch.ops.prims.convert_element_type.default}
        casts.extend(node.meta['val'].shape for node in graph.graph.nodes if node.target in targets)
        return make_boxed_func(graph.forward)

    torch._dynamo.reset()
    model = make(compile_blocks=dict(backend=aot_autograd(fw_compiler=note_casts)))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    weights = {p.shape for p in model.backbone.blocks.parameters() if p.ndim == 2}
    for expected in (set(), weights):
        casts.clear()
        wrapper = AutocastOptimWrapper(optimizer, on_cpu=True)
        with wrapper.optim_context(model):
            losses = model(torch.randn(1, 3, 64, 64))
        wrapper.update_params(sum(losses.values()))
        assert weights.intersection(casts) == expected
        no_copies()  # the witness
    torch._dynamo.reset()


def test_encoders_of_transformers_have_copies_too():
    model = Model(HFBackbone(TINY['dinov2']))
    assert set(train(model, size=56)) == {1}


def test_parameters_and_state_dict_stay_fp32_and_all_is_as_before_afterwards():
    model = make()
    layers = layers_to_copy(model)
    assert len(layers) == 4 * len(model.backbone.blocks)
    before = [layer.weight for layer in layers]
    with pytest.raises(KeyError), WeightCopies(torch.bfloat16).in_use(layers):
        assert all(layer.weight.dtype == layer.bias.dtype == torch.bfloat16 for layer in layers)
        assert all(p.dtype == torch.float32 for p in model.parameters())
        assert all(value.dtype == torch.float32 for value in model.state_dict().values())
        raise KeyError
    assert all(layer.weight is weight for layer, weight in zip(layers, before, strict=True))


def test_weights_that_changed_are_copied_anew():
    layer, copies = nn.Linear(2, 2), WeightCopies(torch.bfloat16)
    with copies.in_use([layer]):
        first = layer.weight
    with copies.in_use([layer]):
        assert layer.weight is first
    layer.load_state_dict(dict(weight=torch.ones(2, 2), bias=torch.ones(2)))
    with copies.in_use([layer]):
        assert torch.equal(layer.weight, torch.ones(2, 2, dtype=torch.bfloat16))
    layer.requires_grad_(False)
    with copies.in_use([layer]):
        assert not layer.weight.requires_grad


def test_weights_in_another_precision_are_left_alone():
    layer = nn.Linear(2, 2).to(torch.float16)
    with WeightCopies(torch.bfloat16).in_use([layer]):
        assert layer.weight is layer._parameters['weight']


def test_a_sharded_model_has_no_copies(tmp_path):
    dist.init_process_group('gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    try:
        assert layers_to_copy(shard_blocks(make(), init_device_mesh('cpu', (1,)))) == []
    finally:
        dist.destroy_process_group()
