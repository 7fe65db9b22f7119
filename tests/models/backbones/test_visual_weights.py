"""Which files and tensors of a checkpoint are read, and what is said when they do not fit."""

import json
import shutil

import pytest
import torch
from huggingface_hub.errors import EntryNotFoundError
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from aurora_mm.errors import WeightsError
from aurora_mm.models.backbones import Qwen3VLBackbone, visual_weights
from tests.models.backbones.reference import save_sharded


def build(source, **kwargs):
    backbone = Qwen3VLBackbone(pretrained=source, **kwargs).eval()
    backbone.init_weights()
    return backbone


def assert_same(one, other):
    for (name, a), b in zip(one.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize('prefix', ['model.visual.', 'visual.'])
def test_every_layout_gives_the_same_encoder(reference, folder, tmp_path, prefix):
    assert_same(build(save_sharded(reference, tmp_path, prefix)), build(folder))


def test_a_whole_model_as_transformers_saves_it(tmp_path):
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    vision = dict(depth=2, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
    rope = dict(mrope_section=[2, 3, 3], rope_type='default', mrope_interleaved=True)
    text = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, head_dim=16)
    config = Qwen3VLConfig(
        vision_config=vision | dict(out_hidden_size=32, deepstack_visual_indexes=[0]),
        text_config=text | dict(num_key_value_heads=1, vocab_size=100, rope_scaling=rope),
    )
    model = Qwen3VLForConditionalGeneration(config)
    model.save_pretrained(tmp_path, max_shard_size='100KB')
    assert len(list(tmp_path.glob('*.safetensors'))) > 1
    backbone = build(tmp_path)
    theirs = model.model.visual.state_dict()
    for name, parameter in backbone.named_parameters():
        expected = theirs[name].sum(dim=2) if name == visual_weights.ANCHOR else theirs[name]
        assert torch.equal(parameter, expected), name


def test_on_the_hub_only_config_index_and_visual_shards_are_downloaded(sharded, folder, monkeypatch):
    asked = []

    def download(repo_id, filename):
        assert repo_id == 'Qwen/Qwen3-VL-9B'
        asked.append(filename)
        if not (sharded / filename).is_file():
            raise EntryNotFoundError(filename)
        return str(sharded / filename)

    monkeypatch.setattr(visual_weights, 'hf_hub_download', download)
    assert_same(build('Qwen/Qwen3-VL-9B'), build(folder))
    assert sorted(set(asked)) == [
        'config.json',
        'model-1.safetensors',
        'model-2.safetensors',
        'model.safetensors.index.json',
    ]


def test_a_hub_that_cannot_be_reached_says_so(monkeypatch):
    def download(repo_id, filename):
        raise OSError('no route to host\nand more')

    monkeypatch.setattr(visual_weights, 'hf_hub_download', download)
    with pytest.raises(WeightsError, match=r"config\.json of 'Qwen/Qwen3-VL-9B' \(no route to host\)"):
        Qwen3VLBackbone(pretrained='Qwen/Qwen3-VL-9B')


def test_no_other_tensor_is_read_and_few_stay_mapped(sharded, monkeypatch):
    read, opened = [], []

    class Spy:
        def __init__(self, path, framework):
            self.file = safe_open(path, framework)
            opened.append(path)

        def __enter__(self):
            self.file.__enter__()
            return self

        def __exit__(self, *args):
            return self.file.__exit__(*args)

        def get_slice(self, name):
            return self.file.get_slice(name)

        def get_tensor(self, name):
            read.append(name)
            return self.file.get_tensor(name)

    monkeypatch.setattr(visual_weights, 'safe_open', Spy)
    monkeypatch.setattr(visual_weights, '_REMAP_BYTES', 1)  # every tensor is larger
    backbone = build(sharded, out_indices=[0, 2])
    names = [f'model.visual.{name}' for name, _ in backbone.named_parameters()]
    assert sorted(read) == sorted(names)
    assert len(opened) == 2 + len(read)  # headers first, and then mapped anew for each tensor


def damaged(folder, tmp_path, change):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    tensors = load_file(tmp_path / 'model.safetensors')
    change(tensors)
    save_file(tensors, tmp_path / 'model.safetensors')
    return tmp_path


def test_missing_tensor_is_named(folder, tmp_path):
    source = damaged(folder, tmp_path, lambda t: t.pop('blocks.1.mlp.linear_fc1.bias'))
    with pytest.raises(WeightsError, match=r'missing: blocks\.1\.mlp\.linear_fc1\.bias'):
        build(source)


def test_misshaped_tensor_is_named_and_nothing_is_loaded(folder, tmp_path):
    source = damaged(folder, tmp_path, lambda t: t.update({'blocks.5.norm1.weight': torch.zeros(7)}))
    backbone = Qwen3VLBackbone(pretrained=source)
    before = {name: p.clone() for name, p in backbone.named_parameters()}
    with pytest.raises(WeightsError, match=r'blocks\.5\.norm1\.weight is \(7,\) and not \(48,\)'):
        backbone.init_weights()
    assert all(torch.equal(p, before[name]) for name, p in backbone.named_parameters())


def test_misshaped_patch_kernel_is_named(folder, tmp_path):
    source = damaged(folder, tmp_path, lambda t: t.update({visual_weights.ANCHOR: torch.zeros(48, 3, 2, 14, 14)}))
    with pytest.raises(WeightsError, match=r'proj\.weight is \(48, 3, 2, 14, 14\) and not \(48, 3, 2, 16, 16\)'):
        build(source)


def test_unknown_tensor_is_named(folder, tmp_path):
    source = damaged(folder, tmp_path, lambda t: t.update({'blocks.0.surprise': torch.zeros(7)}))
    with pytest.raises(WeightsError, match=r'unknown: blocks\.0\.surprise'):
        build(source)


def test_a_shard_cut_short_is_named(sharded, tmp_path):
    shutil.copytree(sharded, tmp_path, dirs_exist_ok=True)
    shard = tmp_path / 'model-2.safetensors'
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r'model-2\.safetensors is no whole safetensors file'):
        build(tmp_path)


