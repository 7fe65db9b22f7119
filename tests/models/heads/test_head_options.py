"""Each option of a head has its effect, and so has each part of it."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads import (
    ClassificationHead,
    DenseDetectionHead,
    GridDetectionHead,
    HeatmapLandmarkHead,
    LandmarkHead,
    SegmentationHead,
)
from aurora_mm.models.utils.layers import coordinate_channels
from tests.models.conftest import CLS, DET, POINTS, SEG, build_head, make_sample, mean_losses

HEADS = [
    (SegmentationHead, SEG, dict(channels=16)),
    (ClassificationHead, CLS, dict(hidden_channels=16)),
    (LandmarkHead, POINTS, dict(hidden_channels=16)),
    (HeatmapLandmarkHead, POINTS, dict(channels=16)),
    (DenseDetectionHead, DET, dict(channels=16)),
    (GridDetectionHead, DET, dict(channels=16)),
]


def build(cls, tasks, **kwargs):
    return build_head(cls, tasks, kwargs).eval()


def input_of(part, run):
    """The first argument that a part of a head was called with."""
    seen = []
    handle = part.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    run()
    handle.remove()
    return seen[0]


@pytest.mark.parametrize(('cls', 'task', 'kwargs'), HEADS)
def test_shared_outputs_are_one_layer(cls, task, kwargs):
    tasks = [task, replace(task, name='other')]
    shared, own = (build(cls, tasks, share_outputs=share, **kwargs) for share in (True, False))
    assert hasattr(shared.outputs, 'layer')
    assert set(own.outputs.layers) == {task.name, 'other'}


@pytest.mark.parametrize(('cls', 'task', 'kwargs'), HEADS[3:5])
def test_in_index_says_which_levels_are_read(cls, task, kwargs, feats):
    head = build(cls, [task], in_index=(1, 2), **kwargs)
    assert head.in_index == [1, 2]
    out = head(feats)
    assert out.shape[-1] == feats[1].shape[-1] + 2 * getattr(head.codec, 'margin', 0)
    torch.testing.assert_close(head((feats[0] + 1, feats[1], feats[2], feats[3] + 1)), out)
    assert not torch.equal(head((feats[0], feats[1], feats[2] + torch.randn_like(feats[2]), feats[3])), out)


def test_the_grid_head_reads_the_levels_it_is_told(feats):
    head = build(GridDetectionHead, [DET], channels=16, in_index=(2, 3))
    torch.testing.assert_close(head((feats[0] + 1, feats[1] + 1, feats[2], feats[3])), head(feats))
    assert head(feats).shape[-2:] == feats[2].shape[-2:]


def test_the_landmark_head_reads_the_last_map(feats):
    head = build(LandmarkHead, [POINTS], hidden_channels=16)
    assert head.in_index == [3]


@pytest.mark.parametrize('size', [1, 2])
def test_pool_size_lays_areas_side_by_side(size, feats):
    head = build(LandmarkHead, [POINTS], hidden_channels=16, pool_size=size)
    pooled = input_of(head.mlp, lambda: head(feats))
    torch.testing.assert_close(pooled, F.adaptive_avg_pool2d(feats[-1], size).flatten(1))


@pytest.mark.parametrize('pooling', ['avg', 'avg_max'])
def test_pooling_takes_each_level_and_its_maximum_when_asked(pooling, feats):
    head = build(ClassificationHead, [CLS], hidden_channels=16, pooling=pooling)
    expected = [part for feat in feats for part in (feat.mean((2, 3)), feat.amax((2, 3)))]
    expected = expected if pooling == 'avg_max' else expected[::2]
    torch.testing.assert_close(input_of(head.stem, lambda: head(feats)), torch.cat(expected, dim=1))


def test_a_gated_block_adds_to_what_it_is_given():
    (block,) = build(ClassificationHead, [CLS], hidden_channels=16, num_blocks=1).blocks
    torch.nn.init.zeros_(block.out.weight)
    torch.nn.init.zeros_(block.out.bias)
    x = torch.randn(2, 16)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(
    ('cls', 'task', 'option', 'part'),
    [
        (ClassificationHead, CLS, 'num_blocks', 'blocks'),
        (DenseDetectionHead, DET, 'num_convs', 'tower'),
        (GridDetectionHead, DET, 'num_blocks', 'tower'),
    ],
)
def test_depth_is_as_asked(cls, task, option, part):
    width = 'hidden_channels' if cls is ClassificationHead else 'channels'
    for depth in (1, 3):
        assert len(getattr(build(cls, [task], **{width: 16, option: depth}), part)) == depth


@pytest.mark.parametrize(('cls', 'task', 'kwargs'), HEADS[:2])
def test_dropout_drops_in_training(cls, task, kwargs, feats):
    head = build(cls, [task], dropout=0.9, **kwargs).train()
    assert (head(feats) == 0).float().mean() > 0.6
    assert (head.eval()(feats) == 0).float().mean() < 0.1


@pytest.mark.parametrize(('cls', 'task', 'kwargs'), HEADS[3:])
def test_heads_know_where_a_cell_is(cls, task, kwargs, feats):
    head = build(cls, [task], **kwargs)
    given = input_of(head.fusion, lambda: head(feats))
    first = given[0] if isinstance(given, list) else given
    torch.testing.assert_close(first[:, -2:], coordinate_channels(feats[head.in_index[0]]))


@pytest.mark.parametrize(
    ('cls', 'task', 'loss', 'factor', 'plain'),
    [
        (HeatmapLandmarkHead, POINTS, 'loss_heatmap', 0.05, dict(type='mmdet.CrossEntropyLoss')),
        (GridDetectionHead, DET, 'loss_bbox', 10, dict(type='mmdet.SmoothL1Loss', beta=0.05)),
        (GridDetectionHead, DET, 'loss_iou', 5, dict(type='aurora_mm.LinearIoULoss')),
        (DenseDetectionHead, DET, 'loss_bbox', 2, dict(type='mmdet.SmoothL1Loss', beta=0.05)),
        (SegmentationHead, SEG, 'loss_cls', 1, dict(type='aurora_mm.BalancedCrossEntropyLoss', background_weight=0.2)),
    ],
)
def test_default_losses_weigh_as_published(cls, task, loss, factor, plain, feats):
    samples = [make_sample(task) for _ in range(2)]
    default, alone = (
        mean_losses(build(cls, [task], channels=16, **more), feats, samples, task)[loss] for more in ({}, {loss: plain})
    )
    torch.testing.assert_close(default, factor * alone)


@pytest.mark.parametrize(
    ('cls', 'task', 'losses'),
    [
        (SegmentationHead, SEG, ('loss_cls', 'loss_dice')),
        (HeatmapLandmarkHead, POINTS, ('loss_landmark', 'loss_heatmap')),
        (DenseDetectionHead, DET, ('loss_bbox', 'loss_iou')),
        (GridDetectionHead, DET, ('loss_bbox', 'loss_iou')),
    ],
)
def test_a_loss_is_there_unless_it_is_none(cls, task, losses, feats):
    samples = [make_sample(task) for _ in range(2)]
    assert set(losses) <= set(mean_losses(build(cls, [task], channels=16), feats, samples, task))
    for name in losses:
        left = mean_losses(build(cls, [task], channels=16, **{name: None}), feats, samples, task)
        assert name not in left
        assert set(losses) - {name} <= set(left)


@pytest.mark.parametrize(
    ('cls', 'task', 'loss'),
    [
        (ClassificationHead, CLS, 'loss_cls'),
        (LandmarkHead, POINTS, 'loss_landmark'),
        (DenseDetectionHead, DET, 'loss_cls'),
        (GridDetectionHead, DET, 'loss_cls'),
    ],
)
def test_a_head_cannot_do_without_its_only_loss(cls, task, loss):
    with pytest.raises(ConfigError, match=f'{cls.__name__}: {loss} is a config of a loss and needs a type; it is None'):
        build(cls, [task], **{loss: None})


@pytest.mark.parametrize('cls', [DenseDetectionHead, GridDetectionHead])
def test_boxes_need_a_loss(cls):
    with pytest.raises(ConfigError, match=f'{cls.__name__} needs one of the losses loss_bbox, loss_iou'):
        build(cls, [DET], channels=16, loss_bbox=None, loss_iou=None)
