import copy

import pytest
import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import nn

from aurora_mm.engine import AutocastOptimWrapper, GradientSurgeryOptimWrapper, MuonWithAdamW, PCGradCombiner
from aurora_mm.engine.optim.muon_with_adamw import orthogonalised
from aurora_mm.errors import ConfigError
from tests.engine.optim.test_accumulating_optim_wrapper import steps
from tests.engine.optim.test_gradient_surgery_optim_wrapper import TwoTypes
from tests.engine.optim.test_layer_decay_optim_wrapper_constructor import SIZES, Qwen3VLBackbone
from tests.engine.optim.test_layer_decay_optim_wrapper_constructor import Model as WithEncoder


def parameters(*shapes):
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape)) for shape in shapes]


def follow(optimizers, pairs, count=4):
    """Give both of each pair the same gradients, and update."""
    torch.manual_seed(1)
    for _ in range(count):
        for a, b in pairs:
            a.grad = torch.randn_like(a)
            b.grad = a.grad.reshape(b.shape).clone()
        for optimizer in optimizers:
            optimizer.step()


@pytest.mark.skipif(not hasattr(torch.optim, 'Muon'), reason='this torch has no Muon to compare with')
@pytest.mark.parametrize('shape', [(6, 4), (4, 6), (8, 3, 3, 3)])
@pytest.mark.parametrize('nesterov', [True, False])
def test_matrices_are_updated_as_by_torch(shape, nesterov):
    (ours,) = parameters(shape)
    theirs = nn.Parameter(ours.detach().flatten(1).clone())
    before = ours.detach().clone()
    settings = dict(lr=0.01, weight_decay=0.1, nesterov=nesterov)
    follow(
        [MuonWithAdamW([ours], **settings), torch.optim.Muon([theirs], adjust_lr_fn='match_rms_adamw', **settings)],
        [(ours, theirs)],
    )
    assert (ours - before).abs().max() > 0.01
    # torch iterates in bfloat16 on a CPU too.
    torch.testing.assert_close(ours.flatten(1), theirs, atol=1e-3, rtol=0)


@pytest.mark.parametrize('fused', [None, True])
def test_the_others_are_updated_as_by_adamw(fused):
    shapes = [(5,), (6, 1, 3, 3), (1, 4), (4, 3)]  # a bias, a depthwise kernel, one row, a matrix that says so
    ours, theirs = parameters(*shapes), parameters(*shapes)
    settings = dict(lr=0.01, betas=(0.9, 0.99), weight_decay=0.1)
    ours_by = MuonWithAdamW([dict(params=ours[:3]), dict(params=ours[3:], use_muon=False)], fused=fused, **settings)
    follow([ours_by, torch.optim.AdamW(theirs, **settings)], list(zip(ours, theirs, strict=True)))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_singular_values_become_about_one():
    torch.manual_seed(0)
    for matrix in (torch.randn(20, 30), torch.randn(30, 20) * 1e-3):
        u, _, v = torch.linalg.svd(matrix, full_matrices=False)
        found = orthogonalised(matrix, 5)
        values = torch.linalg.svdvals(found)
        assert values.min() > 0.3 and values.max() < 1.3
        cosine = (found * (u @ v)).sum() / found.norm() / (u @ v).norm()
        assert cosine > 0.95


def test_the_size_of_an_update_is_that_of_adamw():
    (wide,) = parameters((64, 256))
    before = wide.detach().clone()
    optimizer = MuonWithAdamW([wide], lr=1.0, weight_decay=0.0)
    wide.grad = torch.randn_like(wide)
    optimizer.step()
    assert (wide - before).detach().square().mean().sqrt().item() == pytest.approx(0.2, rel=0.25)


def test_a_zero_gradient_changes_nothing_and_a_missing_one_is_skipped():
    zero, missing = parameters((4, 3), (4, 3))
    before = copy.deepcopy([zero, missing])
    optimizer = MuonWithAdamW([zero, missing], weight_decay=0.0)
    zero.grad = torch.zeros_like(zero)
    optimizer.step()
    assert torch.equal(zero, before[0]) and torch.equal(missing, before[1])
    assert missing not in optimizer.state


