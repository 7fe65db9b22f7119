import pytest
import torch
from mmengine.structures import InstanceData

from aurora_mm.models.utils.box_fusion import fuse_boxes


def view(*rows):
    """Rows of (x1, y1, x2, y2, score, label)."""
    values = torch.tensor(rows, dtype=torch.float64).reshape(-1, 6)
    return InstanceData(bboxes=values[:, :4], scores=values[:, 4], labels=values[:, 5].long())


def test_two_views_of_one_box_by_hand():
    fused = fuse_boxes([view([0, 0, 10, 10, 0.9, 0]), view([2, 0, 12, 10, 0.3, 0])])
    # weights 3/4 and 1/4: x from 0.5 to 10.5; score (0.9 + 0.3) / 2
    torch.testing.assert_close(fused.bboxes, torch.tensor([[0.5, 0, 10.5, 10]], dtype=torch.float64))
    assert fused.scores.tolist() == pytest.approx([0.6])


def test_views_that_disagree_are_not_averaged():
    fused = fuse_boxes([view([0, 0, 10, 10, 0.9, 0]), view([50, 50, 60, 60, 0.5, 0]), view([0, 0, 10, 10, 0.7, 0])])
    assert fused.bboxes.tolist() == [[0, 0, 10, 10], [50, 50, 60, 60]]
    assert fused.scores.tolist() == pytest.approx([1.6 / 3, 0.5 / 3])


def test_labels_are_kept_apart():
    fused = fuse_boxes([view([0, 0, 10, 10, 0.9, 0]), view([0, 0, 10, 10, 0.8, 1])])
    assert fused.labels.tolist() == [0, 1]


def test_a_finding_that_many_views_share_wins_over_a_surer_lone_one():
    fused = fuse_boxes([view([0, 0, 10, 10, 0.9, 0]), *[view([40, 0, 50, 10, 0.6, 0])] * 2])
    assert fused.bboxes[0].tolist() == [40, 0, 50, 10]


def test_boxes_without_scores_and_views_without_boxes():
    fused = fuse_boxes([view([0, 0, 10, 10, 0, 0]), view([0, 0, 12, 10, 0, 0])])
    assert fused.bboxes.tolist() == [[0, 0, 11, 10]]
    assert len(fuse_boxes([view(), view()]).bboxes) == 0
    assert fuse_boxes([view(), view([0, 0, 4, 4, 0.8, 2])]).scores.tolist() == pytest.approx([0.4])


def test_two_objects_in_two_views():
    fused = fuse_boxes(
        [
            view([0, 0, 10, 10, 0.8, 0], [30, 0, 40, 20, 0.6, 0]),
            view([32, 0, 42, 20, 0.6, 0], [0, 0, 10, 12, 0.4, 0]),
        ]
    )
    torch.testing.assert_close(fused.bboxes, view([0, 0, 10, 32 / 3, 0, 0], [31, 0, 41, 20, 0, 0]).bboxes)
    assert fused.scores.tolist() == pytest.approx([0.6, 0.6])


def test_what_a_view_told_apart_stays_apart():
    """Two objects that overlap by 3/5, both seen by both views; and one view alone, which comes back as it was."""
    one, other = [0, 0, 8, 10, 0.9, 0], [2, 0, 10, 10, 0.7, 0]
    fused = fuse_boxes([view(one, other), view(one, other)])
    assert fused.bboxes.tolist() == [one[:4], other[:4]]
    assert fused.scores.tolist() == pytest.approx([0.9, 0.7])
    alone = fuse_boxes([view(one, other)])
    assert alone.bboxes.tolist() == [one[:4], other[:4]]
    assert alone.scores.tolist() == [0.9, 0.7]


def test_a_box_found_twice_in_a_view_counts_once():
    fused = fuse_boxes([view([0, 0, 10, 10, 0.9, 0], [0, 0, 10, 11, 0.8, 0]), view([0, 0, 10, 10, 0.9, 0])])
    assert fused.scores.tolist() == pytest.approx([0.9, 0.4])
