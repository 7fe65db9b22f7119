"""The encoder against transformers' own."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models.backbones import Qwen3VLBackbone

SIZES = dict(depth=6, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)


@pytest.fixture(scope='module')
def reference():
    torch.manual_seed(0)
    config = Qwen3VLVisionConfig(**SIZES, out_hidden_size=32, deepstack_visual_indexes=[1, 3])
    model = Qwen3VLVisionModel(config).eval()
    for parameter in model.parameters():  # large weights, so that attention is far from uniform
        torch.nn.init.normal_(parameter, std=0.3 if parameter.ndim > 1 else 0.1)
    return model


@pytest.fixture(scope='module')
def folder(reference, tmp_path_factory):
    path = tmp_path_factory.mktemp('visual')
    reference.save_pretrained(path)
    return path


@pytest.fixture(scope='module')
def sharded(reference, tmp_path_factory):
    """A whole vision-language model in two shards, as the hub has it, with a language part that is unreadable."""
    path = tmp_path_factory.mktemp('whole')
    tensors = {f'model.visual.{name}': tensor.contiguous() for name, tensor in reference.state_dict().items()}
    names = sorted(tensors)
    shards = {'model-1.safetensors': names[::2], 'model-2.safetensors': names[1::2]}
    for file, inside in shards.items():
        save_file({name: tensors[name] for name in inside}, path / file)
    (path / 'model-3.safetensors').write_bytes(b'no safetensors: opening this shard fails')
    weight_map = {name: file for file, inside in shards.items() for name in inside}
    weight_map['model.language_model.embed_tokens.weight'] = 'model-3.safetensors'
    (path / 'model.safetensors.index.json').write_text(json.dumps({'weight_map': weight_map}))
    config = {'model_type': 'qwen3_vl', 'vision_config': reference.config.to_dict()}
    (path / 'config.json').write_text(json.dumps(config))
    return path


def build(source, **kwargs):
    backbone = Qwen3VLBackbone(pretrained=source, **kwargs).eval()
    backbone.init_weights()
    return backbone


def flat_patches(x):
    """Patches as transformers takes them: merge blocks of 2 x 2 in raster order, the image in both temporal slots."""
    b, _, h, w = x.shape
    x = x.view(b, 3, h // 32, 2, 16, w // 32, 2, 16).permute(0, 2, 5, 3, 6, 1, 4, 7)
    return x.unsqueeze(6).expand(*[-1] * 6, 2, -1, -1).reshape(b * h * w // 256, -1)


def transformers_maps(model, x, taps):
    """Maps of transformers' own encoder, its merge-block order undone."""
    b, _, h, w = x.shape
    outputs = []
    hooks = [block.register_forward_hook(lambda _m, _i, out: outputs.append(out)) for block in model.blocks]
    with torch.no_grad():
        model(flat_patches(x), grid_thw=torch.tensor([[1, h // 16, w // 16]] * b))
    for hook in hooks:
        hook.remove()
    return [
        outputs[i].view(b, h // 32, w // 32, 2, 2, -1).permute(0, 5, 1, 3, 2, 4).reshape(b, -1, h // 16, w // 16)
        for i in taps
    ]


@pytest.mark.parametrize('size', [(64, 64), (96, 160), (160, 64)])
def test_maps_equal_transformers(reference, folder, size):
    x = torch.randn(2, 3, *size)
    backbone = build(folder, out_indices=range(6))
    with torch.no_grad():
        maps = backbone(x)
    for ours, theirs in zip(maps, transformers_maps(reference, x, range(6)), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_sharded_checkpoint_opens_visual_shards_only(folder, sharded):
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for ours, theirs in zip(build(sharded)(x), build(folder)(x), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_a_changed_patch_changes_the_maps_most_at_its_place(folder):
    backbone = build(folder)
    x = torch.randn(1, 3, 96, 160)
    changed = x.clone()
    changed[:, :, 32:48, 112:128] += 0.05  # token (2, 7)
    with torch.no_grad():
        for before, after in zip(backbone(x), backbone(changed), strict=True):
            difference = (after - before).norm(dim=1)[0]
            assert divmod(int(difference.argmax()), difference.shape[1]) == (2, 7)


def test_declares_what_it_gives():
    backbone = Qwen3VLBackbone(SIZES)
    maps = backbone(torch.randn(2, 3, 64, 96))
    assert backbone.out_indices == [0, 2, 3, 5]
    assert [m.shape[1] for m in maps] == backbone.out_channels
    assert [64 // m.shape[2] for m in maps] == backbone.strides


def test_default_taps_of_the_published_sizes():
    from aurora_mm.models.backbones.qwen3_vl_backbone import _check_taps

    assert _check_taps(None, 24) == [0, 8, 15, 23]
    assert _check_taps(None, 27) == [0, 9, 17, 26]


def test_gradient_checkpointing_gives_the_same_gradients():
    x = torch.randn(1, 3, 64, 64)
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(1)
        backbone = Qwen3VLBackbone(SIZES, with_cp=with_cp)
        sum(m.square().sum() for m in backbone(x)).backward()
        gradients.append([p.grad.clone() for p in backbone.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_blocks_after_the_last_tap_are_not_built(folder):
    backbone = build(folder, out_indices=[0, 2])
    assert len(backbone.blocks) == 3


def test_size_is_read_from_the_config(sharded):
    assert Qwen3VLBackbone('8b', pretrained=sharded).out_channels == [48] * 4


def test_tiny_preset_is_of_the_promised_size():
    assert 3e6 < sum(p.numel() for p in Qwen3VLBackbone('tiny').parameters()) < 5e6


def damaged(folder, tmp_path, change):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(tmp_path / 'model.safetensors')
    change(tensors)
    save_file(tensors, tmp_path / 'model.safetensors')
    return tmp_path


def test_missing_tensor_is_named(folder, tmp_path):
    source = damaged(folder, tmp_path, lambda t: t.pop('blocks.1.mlp.linear_fc1.bias'))
    with pytest.raises(WeightsError, match=r'missing: blocks\.1\.mlp\.linear_fc1\.bias'):
        build(source)


def test_misshaped_tensor_is_named(folder, tmp_path):
    source = damaged(folder, tmp_path, lambda t: t.update({'blocks.0.norm1.weight': torch.zeros(7)}))
    with pytest.raises(WeightsError, match=r'blocks\.0\.norm1\.weight is \(7,\) and not \(48,\)'):
        build(source)


def test_unknown_tensor_is_named(folder, tmp_path):
    source = damaged(folder, tmp_path, lambda t: t.update({'blocks.0.surprise': torch.zeros(7)}))
    with pytest.raises(WeightsError, match=r'unknown: blocks\.0\.surprise'):
        build(source)


def test_absent_weights_tell_where_to_get_them(tmp_path):
    with pytest.raises(WeightsError, match=r'hf download .* --pretrained none'):
        Qwen3VLBackbone(pretrained=tmp_path)


def test_another_model_is_refused(tmp_path):
    (tmp_path / 'config.json').write_text(json.dumps({'model_type': 'qwen2_5_vl'}))
    with pytest.raises(WeightsError, match='qwen2_5_vl'):
        Qwen3VLBackbone(pretrained=tmp_path)


@pytest.mark.parametrize('taps', [[], [2, 1], [0, 6], [-1, 2], [1, 1]])
def test_bad_taps(taps):
    with pytest.raises(ConfigError, match=r'must rise within 0\.\.5'):
        Qwen3VLBackbone(SIZES, out_indices=taps)


def test_bad_preset_and_bad_size():
    with pytest.raises(ConfigError, match="'7b' is none of"):
        Qwen3VLBackbone('7b')
    with pytest.raises(ConfigError, match='100 x 64 pixels'):
        Qwen3VLBackbone(SIZES)(torch.randn(1, 3, 100, 64))
