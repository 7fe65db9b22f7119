"""transformers' encoders as backbones, against transformers' own outputs."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper
from safetensors.torch import load_file, save_file
from transformers import AutoBackbone, AutoConfig, AutoModel

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models import MultiTaskModel
from aurora_mm.models.backbones import HFBackbone
from aurora_mm.models.backbones.hf.qwen2_5_vl import window_order
from tests.models.backbones.hf_configs import TINY
from tests.models.conftest import CLS, DET, POINTS, SEG, make_image

ALL = list(TINY)
PLAIN = [name for name in ALL if 'swin' not in name and 'convnext' not in name]


def build(name, **kwargs):
    torch.manual_seed(0)
    backbone = HFBackbone(TINY[name], **kwargs).eval()
    for parameter in backbone.parameters():  # large weights, so that blocks and positions tell
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return backbone


def normalised(backbone, x):
    return x * backbone.scale + backbone.shift


@pytest.mark.parametrize('name', ALL)
@pytest.mark.parametrize('taps', [None, [1, 3]])
def test_declares_what_it_gives(name, taps):
    backbone = build(name, out_indices=taps)
    with torch.no_grad():
        maps = backbone(torch.randn(2, 3, 224, 448))
    assert len(maps) == len(backbone.out_indices) == (4 if taps is None else 2)
    assert isinstance(backbone.out_channels, list)
    assert isinstance(backbone.strides, list)
    assert [m.shape[1] for m in maps] == backbone.out_channels
    assert [tuple(m.shape[2:]) for m in maps] == [(224 // s, 448 // s) for s in backbone.strides]


@pytest.mark.parametrize('name', PLAIN)
def test_a_changed_patch_changes_the_maps_most_at_its_place(name):
    backbone = build(name)
    patch = backbone.strides[0]
    x = torch.randn(1, 3, 224, 448)
    changed = x.clone()
    row, column = 9, 13  # in the second window of Qwen2.5-VL's, off its diagonal
    changed[:, :, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch] += 0.1
    with torch.no_grad():
        for before, after in zip(backbone(x), backbone(changed), strict=True):
            difference = (after - before).norm(dim=1)[0]
            assert divmod(int(difference.argmax()), difference.shape[1]) == (row, column)


@pytest.mark.parametrize('name', [name for name in ALL if name not in PLAIN])
def test_a_changed_place_changes_every_stage_there(name):
    backbone = build(name)
    x = torch.randn(1, 3, 256, 256)
    changed = x.clone()
    changed[:, :, 64:96, 160:192] += 0.5
    with torch.no_grad():
        for before, after, stride in zip(backbone(x), backbone(changed), backbone.strides, strict=True):
            difference = (after - before).norm(dim=1)[0]
            y, x_ = divmod(int(difference.argmax()), difference.shape[1])
            assert abs(y * stride + stride / 2 - 80) <= 32
            assert abs(x_ * stride + stride / 2 - 176) <= 32


@pytest.mark.parametrize('name', ['dinov2', 'dinov2_with_registers', 'dinov3', 'swin', 'convnextv2', 'dinov3_convnext'])
def test_maps_are_those_of_autobackbone(name):
    values = TINY[name] | dict(out_features=[f'stage{i}' for i in range(1, 5)])
    config = AutoConfig.for_model(**values)
    if name == 'dinov3':
        if type(config).__name__ not in str(AutoBackbone._model_mapping.keys()):
            pytest.skip('this transformers has no DINOv3 among its backbones')
        config.apply_layernorm = True
    backbone = build(name)
    theirs = AutoBackbone.from_config(config).eval()
    state = backbone.encoder.model.state_dict()
    missing = theirs.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys
    assert not missing.missing_keys
    x = torch.randn(2, 3, 224, 448)
    with torch.no_grad():
        for ours, expected in zip(backbone(x), theirs(normalised(backbone, x)).feature_maps, strict=True):
            torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def hidden_states(model, x, **kwargs):
    with torch.no_grad():
        return model.eval()(x, output_hidden_states=True, **kwargs).hidden_states[1:]


def assert_maps(maps, tokens, norm=torch.nn.Identity()):  # noqa: B008
    """Compare maps ``(B, C, H, W)`` with tokens ``(B, N, C)``, the last H * W of which are patches."""
    for ours, expected in zip(maps, tokens, strict=True):
        with torch.no_grad():
            expected = norm(expected)[:, -ours[0, 0].numel() :]
        torch.testing.assert_close(ours.flatten(2).transpose(1, 2), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('name', ['beit', 'beit_absolute'])
def test_beit_maps_are_normed_tokens_of_transformers_model(name):
    backbone = build(name)
    theirs = AutoModel.from_config(AutoConfig.for_model(**TINY[name]))
    missing = theirs.load_state_dict(backbone.encoder.model.state_dict(), strict=False)
    assert not missing.unexpected_keys
    assert [key for key in missing.missing_keys if 'pooler' not in key] == []
    x = torch.randn(2, 3, 96, 160)
    tokens = hidden_states(theirs, normalised(backbone, x))
    with torch.no_grad():
        maps = backbone(x)
    norm = theirs.layernorm if name == 'beit_absolute' else theirs.pooler.layernorm
    assert isinstance(norm, torch.nn.LayerNorm)
    assert_maps(maps, tokens, norm)


def test_positions_of_beit_are_resampled():
    backbone = build('beit')
    x = torch.randn(1, 3, 96, 160)
    with torch.no_grad():
        before = backbone(x)[0]
        backbone.encoder.model.get_parameter(
            next(n for n, _ in backbone.encoder.model.named_parameters() if 'relative_position_bias_table' in n)
        ).zero_()
        assert not torch.allclose(before, backbone(x)[0], atol=1e-3)


def test_mae_maps_are_those_of_a_plain_vit_with_the_same_weights():
    """MAE drops and shuffles patches in training; its encoder is a ViT otherwise."""
    backbone = build('vit_mae').train()
    theirs = AutoModel.from_config(AutoConfig.for_model(**TINY['vit_mae'] | dict(model_type='vit')))
    missing = theirs.load_state_dict(backbone.encoder.model.state_dict(), strict=False)
    assert not missing.unexpected_keys
    x = torch.randn(2, 3, 96, 160)
    with torch.no_grad():
        maps = backbone(x)
    tokens = hidden_states(theirs, normalised(backbone, x), interpolate_pos_encoding=True)
    assert_maps(maps, tokens, theirs.layernorm)


def test_clip_maps_are_transformers_normed_tokens():
    backbone = build('clip')
    x = torch.randn(2, 3, 96, 160)
    model = backbone.encoder.model
    tokens = hidden_states(model, normalised(backbone, x), interpolate_pos_encoding=True)
    with torch.no_grad():
        maps = backbone(x)
    assert_maps(maps, tokens, getattr(model, 'vision_model', model).post_layernorm)


def test_radio_maps_are_transformers_features_of_images_in_0_to_1():
    backbone = build('radio')
    x = torch.rand(2, 3, 96, 160) * 2 - 1
    with torch.no_grad():
        maps = backbone(x)
        theirs = backbone.encoder.model((x + 1) / 2, output_hidden_states=True)
    assert_maps(maps, theirs.hidden_states[1:])
    torch.testing.assert_close(maps[-1].flatten(2).transpose(1, 2), theirs.features)


@pytest.mark.parametrize('size', [64, 112])
def test_sam_maps_are_transformers_tokens(size):
    """transformers takes one size alone, so its positions are resampled by hand for the other."""
    from transformers import SamVisionConfig, SamVisionModel

    backbone = build('sam')
    torch.nn.init.normal_(backbone.encoder.model.vision_encoder.pos_embed)
    theirs = SamVisionModel(SamVisionConfig.from_dict(TINY['sam'] | dict(image_size=size)))
    state, grid = dict(backbone.encoder.model.state_dict()), size // 16
    for key, tensor in state.items():
        if key.endswith('pos_embed'):
            state[key] = F.interpolate(tensor.permute(0, 3, 1, 2), (grid, grid), mode='bicubic').permute(0, 2, 3, 1)
        elif 'rel_pos' in key and len(tensor) == 2 * 4 - 1:  # of the global blocks: 4 x 4 patches
            state[key] = F.interpolate(tensor.T[None], 2 * grid - 1, mode='linear')[0].T
    missing = theirs.load_state_dict(state, strict=False)
    assert all('neck' in key for key in missing.missing_keys)
    x = torch.randn(2, 3, size, size)
    with torch.no_grad():
        maps = backbone(x)
        tokens = theirs.eval()(normalised(backbone, x), output_hidden_states=True).hidden_states[-4:]
    assert_maps(maps, [t.flatten(1, 2) for t in tokens])


def test_an_encoder_inside_a_whole_sam_with_the_config_of_older_versions(tmp_path):
    from transformers import SamConfig, SamModel

    torch.manual_seed(0)
    vision = {key: value for key, value in TINY['sam'].items() if key != 'model_type'}
    SamModel(SamConfig(vision_config=vision)).save_pretrained(tmp_path)
    config = json.loads((tmp_path / 'config.json').read_text())
    config['vision_config']['model_type'] = ''
    (tmp_path / 'config.json').write_text(json.dumps(config))
    backbone = HFBackbone(pretrained=tmp_path)
    backbone.init_weights()
    stored = load_file(tmp_path / 'model.safetensors')
    key = 'vision_encoder.layers.3.attn.qkv.weight'
    assert torch.equal(backbone.encoder.model.get_parameter(key), stored[key])


def test_siglip_maps_are_transformers_normed_tokens():
    backbone = build('siglip')
    x = torch.randn(2, 3, 96, 160)
    model = backbone.encoder.model
    with torch.no_grad():
        last = backbone(x)[-1]
        expected = model(normalised(backbone, x), interpolate_pos_encoding=True).last_hidden_state
    torch.testing.assert_close(last.flatten(2).transpose(1, 2), expected)


def test_siglip2_patches_are_those_of_transformers_processor():
    try:
        from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil as Processor
    except ImportError:
        from transformers.models.siglip2.image_processing_siglip2 import Siglip2ImageProcessor as Processor
    image = np.random.default_rng(0).integers(0, 256, (96, 160, 3), dtype=np.uint8)
    given = Processor(patch_size=16, max_num_patches=60, do_resize=False)(images=[image], return_tensors='pt')
    assert given['spatial_shapes'].tolist() == [[6, 10]]
    backbone = build('siglip2')
    x = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        expected = backbone.encoder.model(**given).last_hidden_state
        last = backbone(x)[-1]
    torch.testing.assert_close(last.flatten(2).transpose(1, 2), expected, atol=1e-4, rtol=1e-4)


def test_qwen2_5_vl_map_merges_to_transformers_own_output():
    """transformers undoes the windows after the merger; ours are undone before. The merger is the witness."""
    from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VisionTransformerPretrainedModel as Tower

    backbone = build('qwen2_5_vl')
    whole = Tower._from_config(backbone.encoder.model.config).eval()
    whole.load_state_dict(backbone.encoder.model.state_dict(), strict=False)
    x = torch.randn(2, 3, 168, 280)
    h, w = 12, 20
    patches = normalised(backbone, x).view(2, 3, h // 2, 2, 14, w // 2, 2, 14).permute(0, 2, 5, 3, 6, 1, 4, 7)
    patches = patches.unsqueeze(6).expand(*[-1] * 6, 2, -1, -1).reshape(2 * h * w, -1)
    with torch.no_grad():
        expected = whole(patches, grid_thw=torch.tensor([[1, h, w]] * 2))
        expected = getattr(expected, 'pooler_output', expected)
        last = backbone(x)[-1]  # (2, C, h, w)
        blocks = last.view(2, -1, h // 2, 2, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(2 * h * w, -1)
        torch.testing.assert_close(whole.merger(blocks), expected, atol=1e-4, rtol=1e-4)


def test_window_order_of_a_hand_worked_grid():
    """4 x 8 tokens, merge blocks of 2 x 2, windows of 1 x 1 and of 2 x 2 blocks."""
    assert window_order((2, 4), 2, 4).tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    first_window = window_order((4, 8), 2, 2).tolist()[:16]
    assert first_window == [0, 1, 8, 9, 2, 3, 10, 11, 16, 17, 24, 25, 18, 19, 26, 27]


@pytest.mark.parametrize('name', ALL)
def test_trains_one_step_in_the_recipe(name):
    """The one line that changes is the backbone's."""
    torch.manual_seed(0)
    tasks = [SEG, CLS, DET, POINTS]
    model = MultiTaskModel(
        tasks=[task.to_config() for task in tasks],
        backbone=dict(type='aurora_mm.HFBackbone', config=TINY[name]),
        neck=dict(
            pyramid=dict(type='aurora_mm.TokenPyramid', out_channels=16, scales=(2, 1, 1 / 2, 1 / 4)),
            pooled=dict(type='aurora_mm.TokenPyramid', out_channels=8, downsample='avg_pool'),
        ),
        heads=dict(
            segmentation=dict(type='aurora_mm.SegmentationHead', channels=8),
            classification=dict(type='aurora_mm.ClassificationHead', hidden_channels=16),
            detection=dict(type='aurora_mm.GridDetectionHead', channels=16),
            landmark=dict(type='aurora_mm.LandmarkHead', hidden_channels=16),
        ),
        sources=dict(segmentation='pooled', classification='pyramid', detection='pyramid', landmark='backbone'),
    )
    model.init_weights()
    stride = model.backbone.strides[0] if len(set(model.backbone.strides)) == 1 else 16
    assert model.necks['pyramid'].strides == [stride // 2, stride, stride * 2, stride * 4]
    inputs, samples = torch.randn(4, 3, 224, 224), [make_image(task, size=224) for task in tasks]
    before = {n: p.clone() for n, p in model.named_parameters() if p.requires_grad}
    wrapper = OptimWrapper(torch.optim.AdamW(model.parameters(), 1e-3))
    wrapper.update_params(sum(model.loss(inputs, samples).values()))
    still = [n for n, p in model.named_parameters() if p.requires_grad and torch.equal(p, before[n])]
    assert still == []


@pytest.mark.parametrize('name', ALL)
def test_gradient_checkpointing_and_freezing(name):
    gradients = []
    x = torch.randn(1, 3, 112, 112)
    for with_cp in (False, True):
        if with_cp and not build(name).encoder.model.supports_gradient_checkpointing:
            with pytest.raises(ConfigError, match='no gradient checkpointing'):
                build(name, with_cp=True)
            return
        backbone = build(name, with_cp=with_cp, frozen_stages=1).train()
        for module in backbone.modules():  # stochastic depth would draw anew
            if 'drop' in type(module).__name__.lower():
                module.eval()
        sum(m.square().mean() for m in backbone(x)).backward()
        gradients.append({n: p.grad for n, p in backbone.named_parameters()})
    for key, plain in gradients[0].items():
        if backbone.layer_of(key) <= 1:
            assert plain is None
        elif plain is None:
            assert not dict(backbone.named_parameters())[key].requires_grad
        else:
            torch.testing.assert_close(plain, gradients[1][key])


@pytest.mark.parametrize('name', ['dinov2', 'swinv2', 'qwen2_5_vl'])
def test_the_first_blocks_are_recomputed_as_many_as_asked_for(name):
    backbone = build(name, with_cp=2).train()
    runs = {}
    for key, layer in backbone.linear_layers().items():
        block = backbone.layer_of(f'{key}.weight')
        layer.register_forward_pre_hook(lambda *_, key=key, block=block: runs.setdefault(block, []).append(key))
    sum(m.square().mean() for m in backbone(torch.randn(1, 3, 224, 224))).backward()
    assert {block: len(keys) / len(set(keys)) for block, keys in runs.items()} == {
        block: 2 if block <= 2 else 1 for block in range(1, backbone.num_blocks + 1)
    }
    with pytest.raises(ConfigError, match='with_cp 9 must be'):
        build(name, with_cp=9)


def test_inputs_become_what_the_encoder_was_trained_with():
    backbone = HFBackbone(TINY['dinov2'])
    white = backbone.scale + backbone.shift
    torch.testing.assert_close(
        white.flatten(), (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    )
    own = HFBackbone(TINY['dinov2'], mean=[0.1, 0.2, 0.3], std=[1.0, 1.0, 2.0])
    torch.testing.assert_close((own.shift - own.scale).flatten(), torch.tensor([-0.1, -0.2, -0.15]))
    assert HFBackbone(TINY['siglip']).scale.flatten().tolist() == [1, 1, 1]


@pytest.fixture(params=ALL)
def saved(request, tmp_path):
    """A folder as the hub has it: for Swin and the like a classifier's trunk, for the Qwen tower a whole model's."""
    backbone = build(request.param)
    if request.param == 'qwen2_5_vl':
        state = {f'model.visual.{n}': t.contiguous() for n, t in backbone.encoder.model.state_dict().items()}
        save_file(state | {'lm_head.weight': torch.zeros(2)}, tmp_path / 'model.safetensors')
        vision = backbone.encoder.model.config.to_dict()
        (tmp_path / 'config.json').write_text(json.dumps({'model_type': 'qwen2_5_vl', 'vision_config': vision}))
    elif hasattr(backbone.encoder, 'depths'):
        trunk = AutoModel.from_config(AutoConfig.for_model(**TINY[request.param]))
        trunk.save_pretrained(tmp_path)
    else:
        backbone.encoder.model.save_pretrained(tmp_path)
    return request.param, backbone, tmp_path


def test_pretrained_gives_the_same_encoder(saved):
    name, backbone, folder = saved
    loaded = HFBackbone(pretrained=folder).eval()
    loaded.init_weights()
    ours = dict(loaded.named_parameters())
    if name == 'qwen2_5_vl':
        expected = dict(backbone.named_parameters())
    elif hasattr(backbone.encoder, 'depths'):
        stored = load_file(folder / 'model.safetensors')
        block = next(
            k
            for k in stored
            if k.endswith('layernorm_before.weight') or k.endswith(('dwconv.weight', 'depthwise_conv.weight'))
        )
        mine = next(k for k in ours if k.endswith(block))
        assert torch.equal(ours[mine], stored[block])
        return
    else:
        expected = dict(backbone.named_parameters())
    for key, parameter in ours.items():
        assert torch.equal(parameter, expected[key]), key


def test_resolved_config_builds_the_same_without_the_weights(saved):
    _, backbone, folder = saved
    (folder / 'preprocessor_config.json').write_text(json.dumps(dict(image_mean=[0.3] * 3, image_std=[0.2] * 3)))
    resolved = HFBackbone.resolve(str(folder))
    again = HFBackbone(json.loads(json.dumps(resolved['config'])))
    shapes = {n: p.shape for n, p in again.named_parameters()}
    assert shapes == {n: p.shape for n, p in backbone.named_parameters()}
    assert again.out_channels == backbone.out_channels
    # RADIO normalises images itself, by values of its config.
    scale = 0.5 if backbone.encoder.model.config.model_type == 'radio' else 2.5
    torch.testing.assert_close(again.scale.flatten(), torch.full((3,), scale))


def test_a_missing_tensor_is_named(saved):
    _, _, folder = saved
    tensors = load_file(folder / 'model.safetensors')
    lost = next(key for key in tensors if 'norm' in key and ('.1.' in key))
    del tensors[lost]
    save_file(tensors, folder / 'model.safetensors', metadata=dict(format='pt'))
    backbone = HFBackbone(pretrained=folder)
    with pytest.raises(
        WeightsError, match=r'missing: .*' + lost.split('.', 3)[-1].split('.', 1)[-1].replace('.', r'\.')
    ):
        backbone.init_weights()


def test_the_vision_part_of_a_whole_siglip(tmp_path):
    from transformers import SiglipConfig, SiglipModel

    text = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, vocab_size=50)
    vision = {key: value for key, value in TINY['siglip'].items() if key != 'model_type'}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    model.save_pretrained(tmp_path)
    backbone = HFBackbone(pretrained=tmp_path)
    backbone.init_weights()
    stored = load_file(tmp_path / 'model.safetensors')
    ours = dict(backbone.named_parameters())
    key = next(k for k in ours if k.endswith('layers.3.mlp.fc1.weight'))
    assert torch.equal(ours[key], stored['vision_model.encoder.layers.3.mlp.fc1.weight'])


def test_what_cannot_be_built_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no encoder of model_type 'bert'; it has dinov2"):
        HFBackbone(dict(model_type='bert'))
    with pytest.raises(ConfigError, match='needs `pretrained`, or a `config`'):
        HFBackbone()
    (tmp_path / 'config.json').write_text(json.dumps({'model_type': 'bert'}))
    with pytest.raises(WeightsError, match="model_type 'bert'"):
        HFBackbone(pretrained=tmp_path)


@pytest.mark.parametrize('name', ['dinov2', 'beit', 'vit_mae', 'clip', 'sam', 'radio', 'dinov3_convnext'])
def test_an_image_of_any_size_is_padded(name):
    backbone = HFBackbone(TINY[name]).eval()
    image = torch.randn(1, 3, 40, 57)
    divisor = backbone.size_divisor
    with torch.no_grad():
        maps, padded = backbone(image), backbone(F.pad(image, (0, -57 % divisor, 0, -40 % divisor)))
    for level, whole, stride in zip(maps, padded, backbone.strides, strict=True):
        covered = (-(-40 // stride), -(-57 // stride))
        assert torch.equal(level, whole[..., : covered[0], : covered[1]])
        assert level.shape[-2:] == covered
