import pytest
import torch

from aurora_mm.evaluation.functional import box_iou
from aurora_mm.models.utils.boxes import aligned_iou, batched_nms


def random_boxes(number: int, spread: float = 1.0) -> torch.Tensor:
    """Boxes of sides up to 0.3, their corners within [0, spread + 0.3]."""
    corners = torch.rand(number, 2) * spread
    return torch.cat([corners, corners + torch.rand(number, 2) * 0.3], dim=1)


def test_aligned_iou_equals_the_metric():
    torch.manual_seed(0)
    a, b = random_boxes(50, 0.2), random_boxes(50, 0.2)
    expected = [box_iou(x.numpy(), y.numpy()) for x, y in zip(a, b, strict=True)]
    torch.testing.assert_close(aligned_iou(a, b), torch.tensor(expected, dtype=a.dtype), atol=1e-4, rtol=1e-4)


def test_aligned_iou_of_every_box_with_every_other():
    torch.manual_seed(0)
    a, b = random_boxes(5), random_boxes(3)
    table = aligned_iou(a[:, None], b)
    assert table.shape == (5, 3)
    torch.testing.assert_close(table[4], aligned_iou(a[4].expand(3, 4), b))


@pytest.mark.parametrize('number', [1, 40, 300])
@pytest.mark.parametrize('iou_threshold', [0.0, 0.3, 0.5, 0.9])
def test_nms_equals_mmcvs(number, iou_threshold):
    ops = pytest.importorskip('mmcv.ops', exc_type=ImportError)
    torch.manual_seed(number)
    for spread in (0.1, 0.5, 2.0):
        boxes, scores, labels = random_boxes(number, spread), torch.rand(number), torch.randint(0, 3, (number,))
        _, expected = ops.batched_nms(boxes, scores, labels, dict(type='nms', iou_threshold=iou_threshold))
        assert batched_nms(boxes, scores, labels, iou_threshold).tolist() == expected.tolist()


def test_nms_by_hand():
    """The second is suppressed by the first and so cannot suppress the third; the fourth is of another class."""
    boxes = torch.tensor([[0.0, 0, 4, 1], [1, 0, 5, 1], [2, 0, 6, 1], [0, 0, 4, 1]])
    scores, labels = torch.tensor([0.7, 0.6, 0.5, 0.9]), torch.tensor([0, 0, 0, 1])  # IoU 3/5, 3/5 and 2/6
    assert batched_nms(boxes, scores, labels, 0.5).tolist() == [3, 0, 2]
    assert batched_nms(boxes, scores, labels, 0.6).tolist() == [3, 0, 1, 2]  # only more than the threshold suppresses
    assert batched_nms(boxes, scores, labels, 0.3).tolist() == [3, 0]


def test_nms_of_no_boxes():
    assert batched_nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long), 0.5).tolist() == []


def test_boxes_without_an_area_suppress_nothing():
    boxes = torch.zeros(3, 4)
    assert batched_nms(boxes, torch.tensor([0.1, 0.3, 0.2]), torch.zeros(3, dtype=torch.long), 0.5).tolist() == [
        1,
        2,
        0,
    ]
