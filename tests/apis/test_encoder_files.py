"""Small files out of large ones."""

import json

import pytest
import torch
from mmengine.config import Config
from safetensors import safe_open
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

from aurora_mm.apis import encoder_files, extract_encoder, merge_checkpoint
from aurora_mm.errors import ConfigError, OutputError, WeightsError
from aurora_mm.models.backbones import HFBackbone, Qwen3VLBackbone
from tests.models.backbones.reference import SIZES, make_reference, save_sharded


@pytest.fixture(scope='module')
def reference():
    return make_reference()


@pytest.fixture
def whole(reference, tmp_path):
    (tmp_path / 'whole').mkdir()
    return save_sharded(reference.to(torch.bfloat16), tmp_path / 'whole')


def test_the_folder_loads_here_and_in_transformers(reference, whole, tmp_path):
    size = extract_encoder(whole, tmp_path / 'encoder')
    assert sorted(file.name for file in (tmp_path / 'encoder').iterdir()) == ['config.json', 'model.safetensors']
    assert size == sum(p.nbytes for p in reference.parameters())
    with safe_open(tmp_path / 'encoder' / 'model.safetensors', 'pt') as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118
    ours, from_whole = (Qwen3VLBackbone(pretrained=source) for source in (tmp_path / 'encoder', whole))
    for backbone in (ours, from_whole):
        backbone.init_weights()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), from_whole.parameters(), strict=True))
    theirs, info = Qwen3VLVisionModel.from_pretrained(tmp_path / 'encoder', output_loading_info=True)
    assert not info['missing_keys']
    assert not info['unexpected_keys']
    state = reference.state_dict()
    assert all(torch.equal(tensor, state[name].to(tensor.dtype)) for name, tensor in theirs.state_dict().items())


def test_qwen2_5_vl_too(tmp_path):
    from safetensors.torch import save_file

    from tests.models.backbones.hf_configs import TINY

    tower = HFBackbone(TINY['qwen2_5_vl'])
    model = tower.encoder.model
    (tmp_path / 'whole').mkdir()
    tensors = {f'visual.{name}': tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors | {'lm_head.weight': torch.zeros(3)}, tmp_path / 'whole' / 'model.safetensors')
    config = dict(model_type='qwen2_5_vl', vision_config=model.config.to_dict())
    (tmp_path / 'whole' / 'config.json').write_text(json.dumps(config))
    extract_encoder(tmp_path / 'whole', tmp_path / 'encoder')
    loaded = HFBackbone(pretrained=tmp_path / 'encoder')
    loaded.init_weights()
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), tower.parameters(), strict=True))


def test_a_failed_write_leaves_nothing(whole, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError('no space left on device')

    monkeypatch.setattr(encoder_files, 'save_file', full)
    with pytest.raises(OutputError, match='no space'):
        extract_encoder(whole, tmp_path / 'encoder')
    assert [file.name for file in tmp_path.iterdir()] == ['whole']


def test_what_is_there_is_not_overwritten_and_another_model_refused(whole, tmp_path):
    with pytest.raises(ConfigError, match='is there already'):
        extract_encoder(tmp_path / 'whole', whole)
    (whole / 'config.json').write_text(json.dumps({'model_type': 'llava'}))
    with pytest.raises(WeightsError, match="'llava' encoder"):
        extract_encoder(whole, tmp_path / 'encoder')


def checkpoint(folder, lora):
    backbone = Qwen3VLBackbone(SIZES, lora=lora)
    for name, parameter in backbone.named_parameters():
        if '.lora_' in name:
            torch.nn.init.normal_(parameter, std=0.1)
    cfg = Config(dict(model=dict(backbone=dict(type='Qwen3VLBackbone', preset=SIZES, lora=lora))))
    state = {f'backbone.{name}': tensor for name, tensor in backbone.state_dict().items()}
    content = dict(
        meta=dict(cfg=cfg.pretty_text, dataset_meta=dict(tasks=[])),
        state_dict=state | {'heads.weight': torch.ones(2)},
        optimizer={},
    )
    torch.save(content, folder / 'epoch_1.pth')
    return backbone.eval(), folder / 'epoch_1.pth'


def test_a_merged_checkpoint_is_that_of_a_plain_encoder_with_the_same_output(tmp_path):
    adapted, file = checkpoint(tmp_path, dict(r=2))
    assert merge_checkpoint(file, tmp_path / 'merged.pth') == 24
    content = torch.load(tmp_path / 'merged.pth')
    cfg = Config.fromstring(content['meta']['cfg'], file_format='.py')
    assert cfg.model.backbone.lora is None
    assert 'heads.weight' in content['state_dict']
    plain = Qwen3VLBackbone(SIZES).eval()
    state = {n.removeprefix('backbone.'): t for n, t in content['state_dict'].items() if n.startswith('backbone.')}
    plain.load_state_dict(state)
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        for ours, expected in zip(plain(x), adapted(x), strict=True):
            torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_a_checkpoint_without_lora_has_nothing_to_merge(tmp_path):
    _, file = checkpoint(tmp_path, None)
    with pytest.raises(WeightsError, match='without LoRA'):
        merge_checkpoint(file, tmp_path / 'merged.pth')
    with pytest.raises(WeightsError, match='no checkpoint at'):
        merge_checkpoint(tmp_path / 'absent.pth', tmp_path / 'merged.pth')
