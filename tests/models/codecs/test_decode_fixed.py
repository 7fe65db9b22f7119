"""Boxes in tensors of fixed shapes are those that `decode` finds."""

import pytest
import torch

from aurora_mm.models.codecs import DenseBoxCodec, GridBoxCodec


@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(iou_threshold=0.2),
        dict(score_thr=0.6),
        dict(max_per_img=3),
        dict(nms_pre=5),
        dict(score_thr=0.995, keep_best=False),
    ],
)
@pytest.mark.parametrize('classes', [1, 3])
def test_dense_boxes(options, classes):
    codec = DenseBoxCodec(**options)
    torch.manual_seed(classes)
    scores, boxes = torch.rand(4, classes, 6, 7), codec.place(torch.randn(4, 4, 6, 7))
    found = codec.decode_fixed(scores, boxes)
    counts = set()
    for i, expected in enumerate(codec.decode(scores, boxes)):
        count = int(found.num_boxes[i])
        assert count == len(expected.scores)
        torch.testing.assert_close(found.scores[i, :count], expected.scores)
        torch.testing.assert_close(found.boxes[i, :count], expected.bboxes)
        assert torch.equal(found.labels[i, :count], expected.labels)
        counts.add(count)
    assert found.boxes.shape == (4, options.get('max_per_img', min(20, options.get('nms_pre', 20))), 4)


def test_one_box_that_drops_all_others_and_one_below_the_threshold():
    codec = DenseBoxCodec()
    boxes = torch.tensor([0.2, 0.2, 0.6, 0.6])[None, :, None, None].expand(1, 4, 3, 3)
    for scores in (torch.full((1, 1, 3, 3), 0.9), torch.full((1, 1, 3, 3), 0.01)):
        found = codec.decode_fixed(scores, boxes)
        assert found.num_boxes.tolist() == [1]
        torch.testing.assert_close(found.boxes[0, 0], torch.tensor([0.2, 0.2, 0.6, 0.6]))


def test_grid_boxes_have_one_box():
    codec = GridBoxCodec()
    torch.manual_seed(0)
    found = codec.decode_fixed(torch.rand(3, 2, 4, 4), codec.place(torch.randn(3, 4, 4, 4)))
    assert found.num_boxes.tolist() == [1, 1, 1] and found.boxes.shape == (3, 1, 4)