def test_an_index_that_names_what_is_not_there(sharded, tmp_path):
    shutil.copytree(sharded, tmp_path, dirs_exist_ok=True)
    index = json.loads((tmp_path / 'model.safetensors.index.json').read_text())
    index['weight_map']['model.visual.blocks.0.ghost'] = 'model-1.safetensors'
    (tmp_path / 'model.safetensors.index.json').write_text(json.dumps(index))
    with pytest.raises(WeightsError, match=r'model-1\.safetensors has no tensor model\.visual\.blocks\.0\.ghost'):
        build(tmp_path)


def test_an_absent_shard_is_named(sharded, tmp_path):
    shutil.copytree(sharded, tmp_path, dirs_exist_ok=True)
    (tmp_path / 'model-2.safetensors').unlink()
    with pytest.raises(WeightsError, match=r'has no model-2\.safetensors'):
        build(tmp_path)


def test_a_checkpoint_without_an_encoder(tmp_path, folder):
    shutil.copy(folder / 'config.json', tmp_path)
    save_file({'model.layers.0.weight': torch.zeros(2)}, tmp_path / 'model.safetensors')
    with pytest.raises(WeightsError, match='has no visual encoder'):
        build(tmp_path)


def test_absent_weights_tell_where_to_get_them(tmp_path):
    with pytest.raises(WeightsError, match=r'hf download .* --pretrained none'):
        Qwen3VLBackbone(pretrained=tmp_path)


def test_another_model_is_refused(tmp_path):
    (tmp_path / 'config.json').write_text(json.dumps({'model_type': 'qwen2_5_vl'}))
    with pytest.raises(WeightsError, match='qwen2_5_vl'):
        Qwen3VLBackbone(pretrained=tmp_path)


def test_a_broken_config_is_named(tmp_path):
    (tmp_path / 'config.json').write_text('{')
    with pytest.raises(WeightsError, match=r'config\.json is no JSON'):
        Qwen3VLBackbone(pretrained=tmp_path)