class Model(nn.Module):
    """An encoder with a position embedding, a norm and a head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.pos_embed = nn.Embedding(7, 4)
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.LayerNorm(4)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.outputs = nn.Linear(4, 2)


CUSTOM = {'embed': dict(use_muon=False), 'outputs': dict(use_muon=False, lr_mult=0.5), 'conv': dict(lr_mult=0.1)}


def test_paramwise_cfg_says_what_is_no_matrix():
    model = Model()
    cfg = dict(
        type='AccumulatingOptimWrapper',
        optimizer=dict(type='MuonWithAdamW', lr=1.0, betas=[0.9, 0.99], weight_decay=0.1, fused=True),
        paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0, custom_keys=CUSTOM),
    )
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        wrapper = build_optim_wrapper(model, cfg)
    names = {parameter: name for name, parameter in model.named_parameters()}
    found = {names[p]: group for group in wrapper.optimizer.param_groups for p in group['params']}
    assert [name for name, group in found.items() if group['use_muon']] == ['conv.weight']
    assert found.keys() == {name for name in names.values() if 'frozen' not in name}
    assert found['conv.weight']['lr'] == found['conv.bias']['lr'] == 0.1
    assert found['outputs.weight']['lr'] == 0.5 and found['pos_embed.weight']['lr'] == 1.0
    assert found['norm.weight']['weight_decay'] == 0.0 and found['pos_embed.weight']['weight_decay'] == 0.1


def test_layer_decay_keeps_its_rates():
    model = WithEncoder(Qwen3VLBackbone(SIZES))
    cfg = dict(
        type='OptimWrapper',
        constructor='LayerDecayOptimWrapperConstructor',
        optimizer=dict(type='MuonWithAdamW', lr=1.0, weight_decay=0.1),
        paramwise_cfg=dict(layer_decay=0.5, custom_keys={'embed': dict(use_muon=False)}),
    )
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        groups = build_optim_wrapper(model, cfg).optimizer.param_groups
    names = {parameter: name for name, parameter in model.named_parameters()}
    found = {names[p]: group for group in groups for p in group['params']}
    assert found.keys() == set(names.values())
    for i in range(6):
        group = found[f'backbone.blocks.{i}.attn.qkv.weight']
        assert group['use_muon'] and group['lr'] == pytest.approx(0.5 ** (6 - i))
    assert not found['backbone.pos_embed.weight']['use_muon']


WRAPPERS = {
    'plain': lambda optimizer: OptimWrapper(optimizer, clip_grad=dict(max_norm=1.0)),
    'bfloat16': lambda optimizer: AutocastOptimWrapper(optimizer, accumulative_counts=3, on_cpu=True),
    'surgery': lambda optimizer: GradientSurgeryOptimWrapper(
        optimizer, accumulative_counts=3, on_cpu=True, combiner=dict(type=PCGradCombiner)
    ),
}


@pytest.mark.parametrize('kind', WRAPPERS)
def test_a_resumed_run_ends_as_an_unbroken_one(kind):
    def start():
        model = TwoTypes()
        wrapper = WRAPPERS[kind](MuonWithAdamW(model.parameters(), 0.1))
        wrapper.initialize_count_status(model, 0, 7)
        return model, wrapper

    unbroken, wrapper = start()
    assert {group['use_muon'] for group in wrapper.optimizer.param_groups} == {True, False}
    steps(unbroken, wrapper, range(7))
    first, wrapper = start()
    steps(first, wrapper, range(5))
    kept = copy.deepcopy((first.state_dict(), wrapper.state_dict()))
    second, wrapper = start()
    second.load_state_dict(kept[0])
    wrapper.load_state_dict(kept[1])
    wrapper.initialize_count_status(second, 5, 7)
    steps(second, wrapper, range(5, 7))
    for name, value in unbroken.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value, rtol=0, atol=0)


def test_what_cannot_be_is_refused():
    for wrong in (dict(momentum=1.0), dict(ns_steps=0)):
        with pytest.raises(ConfigError, match='MuonWithAdamW'):
            MuonWithAdamW(parameters((2, 2)), **wrong)


def test_float16_gradients_are_unscaled_before_the_update():
    """A scaler would leave this to a fused AdamW, and matrices would be updated with scaled gradients."""
    weights = parameters((4, 3), (4,))
    optimizer = MuonWithAdamW(weights, fused=True)
    scaler = torch.amp.GradScaler('cpu', init_scale=1024.0)
    scaler.scale(sum(p.square().sum() for p in weights)).backward()
    gradients = [2 * p.detach() for p in weights]
    scaler.step(optimizer)
    for p, gradient in zip(weights, gradients, strict=True):
        torch.testing.assert_close(p.grad, gradient)
