"""Masked image modelling: what the encoder sees, and what counts in the loss."""

import copy

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.structures import BaseDataElement

from aurora_mm.errors import ConfigError
from aurora_mm.models import MaskedImageModel
from aurora_mm.models.masked_image_model import masked_l1, patch_embedding_of, spread
from tests.fixtures.checkpoints import SIZES
from tests.models.backbones.hf_configs import TINY

# Encoders with a token in place of a masked patch: all but those whose first layer is no 2-D convolution of patches.
TOKENS = [name for name in TINY if name not in ('siglip2', 'radio', 'qwen2_5_vl')]
SIZE = 224


def config_of(name):
    if name == 'qwen3_vl':
        return dict(type='Qwen3VLBackbone', preset=SIZES)
    if name == 'efficientnet':
        return dict(type='EfficientNetLite', norm_eval=False)
    if name == 'resnet':
        return dict(type='mmdet.ResNet', depth=18)
    return dict(type='HFBackbone', config=TINY[name])


def build(name):
    torch.manual_seed(0)
    model = MaskedImageModel(config_of(name))
    model.init_weights()
    torch.nn.init.normal_(model.mask_token)
    return model.eval()


def masks_of(name):
    """Cells of 32 pixels, or of 28 for patches of 14; the first is masked, the second not."""
    cells = 8 if name in ('dinov2', 'qwen2_5_vl') else 7
    masks = torch.rand(2, cells, cells, generator=torch.Generator().manual_seed(0)) < 0.6
    masks[:, 0, 0], masks[:, 0, 1] = True, False
    return masks


@pytest.mark.parametrize('name', ['qwen3_vl', 'efficientnet', 'resnet', *TINY])
def test_masked_pixels_are_not_seen_and_others_are(name):
    model, masks = build(name), masks_of(name)
    assert (patch_embedding_of(model.backbone) is not None) == (name in ('qwen3_vl', *TOKENS))
    cell = SIZE // masks.shape[1]
    x = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        before = model.predict(x, masks)
        assert before.shape == x.shape
        changed = torch.where(spread(masks, (SIZE, SIZE))[:, None], torch.randn(1), x)
        torch.testing.assert_close(model.predict(changed, masks), before)
        changed = x.clone()
        changed[:, :, :cell, cell : 2 * cell] += 1
        assert not torch.equal(model.predict(changed, masks), before)
        torch.nn.init.normal_(model.mask_token)
        assert not torch.equal(model.predict(x, masks), before)


def test_without_masked_cells_the_encoder_sees_the_image():
    model = build('qwen3_vl')
    x = torch.randn(1, 3, 64, 96)
    seen = []
    model.backbone.register_forward_hook(lambda _m, _i, maps: seen.append(maps[-1]))
    with torch.no_grad():
        model.predict(x, torch.zeros(1, 2, 3, dtype=torch.bool))
        torch.testing.assert_close(seen[0], model.backbone(x)[-1])


def test_a_pixel_is_predicted_at_its_place():
    """The prediction layer gives the pixels of its own cell: 16 x 16 in raster order."""
    model = build('qwen3_vl')
    with torch.no_grad():
        model.predictor.weight.zero_()
        model.predictor.bias.copy_(torch.arange(3 * 16 * 16.0))
        pixels = model.predict(torch.zeros(1, 3, 32, 64), torch.zeros(1, 1, 2, dtype=torch.bool))
    expected = torch.arange(3 * 16 * 16.0).view(3, 16, 16)
    assert torch.equal(pixels[0, :, 16:, 32:48], expected)


def test_the_loss_by_hand():
    """Two cells of 2 x 2 pixels: |0.5| in the masked one, a large error in the other, which does not count."""
    target = torch.zeros(1, 3, 2, 4)
    predicted = torch.full((1, 3, 2, 4), 0.5)
    predicted[..., 2:] = 100
    masks = torch.tensor([[[True, False]]])
    assert masked_l1(predicted, target, masks).item() == 0.5
    assert masked_l1(predicted, target, ~masks).item() == 100
    assert masked_l1(predicted, target, torch.zeros_like(masks)).item() == 0


@pytest.mark.parametrize('name', ['qwen3_vl', 'efficientnet', 'vit', 'beit', 'swin'])
def test_training_lowers_the_loss_and_moves_every_weight(name):
    model = build(name).train()
    for module in model.modules():
        if 'drop' in type(module).__name__.lower():
            module.eval()
    x = torch.rand(2, 3, 1, 1) - 0.5 + torch.randn(2, 3, SIZE, SIZE) * 0.1
    samples = [BaseDataElement(mask=mask) for mask in masks_of(name)]
    before = {n: p.clone() for n, p in model.named_parameters() if p.requires_grad}
    wrapper = OptimWrapper(torch.optim.AdamW(model.parameters(), 1e-3))
    losses = []
    for _ in range(4):
        loss = model(x, samples, mode='loss')['loss_pixels']
        losses.append(loss.item())
        wrapper.update_params(loss)
    assert losses[-1] < losses[0]
    still = [n for n, p in model.named_parameters() if p.requires_grad and torch.equal(p, before[n])]
    assert [n for n in still if 'hidden_states_norms' not in n] == []  # norms of the maps that are not read


def test_a_copy_has_a_token_of_its_own():
    """As the model that EMAHook averages."""
    model = build('qwen3_vl')
    other = copy.deepcopy(model)
    x, masks = torch.randn(1, 3, 64, 64), torch.ones(1, 2, 2, dtype=torch.bool)
    with torch.no_grad():
        torch.nn.init.normal_(other.mask_token)
        assert not torch.allclose(model.predict(x, masks), other.predict(x, masks), atol=1e-5)
    assert not model.backbone.patch_embed.proj._forward_hooks


def test_cells_that_do_not_fit_the_patches():
    model = build('dinov2')
    with pytest.raises(ConfigError, match=r'7 x 7 masked cells do not divide .* 16 x 16 patches'):
        model.predict(torch.zeros(1, 3, SIZE, SIZE), torch.zeros(1, 7, 7, dtype=torch.bool))


def test_a_backbone_that_is_no_config():
    with pytest.raises(ConfigError, match=r'model\.backbone'):
        MaskedImageModel(backbone='Qwen3VLBackbone')
