"""Codecs of users and of other packages, in our heads."""

import pytest
import torch
from mmengine.registry import Registry

from aurora_mm.errors import ConfigError
from aurora_mm.models.codecs import BaseBoxCodec, BaseLandmarkCodec, HeatmapCodec, build_codec
from aurora_mm.models.heads import DenseDetectionHead, GridDetectionHead, HeatmapLandmarkHead
from aurora_mm.registry import TASK_UTILS
from tests.models.conftest import DET2, POINTS, make_sample, mean_losses, outputs_of, predict_with


@pytest.fixture
def nearest_cell_codec():
    """A codec of another package: the point is its cell, and its two neighbours to the right and below."""
    package = Registry('task util', parent=TASK_UTILS.parent, scope='other_package')

    @package.register_module()
    class NearestCellCodec(BaseLandmarkCodec):
        margin = 1

        def __init__(self, sharpness: float) -> None:
            self.sharpness = sharpness

        def encode(self, points, grid):
            cells = (points * torch.tensor([grid[1], grid[0]])).long() + self.margin
            maps = torch.zeros(*points.shape[:-1], grid[0] + 2, grid[1] + 2)
            for index in range(points[..., 0].numel()):
                x, y = cells.reshape(-1, 2)[index].tolist()
                maps.view(-1, *maps.shape[-2:])[index, y, x] = 1
            return maps

        def decode(self, maps):
            return HeatmapCodec(margin=self.margin).decode(maps)

    yield 'other_package.NearestCellCodec'
    TASK_UTILS.parent.children.pop('other_package')


def test_a_codec_of_another_package_in_our_head(nearest_cell_codec, feats):
    head = HeatmapLandmarkHead(
        [POINTS], [16] * 4, channels=16, codec=dict(type=nearest_cell_codec, sharpness=2.0), loss_landmark=None
    )
    assert head.codec.sharpness == 2.0
    assert outputs_of(head, feats, POINTS).shape == (2, 2, 18, 18)
    samples = [make_sample(POINTS)] * 2
    log_maps = outputs_of(head, feats, POINTS).flatten(2).log_softmax(2).unflatten(2, (18, 18))
    x, y = (samples[0].gt_landmarks / 4).long().unbind(1)
    expected = -log_maps[:, [0, 1], y + 1, x + 1].mean() * 0.05
    torch.testing.assert_close(mean_losses(head, feats, samples, POINTS)['loss_heatmap'], expected)


def test_the_codecs_of_detection_heads_may_be_exchanged(feats):
    """A head with the other's codec has the other's targets, boxes and way of finding them."""
    samples = [make_sample(DET2)] * 2
    for kind, codec in ((DenseDetectionHead, 'GridBoxCodec'), (GridDetectionHead, 'DenseBoxCodec')):
        torch.manual_seed(0)
        head = kind([DET2], [16] * 4, channels=16, codec=dict(type=f'aurora_mm.{codec}')).eval()
        assert type(head.codec).__name__ == codec
        losses = mean_losses(head, feats, samples, DET2)
        assert all(loss.isfinite() for loss in losses.values())
        assert all(len(sample.pred_instances) for sample in predict_with(head, feats, samples, DET2))


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (dict(sigma=1.0), 'SomeHead: codec is a config and needs a type'),
        (dict(type='NoCodec'), "SomeHead: codec NoCodec cannot be built: 'NoCodec' is not registered"),
        (dict(type='HeatmapCodec', width=3), 'SomeHead: codec HeatmapCodec cannot be built: .*width'),
        (dict(type='aurora_mm.GridBoxCodec'), 'SomeHead needs a codec that is a BaseLandmarkCodec; aurora_mm.GridBox'),
    ],
)
def test_what_is_refused(cfg, message):
    with pytest.raises(ConfigError, match=message):
        build_codec(cfg, BaseLandmarkCodec, 'SomeHead')


def test_a_codec_of_the_right_kind():
    assert isinstance(
        build_codec(dict(type='aurora_mm.DenseBoxCodec', score_thr=0.3), BaseBoxCodec, 'SomeHead'), BaseBoxCodec
    )
