"""LoRA: what it trains, and that merging changes nothing."""

import builtins

import pytest
import torch

from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones import HFBackbone, Qwen3VLBackbone, merge_lora
from tests.models.backbones.hf_configs import TINY
from tests.models.backbones.reference import SIZES


def trainable(model):
    return {name for name, p in model.named_parameters() if p.requires_grad}


def stir(model):
    """Random updates: LoRA starts with none."""
    for name, parameter in model.named_parameters():
        if '.lora_' in name:
            torch.nn.init.normal_(parameter, std=0.1)


@pytest.mark.parametrize('preset', ['2b', '8b'])
def test_less_than_two_percent_of_the_published_sizes_learn(preset):
    with torch.device('meta'):
        backbone = Qwen3VLBackbone(preset, lora=dict(r=8))
    learning = sum(p.numel() for p in backbone.parameters() if p.requires_grad)
    everything = sum(p.numel() for p in Qwen3VLBackbone.parameters(backbone))
    assert 0.005 < learning / everything < 0.02
    assert all('.lora_' in name for name in trainable(backbone))


def test_blocks_and_modules():
    backbone = Qwen3VLBackbone(SIZES, lora=dict(r=2, blocks=[1, 5], modules=['qkv', 'linear_fc2']))
    assert trainable(backbone) == {
        f'blocks.{i}.{name}.lora_{ab}.default.weight'
        for i in (1, 5)
        for name in ('attn.qkv', 'mlp.linear_fc2')
        for ab in 'AB'
    }


def test_frozen_blocks_keep_their_lora_still():
    backbone = Qwen3VLBackbone(SIZES, frozen_stages=4, lora=dict(r=2, modules=['qkv']))
    assert {name.split('.')[1] for name in trainable(backbone)} == {'4', '5'}


@pytest.mark.parametrize(
    'make',
    [lambda lora: Qwen3VLBackbone(SIZES, lora=lora)]
    + [lambda lora, config=TINY[name]: HFBackbone(config, lora=lora) for name in ('dinov2', 'swin', 'qwen2_5_vl')],
    ids=['qwen3_vl', 'dinov2', 'swin', 'qwen2_5_vl'],
)
def test_it_starts_from_the_encoder_and_merges_to_the_same_output(make):
    torch.manual_seed(0)
    plain = make(None).eval()
    adapted = make(dict(r=4)).eval()
    adapted.load_state_dict(_with_base_layers(plain, adapted), strict=False)
    x = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        start = adapted(x)
        for ours, expected in zip(start, plain(x), strict=True):
            torch.testing.assert_close(ours, expected)
        stir(adapted)
        before = adapted(x)
        assert (before[-1] - start[-1]).abs().max() > 1e-2
        assert merge_lora(adapted) > 0
        for after, expected in zip(adapted(x), before, strict=True):
            torch.testing.assert_close(after, expected, atol=1e-5, rtol=1e-5)
    assert adapted.state_dict().keys() == plain.state_dict().keys()
    assert merge_lora(adapted) == 0


def _with_base_layers(plain, adapted):
    state = plain.state_dict()
    return {name: state[name.replace('.base_layer.', '.')] for name in adapted.state_dict() if '.lora_' not in name}


def test_pretrained_weights_land_below_the_adapters(folder):
    plain, adapted = Qwen3VLBackbone(pretrained=folder), Qwen3VLBackbone(pretrained=folder, lora=dict(r=2))
    plain.init_weights()
    adapted.init_weights()
    x = torch.randn(1, 3, 64, 64)
    for ours, expected in zip(adapted(x), plain(x), strict=True):
        torch.testing.assert_close(ours, expected)


def test_gradients_reach_the_adapters_through_checkpointing():
    backbone = Qwen3VLBackbone(SIZES, with_cp=True, lora=dict(r=2))
    stir(backbone)
    sum(m.square().sum() for m in backbone(torch.randn(1, 3, 64, 64))).backward()
    for name, parameter in backbone.named_parameters():
        assert (parameter.grad is not None) == ('.lora_' in name), name


def test_what_is_not_there_is_refused():
    with pytest.raises(ConfigError, match=r"modules \['query'\] are none of .*: linear_fc1, linear_fc2, proj, qkv"):
        Qwen3VLBackbone(SIZES, lora=dict(modules=['query']))
    with pytest.raises(ConfigError, match=r'lora\.blocks \[6\] are none of 0\.\.5'):
        Qwen3VLBackbone(SIZES, lora=dict(blocks=[6]))


def test_without_peft_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without_peft(name, *args, **kwargs):
        if name == 'peft':
            raise ImportError("No module named 'peft'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without_peft)
    with pytest.raises(ConfigError, match='pip install peft'):
        Qwen3VLBackbone(SIZES, lora=dict(r=2))
