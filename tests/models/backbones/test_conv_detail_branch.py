import pytest
import torch

from aurora_mm.errors import ConfigError
from aurora_mm.models import ConvDetailBranch, MultiTaskModel

TASKS = [dict(name='lung', type='segmentation', classes=['background', 'lung'])]


def test_maps_are_as_declared():
    branch = ConvDetailBranch((8, 16, 24))
    maps = branch(torch.randn(2, 3, 64, 96))
    assert [m.shape for m in maps] == [(2, 8, 16, 24), (2, 16, 8, 12), (2, 24, 4, 6)]
    assert branch.strides == [4, 8, 16]
    assert branch.out_channels == [8, 16, 24]


def test_a_changed_spot_changes_every_map_most_at_its_place():
    torch.manual_seed(0)
    branch = ConvDetailBranch((8, 16)).eval()
    image = torch.randn(1, 3, 128, 128)
    changed = image.clone()
    changed[..., 40:44, 80:84] += 3
    with torch.no_grad():
        for before, after, stride in zip(branch(image), branch(changed), branch.strides, strict=True):
            difference = (after - before).abs().sum(1)[0]
            row, column = divmod(int(difference.argmax()), difference.shape[1])
            assert abs((row + 0.5) * stride - 42) <= 1.5 * stride
            assert abs((column + 0.5) * stride - 82) <= 1.5 * stride


def test_strides_may_be_left_out_and_have_blocks_of_their_own():
    torch.manual_seed(0)
    branch = ConvDetailBranch((8, 16, 24), num_blocks=(0, 1, 2), out_indices=(1, 2))
    assert [len(stage) - 1 for stage in branch.stages] == [0, 1, 2]
    assert branch.strides == [8, 16]
    assert branch.out_channels == [16, 24]
    assert [m.shape for m in branch(torch.randn(1, 3, 64, 96))] == [(1, 16, 8, 12), (1, 24, 4, 6)]


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(num_blocks=(1, 2)), r'num_blocks \[1, 2\] must be one number, or one for each of channels \[8, 16, 24\]'),
        (dict(out_indices=(1, 3)), r'out_indices \[1, 3\] must rise within 0..2'),
        (dict(out_indices=()), r'out_indices \[\] must rise within 0..2'),
        (dict(out_indices=(2, 1)), r'out_indices \[2, 1\] must rise within 0..2'),
    ],
)
def test_strides_that_are_not_there_are_an_error(wrong, message):
    with pytest.raises(ConfigError, match=message):
        ConvDetailBranch((8, 16, 24), **wrong)


def _model(**neck):
    return MultiTaskModel(
        TASKS,
        backbone=dict(type='Qwen3VLBackbone', preset='tiny'),
        detail=dict(type='ConvDetailBranch', channels=(8, 16)),
        neck=dict(type='TokenPyramid', out_channels=16, scales=(4, 2, 1, 1 / 2), **neck),
        heads=dict(segmentation=dict(type='SegmentationHead', channels=16)),
    )


def test_its_maps_stand_before_the_encoders():
    model = _model(num_details=2)
    maps = model(torch.randn(1, 3, 64, 64))
    assert [m.shape[1:] for m in maps] == [(8, 16, 16), (16, 8, 8)] + [(192, 4, 4)] * 4
    assert model.necks['neck'].detail_levels == [0, 1]
    assert [level.shape[-1] for level in model.necks['neck'](maps)] == [16, 8, 4, 2]


def test_a_neck_that_is_not_told_of_it_says_so():
    with pytest.raises(ConfigError, match=r'one level a map of tokens: got in_channels \[8, 16, 192, 192, 192, 192\]'):
        _model()
