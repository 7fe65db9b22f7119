"""Published weights compute in HFBackbone what they compute in their authors' code."""

import json
import pickle
import re

import pytest
import torch
from mmengine.optim import OptimWrapper
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from aurora_mm.errors import AuroraError, ConfigError, DataError, OutputError, WeightsError
from aurora_mm.models import MultiTaskModel
from aurora_mm.models.backbones import HFBackbone
from aurora_mm.registry import WEIGHT_FORMATS
from aurora_mm.weight_formats import convert_weights
from tests.fixtures.limited_files import limited_files
from tests.models.conftest import CLS, SEG, make_image
from tests.weight_formats import published
from tests.weight_formats.published import DEPTH, GRID, MLP, PATCH, SIZE, WIDTH

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
CLIP = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])


def tinyusfm_tokens(t, x, heads):
    inside = {name.removeprefix('model.'): tensor for name, tensor in t.items()}
    return published.timm_vit_tokens(inside, x, heads)


def mae_tokens(t, x, heads):
    return published.timm_vit_tokens(t['model'], x, heads)


FORMATS = {
    'usfm': (published.usfm, published.usfm_tokens, IMAGENET, {}),
    'tinyusfm': (published.tinyusfm, tinyusfm_tokens, IMAGENET, dict(heads=3)),
    'fetalclip': (published.fetalclip, published.fetalclip_tokens, CLIP, dict(heads=3)),
    'mae': (published.mae, mae_tokens, IMAGENET, dict(heads=3)),
}


def write(content, path):
    torch.save(content, path)
    return path


def converted(kind, tmp_path, content=None, **options):
    make, _, _, declared = FORMATS[kind]
    source = write(make() if content is None else content, tmp_path / 'published.pth')
    convert_weights(source, tmp_path / 'out', kind, **declared | options)
    return tmp_path / 'out'


def maps_of(folder, x):
    backbone = HFBackbone(pretrained=folder, out_indices=range(DEPTH)).eval()
    backbone.init_weights()
    with torch.no_grad():
        return backbone(x)


def normalised(x, stats):
    """RGB in [-1, 1] as the authors' loaders normalise it."""
    mean, std = (torch.tensor(values)[:, None, None] for values in stats)
    return ((x + 1) / 2 - mean) / std


def assert_maps(maps, tokens):
    assert len(maps) == len(tokens) == DEPTH
    for ours, expected in zip(maps, tokens, strict=True):
        torch.testing.assert_close(ours.flatten(2).transpose(1, 2), expected, atol=1e-5, rtol=1e-5)


def test_every_format_is_tested():
    WEIGHT_FORMATS.import_from_location()
    assert set(WEIGHT_FORMATS.module_dict) == set(FORMATS)


@pytest.mark.parametrize('size', [(SIZE, SIZE), (SIZE + 3 * PATCH, SIZE + PATCH)], ids=['trained size', 'another size'])
@pytest.mark.parametrize('kind', FORMATS)
def test_maps_are_those_of_the_published_layout(kind, size, tmp_path):
    make, tokens_of, stats, _ = FORMATS[kind]
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        expected = tokens_of(make(), normalised(x, stats), 3)
    assert_maps(maps_of(converted(kind, tmp_path), x), expected)


@pytest.mark.parametrize('kind', FORMATS)
def test_transformers_takes_every_tensor_of_the_folder(kind, tmp_path):
    folder = converted(kind, tmp_path)
    assert sorted(file.name for file in folder.iterdir()) == [
        'config.json',
        'model.safetensors',
        'preprocessor_config.json',
    ]
    _, info = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not info['unexpected_keys']
    assert not info['mismatched_keys']
    # Poolers are no part of the published encoders.
    assert [key for key in info['missing_keys'] if not key.startswith('pooler.dense')] == []
    config = json.loads((folder / 'config.json').read_text())
    assert config['image_size'] == SIZE
    assert (config['hidden_size'], config['intermediate_size'], config['patch_size']) == (WIDTH, MLP, PATCH)
    images = json.loads((folder / 'preprocessor_config.json').read_text())
    assert (images['image_mean'], images['image_std']) == FORMATS[kind][2]


