"""An encoder that was written is read by ``pretrained`` of its class."""

import json

import pytest
import torch

from aurora_mm.errors import OutputError
from aurora_mm.models.backbones import EfficientNetLite, HFBackbone, Qwen3VLBackbone
from tests.fixtures.checkpoints import SIZES
from tests.models.backbones.hf_configs import TINY


def shaken(encoder):
    """The encoder with other weights than it was built with."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, tensor in encoder.state_dict(keep_vars=True).items():
            if isinstance(tensor, torch.nn.Parameter) or 'running' in name:
                tensor += torch.rand(tensor.shape) * 0.1
    return encoder.eval()


def assert_same_maps(encoder, again):
    again.init_weights()
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        for ours, expected in zip(again.eval()(x), encoder(x), strict=True):
            torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-6)


def test_qwen3_vl(tmp_path):
    encoder = shaken(Qwen3VLBackbone(SIZES, out_indices=[0, 2]))
    encoder.save_pretrained(tmp_path / 'encoder')
    assert_same_maps(encoder, Qwen3VLBackbone(pretrained=tmp_path / 'encoder', out_indices=[0, 2]))
    assert Qwen3VLBackbone.resolve(str(tmp_path / 'encoder'))['preset'] == SIZES | dict(
        depth=3, hidden_act='gelu_pytorch_tanh'
    )


@pytest.mark.parametrize('name', TINY)
def test_hf(name, tmp_path):
    # RADIO normalises images itself.
    stats = {} if name == 'radio' else dict(mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6])
    encoder = shaken(HFBackbone(TINY[name], **stats))
    encoder.save_pretrained(tmp_path / 'encoder')
    assert_same_maps(encoder, HFBackbone(pretrained=tmp_path / 'encoder'))
    written = json.loads((tmp_path / 'encoder' / 'preprocessor_config.json').read_text())
    assert written['image_mean'] == stats.get('mean', [0.0] * 3)
    assert written['image_std'] == stats.get('std', [1.0] * 3)


def test_efficientnet_lite(tmp_path):
    encoder = shaken(EfficientNetLite('lite0'))
    encoder.save_pretrained(tmp_path / 'encoder')
    assert_same_maps(encoder, EfficientNetLite('lite0', pretrained=tmp_path / 'encoder'))


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / 'kept').write_text('x')
    for encoder in (Qwen3VLBackbone(SIZES), HFBackbone(TINY['vit']), EfficientNetLite('lite0')):
        with pytest.raises(OutputError):
            encoder.save_pretrained(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ['kept']
