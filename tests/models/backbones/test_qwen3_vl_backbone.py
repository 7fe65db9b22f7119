"""The encoder against transformers' own."""

import copy
import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.model import ImgDataPreprocessor

from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones import Qwen3VLBackbone
from aurora_mm.models.backbones.base_encoder import check_taps
from aurora_mm.models.backbones.visual_weights import ANCHOR
from tests.models.backbones.reference import SIZES, flat_patches, transformers_maps

try:  # transformers 5 has one on torchvision and one on Pillow; transformers 4 has the latter under the plain name
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil as Processor
except ImportError:
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor as Processor


def build(source, **kwargs):
    backbone = Qwen3VLBackbone(pretrained=source, **kwargs).eval()
    backbone.init_weights()
    return backbone


@pytest.mark.parametrize('taps', [range(6), [0], [1, 4], [5]])
@pytest.mark.parametrize('size', [(64, 64), (96, 160), (160, 64)])
def test_maps_equal_transformers(reference, folder, size, taps):
    x = torch.randn(2, 3, *size)
    grid = torch.tensor([[1, size[0] // 16, size[1] // 16]] * 2)
    with torch.no_grad():
        maps = build(folder, out_indices=taps)(x)
    for ours, theirs in zip(maps, transformers_maps(reference, flat_patches(x), grid, taps), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def images():
    """A generated image, and a real one where there is one: BGR, 8 bits, sides multiples of 32."""
    rng = np.random.default_rng(0)
    yield pytest.param(rng.integers(0, 256, (96, 160, 3), dtype=np.uint8), id='generated')
    root = os.environ.get('AURORA_REAL_DATA')
    if not root:
        yield pytest.param(None, id='real', marks=pytest.mark.skip(reason='AURORA_REAL_DATA names no real images'))
        return
    index = sorted(Path(root).rglob('csv_files/*.csv'))[0]
    with index.open() as rows:
        file = index.parent / next(csv.DictReader(rows))['image_path']
    yield pytest.param(cv2.resize(cv2.imread(str(file)), (192, 128)), id='real')


@pytest.mark.parametrize('image', list(images()))
def test_an_image_gives_the_maps_that_transformers_gives_it_from_its_processor_on(reference, folder, image):
    """BGR pixels through MMEngine's preprocessor and ours, and RGB pixels through transformers' processor and model."""
    processor = Processor(
        patch_size=16,
        merge_size=2,
        temporal_patch_size=2,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        do_resize=False,
    )
    given = processor(images=[image[..., ::-1].copy()], return_tensors='pt')
    preprocessor = ImgDataPreprocessor(mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True, pad_size_divisor=32)
    x = preprocessor(dict(inputs=[torch.from_numpy(image).permute(2, 0, 1)]))['inputs']
    torch.testing.assert_close(flat_patches(x), given['pixel_values'], atol=1e-6, rtol=0)
    with torch.no_grad():
        maps = build(folder)(x)
    theirs = transformers_maps(reference, given['pixel_values'], given['image_grid_thw'], [0, 2, 3, 5])
    for ours, expected in zip(maps, theirs, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)


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
    assert check_taps(None, 24) == [0, 8, 15, 23]
    assert check_taps(None, 27) == [0, 9, 17, 26]


def maps_and_gradients(backbone, x):
    maps = backbone(x)
    sum(m.square().sum() for m in maps).backward()
    return maps, {name: p.grad for name, p in backbone.named_parameters()}


def test_gradients_equal_transformers(reference, folder):
    x = torch.randn(2, 3, 96, 160)
    taps = [0, 2, 3, 5]
    backbone = build(folder)
    _, ours = maps_and_gradients(backbone, x)
    theirs = copy.deepcopy(reference)
    grid = torch.tensor([[1, 6, 10]] * 2)
    sum(m.square().sum() for m in transformers_maps(theirs, flat_patches(x), grid, taps, grad=True)).backward()
    expected = {name: p.grad for name, p in theirs.named_parameters()}
    for name, gradient in ours.items():
        if name == ANCHOR:  # its two frames see the same image
            expected[name] = expected[name][:, :, 0]
        assert (gradient - expected[name]).norm() < 1e-4 * expected[name].norm(), name


@pytest.mark.parametrize('with_cp', [True, 2])
def test_gradient_checkpointing_gives_the_same_maps_and_gradients(with_cp):
    x = torch.randn(1, 3, 64, 64)
    results = []
    for recomputed in (False, with_cp):
        torch.manual_seed(1)
        results.append(maps_and_gradients(Qwen3VLBackbone(SIZES, with_cp=recomputed), x))
    (maps, gradients), (other_maps, other_gradients) = results
    torch.testing.assert_close(other_maps, maps)
    torch.testing.assert_close(other_gradients, gradients)


def test_the_first_blocks_are_recomputed_as_many_as_asked_for():
    backbone = Qwen3VLBackbone(SIZES, with_cp=2)
    runs = [0] * 6
    for i, block in enumerate(backbone.blocks):
        block.attn.register_forward_pre_hook(lambda *_, i=i: runs.__setitem__(i, runs[i] + 1))
    maps_and_gradients(backbone, torch.randn(1, 3, 64, 64))
    assert runs == [2, 2, 1, 1, 1, 1]


def test_each_recomputed_block_keeps_less_for_the_backward_pass():
    def kept_bytes(with_cp):
        kept = {}

        def note(tensor):
            kept[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        torch.manual_seed(0)
        backbone = Qwen3VLBackbone(SIZES, with_cp=with_cp)
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            backbone(torch.randn(1, 3, 128, 128))
        for parameter in backbone.parameters():
            kept.pop(parameter.untyped_storage().data_ptr(), None)
        return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())

    kept = [kept_bytes(with_cp) for with_cp in (0, 2, 4, True)]
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] < kept[0] / 4
    assert kept_bytes(False) == kept[0]


def test_more_recomputed_blocks_than_there_are():
    with pytest.raises(ConfigError, match='with_cp 7 must be True, False, or from 0 to 6'):
        Qwen3VLBackbone(SIZES, with_cp=7)


@pytest.mark.parametrize('whole', [False, True], ids=['autocast', 'bf16 weights'])
def test_bfloat16_is_near_fp32(whole):
    torch.manual_seed(0)
    backbone = Qwen3VLBackbone(SIZES).eval()
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        exact = backbone(x)[-1]
        if whole:
            rough = backbone.bfloat16()(x.bfloat16())[-1]
        else:
            with torch.autocast('cpu', torch.bfloat16):
                rough = backbone(x)[-1]
    assert (rough.float() - exact).norm() < 0.02 * exact.norm()


@pytest.mark.parametrize('frozen', [-1, 0, 2, 6])
def test_frozen_stages(frozen):
    backbone = Qwen3VLBackbone(SIZES, frozen_stages=frozen)
    sum(m.square().sum() for m in backbone(torch.randn(1, 3, 64, 64))).backward() if frozen < 6 else None
    for name, parameter in backbone.named_parameters():
        layer = int(name.split('.')[1]) + 1 if name.startswith('blocks') else 0
        assert parameter.requires_grad == (layer > frozen), name
        assert (parameter.grad is not None) == (layer > frozen), name


def test_frozen_stages_out_of_range():
    with pytest.raises(ConfigError, match='frozen_stages 7 must be from -1'):
        Qwen3VLBackbone(SIZES, frozen_stages=7)


def test_blocks_after_the_last_tap_are_not_built(folder):
    backbone = build(folder, out_indices=[0, 2])
    assert len(backbone.blocks) == 3


def test_size_is_read_from_the_config(sharded):
    assert Qwen3VLBackbone('8b', pretrained=sharded).out_channels == [48] * 4


def test_tiny_preset_is_of_the_promised_size():
    assert 3e6 < sum(p.numel() for p in Qwen3VLBackbone('tiny').parameters()) < 5e6


def test_rotary_angles_are_made_once_a_grid():
    from aurora_mm.models.backbones import qwen3_vl_layers

    backbone = Qwen3VLBackbone(SIZES)
    backbone(torch.randn(1, 3, 64, 96))
    before = qwen3_vl_layers._cached_axial_rope.cache_info()
    backbone(torch.randn(2, 3, 64, 96))
    after = qwen3_vl_layers._cached_axial_rope.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


@pytest.mark.parametrize('taps', [[], [2, 1], [0, 6], [-1, 2], [1, 1]])
def test_bad_taps(taps):
    with pytest.raises(ConfigError, match=r'must rise within 0\.\.5'):
        Qwen3VLBackbone(SIZES, out_indices=taps)


def test_bad_preset():
    with pytest.raises(ConfigError, match="'7b' is none of"):
        Qwen3VLBackbone('7b')


def test_patches_are_square_however_the_config_gives_their_sides():
    assert Qwen3VLBackbone(SIZES | dict(patch_size=[16, 16])).size_divisor == 32
    with pytest.raises(ConfigError, match=r'patch_size \[16, 8\]: this encoder has square patches'):
        Qwen3VLBackbone(SIZES | dict(patch_size=[16, 8]))


@pytest.mark.parametrize(('h', 'w'), [(100, 64), (64, 70), (33, 95)])
def test_an_image_of_any_size_gives_the_maps_of_the_padded_one_cut_back(h, w):
    backbone = Qwen3VLBackbone(SIZES).eval()
    image = torch.randn(1, 3, h, w)
    padded = torch.zeros(1, 3, -(-h // 32) * 32, -(-w // 32) * 32)
    padded[..., :h, :w] = image
    with torch.no_grad():
        maps, whole = backbone(image), backbone(padded)
    rows, columns = -(-h // 16), -(-w // 16)
    for level, expected in zip(maps, whole, strict=True):
        assert level.shape[-2:] == (rows, columns)
        assert torch.equal(level, expected[..., :rows, :columns])


def test_exporting_gives_the_same_maps_and_leaves_nothing_behind():
    backbone = Qwen3VLBackbone(SIZES).eval()
    x = torch.randn(1, 3, 96, 64)
    program = torch.export.export(backbone, (x,)).module()
    with torch.no_grad():
        for exported, own in zip(program(x), backbone(x), strict=True):
            torch.testing.assert_close(exported, own)


def test_tokens_stay_contiguous_between_blocks():
    backbone = Qwen3VLBackbone(SIZES)
    seen = []
    for block in backbone.blocks:
        block.register_forward_hook(lambda _m, _i, out: seen.append(out.is_contiguous()))
    backbone(torch.randn(2, 3, 64, 96))
    assert seen == [True] * 6