def test_the_published_sizes_need_no_arguments():
    """Heads of the encoders that there are: TinyUSFM, MAE base, large and huge, ViT-L/14."""
    shapes = {}
    for kind, width, heads in (
        ('tinyusfm', 192, 12),
        ('mae', 768, 12),
        ('mae', 1024, 16),
        ('mae', 1280, 16),
        ('fetalclip', 1024, 16),
    ):
        assert WEIGHT_FORMATS.get(kind)().find_heads(shapes, width) == heads


def test_usfm_files_that_read_the_class_token_have_another_last_norm(tmp_path):
    content = published.usfm(last_norm='norm')
    x = torch.rand(1, 3, SIZE, SIZE) * 2 - 1
    with torch.no_grad():
        expected = published.usfm_tokens(content, normalised(x, IMAGENET), 3, 'norm')
    assert_maps(maps_of(converted('usfm', tmp_path, content), x), expected)


def prefixed(prefix, content):
    return {f'{prefix}{name}': tensor for name, tensor in content.items()}


@pytest.mark.parametrize(
    ('kind', 'content'),
    [
        ('usfm', {'model': prefixed('encoder.', published.usfm()) | {'decoder.0.weight': torch.zeros(2)}}),
        ('usfm', prefixed('transformer.', published.usfm())),
        ('tinyusfm', published.timm_vit()),
        ('tinyusfm', prefixed('module.', published.timm_vit())),
        ('tinyusfm', prefixed('module.model.', published.timm_vit())),
        ('fetalclip', {'epoch': 3, 'state_dict': prefixed('module.', published.fetalclip())}),
        ('mae', published.mae()['model']),
        ('mae', {'model': prefixed('module.', published.mae()['model']), 'epoch': 4}),
    ],
)
def test_the_ways_in_which_files_are_wrapped(kind, content, tmp_path):
    plain, wrapped = tmp_path / 'plain', tmp_path / 'wrapped'
    plain.mkdir()
    wrapped.mkdir()
    expected = load_file(converted(kind, plain) / 'model.safetensors')
    found = load_file(converted(kind, wrapped, content) / 'model.safetensors')
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_safetensors_and_half_precision(tmp_path):
    content = {name: t.half() if t.is_floating_point() else t for name, t in published.usfm().items()}
    save_file(content, tmp_path / 'usfm.safetensors')
    convert_weights(tmp_path / 'usfm.safetensors', tmp_path / 'out', 'usfm')
    written = load_file(tmp_path / 'out' / 'model.safetensors')
    assert {tensor.dtype for tensor in written.values()} == {torch.float16}
    backbone = HFBackbone(pretrained=tmp_path / 'out')
    backbone.init_weights()
    assert {parameter.dtype for parameter in backbone.parameters()} == {torch.float32}


