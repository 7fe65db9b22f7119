import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones import HFBackbone, Qwen3VLBackbone
from tests.models.backbones.hf_configs import TINY
from tests.models.backbones.reference import SIZES


class Model(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(4, 2)


def build(model, **paramwise):
    cfg = dict(
        type='OptimWrapper',
        constructor='LayerDecayOptimWrapperConstructor',
        optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1),
        paramwise_cfg=paramwise,
    )
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        return build_optim_wrapper(model, cfg)


def rates(model, wrapper, key='lr'):
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {names[p]: group[key] for group in wrapper.optimizer.param_groups for p in group['params']}


def test_rates_fall_towards_the_input_and_the_head_keeps_its_own():
    model = Model(Qwen3VLBackbone(SIZES))
    custom = {'backbone': dict(lr_mult=0.1)}
    lr = rates(model, build(model, layer_decay=0.5, custom_keys=custom))
    assert lr.keys() == dict(model.named_parameters()).keys()
    assert lr['head.weight'] == 1.0
    for i in range(6):  # 8 layers: before the blocks, 6 blocks, after the blocks
        assert lr[f'backbone.blocks.{i}.attn.qkv.weight'] == pytest.approx(0.1 * 0.5 ** (6 - i))
    assert lr['backbone.patch_embed.proj.weight'] == lr['backbone.pos_embed.weight'] == pytest.approx(0.1 * 0.5**7)


def test_groups_are_few_and_keep_the_weight_decay():
    model = Model(Qwen3VLBackbone(SIZES))
    wrapper = build(model, layer_decay=0.5, norm_decay_mult=0.0, bias_decay_mult=0.0)
    assert len(wrapper.optimizer.param_groups) == 16  # 7 layers of the encoder and the head, with and without decay
    decay = rates(model, wrapper, 'weight_decay')
    assert decay['backbone.blocks.3.norm1.weight'] == decay['head.bias'] == 0.0
    assert decay['backbone.blocks.3.attn.qkv.weight'] == decay['head.weight'] == 0.1


@pytest.mark.parametrize('name', TINY)
def test_every_encoder_declares_its_order(name):
    model = Model(HFBackbone(TINY[name]))
    n = model.backbone.num_blocks
    lr = rates(model, build(model, layer_decay=0.5))
    found = {round(-torch.tensor(v).log2().item()) for k, v in lr.items() if k.startswith('backbone')}
    assert set(range(1, n + 2)) <= found <= set(range(n + 2))
    first = next(k for k in lr if any(part in k for part in ('patch_embed', 'position_embed', 'stages.0.downsample')))
    assert lr[first] == pytest.approx(0.5 ** (n + 1))


def test_lora_layers_have_their_blocks_rate_and_frozen_ones_none():
    model = Model(Qwen3VLBackbone(SIZES, lora=dict(r=2, modules=['qkv'])))
    lr = rates(model, build(model, layer_decay=0.5))
    assert lr['backbone.blocks.4.attn.qkv.lora_A.default.weight'] == pytest.approx(0.25)
    assert all('lora_' in name or name.startswith('head') for name in lr)


def test_a_cosine_schedule_keeps_the_ratios():
    from mmengine.optim import CosineAnnealingLR

    model = Model(Qwen3VLBackbone(SIZES))
    wrapper = build(model, layer_decay=0.5)
    scheduler = CosineAnnealingLR(wrapper.optimizer, T_max=10)
    for _ in range(5):
        wrapper.optimizer.step()
        scheduler.step()
    lr = rates(model, wrapper)
    assert lr['head.weight'] == pytest.approx(0.5)
    assert lr['backbone.blocks.0.attn.qkv.weight'] == pytest.approx(0.5 * 0.5**6)


def test_what_cannot_decay_is_refused():
    with pytest.raises(ConfigError, match=r'must be in \(0, 1\], not 1.5'):
        build(Model(nn.Linear(2, 2)), layer_decay=1.5)
    with pytest.raises(ConfigError, match='Model has none'):
        build(Model(nn.Linear(2, 2)), layer_decay=0.5)