def test_what_tensors_do_not_tell_can_be_said_otherwise(tmp_path):
    stats = ([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    folder = converted('fetalclip', tmp_path, heads=2, act='quick_gelu', mean=stats[0], std=stats[1])
    x = torch.rand(1, 3, SIZE, SIZE) * 2 - 1
    with torch.no_grad():
        expected = published.fetalclip_tokens(
            published.fetalclip(), normalised(x, stats), 2, act=lambda h: h * torch.sigmoid(1.702 * h)
        )
    assert_maps(maps_of(folder, x), expected)
    other = tmp_path / 'other'
    other.mkdir()
    config = json.loads((converted('mae', other, eps=1e-3) / 'config.json').read_text())
    assert config['layer_norm_eps'] == 1e-3


NORM = 'blocks.2.norm1.weight'


@pytest.mark.parametrize(
    ('change', 'told'),
    [
        (lambda t: t.pop(NORM), f'missing: {NORM}'),
        (lambda t: t.pop('patch_embed.proj.weight'), 'it has no tensor patch_embed.proj.weight; it has cls_token'),
        (lambda t: t.pop('blocks.0.mlp.fc1.weight'), 'missing: blocks.0.mlp.fc1.weight'),
        (lambda t: t.update({NORM: torch.zeros(5)}), rf'{NORM} is (5,) and not ({WIDTH},)'),
        (lambda t: t.update({NORM: torch.zeros(WIDTH).long()}), f'of whole numbers: {NORM}'),
        (lambda t: t.update({NORM: torch.full((WIDTH,), torch.nan)}), f'not finite: {NORM}'),
        (lambda t: t[NORM].fill_(torch.inf), f'not finite: {NORM}'),
        (
            lambda t: t.update({'blocks.999999999.norm1.weight': torch.zeros(WIDTH)}),
            'missing: tensors of most of its 1000000000 blocks',
        ),
        (lambda t: t.update({'odd.weight': torch.zeros(1)}), 'unknown: odd.weight'),
        (lambda t: t.update({'blocks.9.norm1.weight': torch.zeros(WIDTH)}), 'missing: blocks.4.attn.qkv.weight'),
        (lambda t: t.update({'patch_embed.proj.weight': torch.zeros(WIDTH, 8)}), 'has not 4 dimensions'),
        (
            lambda t: t.update({'patch_embed.proj.weight': torch.zeros(WIDTH, 1, PATCH, PATCH)}),
            f'patch_embed.proj.weight is ({WIDTH}, 1, {PATCH}, {PATCH}) and not ({WIDTH}, 3',
        ),
        (lambda t: t.update(pos_embed=torch.zeros(1, 12, WIDTH)), 'not those of a square grid'),
        (lambda t: t.update(pos_embed=torch.zeros(1, 1, WIDTH)), 'not those of a square grid'),
    ],
)
def test_a_tensor_that_is_missing_misshaped_or_unknown_is_named(change, told, tmp_path):
    content = published.mae()
    change(content['model'])
    with pytest.raises(WeightsError, match=re.escape(told)) as raised:
        converted('mae', tmp_path, content)
    assert f'{tmp_path / "published.pth"} is no file of mae; ' in str(raised.value)
    assert [file.name for file in tmp_path.iterdir()] == ['published.pth']


def test_many_faults_are_one_short_message(tmp_path):
    content = published.mae()['model']
    kept = ('cls_token', 'pos_embed', 'patch_embed.proj.weight', 'blocks.0.mlp.fc1.weight')
    with pytest.raises(WeightsError, match=r'missing: .* and 9 more$'):
        converted('mae', tmp_path, {name: content[name] for name in kept})


def test_tensors_beside_the_encoder_must_be_known_ones(tmp_path):
    with pytest.raises(WeightsError, match=r'unknown: odd\.weight'):
        converted('fetalclip', tmp_path, published.fetalclip() | {'odd.weight': torch.zeros(1)})


@pytest.mark.parametrize('columns', [1, 50])
def test_a_table_of_relative_positions_of_no_square(columns, tmp_path):
    content = published.usfm()
    content['rel_pos_bias.relative_position_bias_table'] = torch.zeros(columns, 3)
    with pytest.raises(WeightsError, match='not those of a square grid'):
        converted('usfm', tmp_path, content)
    assert GRID == 4


@pytest.mark.parametrize(
    ('options', 'told'),
    [
        (dict(heads=None), '24 wide: --heads'),
        (dict(heads=5), '5 attention heads do not divide 24'),
        (dict(heads=0), '0 attention heads do not divide'),
        (dict(mean=[0.5]), r'mean \[0.5\] must be three numbers'),
        (dict(std=[0.5, 0, 0.5]), 'must be above 0'),
        (dict(eps=0.0), 'must be above 0'),
        (dict(eps=float('nan')), 'must be above 0'),
        (dict(std=[0.5, float('inf'), 0.5]), 'must be above 0'),
        (dict(mean=[0.5, float('nan'), 0.5]), 'mean .* finite'),
        (dict(act='sine'), "transformers has no activation 'sine'; it has gelu"),
    ],
)
def test_arguments_that_do_not_fit(options, told, tmp_path):
    with pytest.raises(ConfigError, match=told):
        converted('tinyusfm', tmp_path, **options)
    assert not (tmp_path / 'out').exists()


def test_an_unknown_format_and_a_folder_that_is_there(tmp_path):
    source = write(published.usfm(), tmp_path / 'published.pth')
    with pytest.raises(ConfigError, match=r"no format 'sam'.*fetalclip, mae, tinyusfm, usfm"):
        convert_weights(source, tmp_path / 'out', 'sam')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'kept').write_text('x')
    with pytest.raises(DataError, match='stands in the way'):
        convert_weights(source, tmp_path / 'out', 'usfm')
    assert [file.name for file in (tmp_path / 'out').iterdir()] == ['kept']


@pytest.mark.parametrize(
    ('content', 'told'),
    [
        ([1, 2], 'it holds a list'),
        ({'model': {'a': 1}}, 'a of it are no tensors'),
        ({}, 'it is empty'),
        ({'epoch': 3, **published.usfm()}, 'epoch of it are no tensors'),
    ],
)
def test_files_that_hold_something_else(content, told, tmp_path):
    with pytest.raises(WeightsError, match=told):
        converted('usfm', tmp_path, content)


def test_damaged_and_missing_files(tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'no zip')
    (tmp_path / 'a.safetensors').write_bytes(b'no header')
    for name in ('a.pth', 'a.safetensors', 'missing.pth', 'missing.safetensors'):
        with pytest.raises(WeightsError, match=name):
            convert_weights(tmp_path / name, tmp_path / 'out', 'usfm')
    assert not (tmp_path / 'out').exists()


class Runs:
    def __reduce__(self):
        return print, ('run',)


def test_nothing_of_a_file_is_executed(tmp_path, capsys):
    (tmp_path / 'a.pth').write_bytes(pickle.dumps({'model': Runs()}))
    with pytest.raises(WeightsError, match='can run any code'):
        convert_weights(tmp_path / 'a.pth', tmp_path / 'out', 'mae')
    assert 'run' not in capsys.readouterr().out


def test_a_failed_write_leaves_nothing(tmp_path):
    """safetensors has an error of its own for a disk that takes no more."""
    source = write(published.usfm(), tmp_path / 'published.pth')
    with limited_files(1000), pytest.raises(OutputError, match=r'cannot write .*out: .*File too large'):
        convert_weights(source, tmp_path / 'out', 'usfm')
    assert [file.name for file in tmp_path.iterdir()] == ['published.pth']
    assert issubclass(OutputError, AuroraError)


@pytest.mark.parametrize('kind', FORMATS)
def test_trains_a_step(kind, tmp_path):
    torch.manual_seed(0)
    folder = converted(kind, tmp_path)
    model = MultiTaskModel(
        tasks=[task.to_config() for task in (SEG, CLS)],
        backbone=dict(type='aurora_mm.HFBackbone', pretrained=str(folder)),
        neck=dict(pyramid=dict(type='aurora_mm.TokenPyramid', out_channels=8, scales=(2, 1, 1 / 2, 1 / 4))),
        heads=dict(
            segmentation=dict(type='aurora_mm.SegmentationHead', channels=8),
            classification=dict(type='aurora_mm.ClassificationHead', hidden_channels=8),
        ),
    )
    model.init_weights()
    before = {n: p.clone() for n, p in model.backbone.named_parameters() if p.requires_grad}
    inputs, samples = torch.randn(2, 3, 64, 64), [make_image(task, size=64) for task in (SEG, CLS)]
    OptimWrapper(torch.optim.AdamW(model.parameters(), 1e-3)).update_params(sum(model.loss(inputs, samples).values()))
    assert [n for n, p in model.backbone.named_parameters() if p.requires_grad and torch.equal(p, before[n])] == []


def test_the_command(tmp_path, capsys):
    from aurora_mm.cli.main import main

    source = write(published.mae(), tmp_path / 'published.pth')
    main(['convert-weights', str(source), str(tmp_path / 'out'), '--as', 'mae', '--heads', '3'])
    told = capsys.readouterr().out
    assert '4 blocks of 24 channels and 3 heads, patches of 8 px; 10 tensors of the file are left out' in told
    assert 'CC BY-NC 4.0' in told
    assert HFBackbone(pretrained=tmp_path / 'out').num_blocks == DEPTH
    with pytest.raises(SystemExit) as stopped:
        main(['convert-weights', str(source), str(tmp_path / 'again'), '--as', 'mae'])
    assert stopped.value.code == 2
    assert '--heads' in capsys.readouterr().err
