import math

import pytest
import torch

from aurora_mm.models.codecs import DenseBoxCodec

SETS = {
    'one': [[0.2, 0.3, 0.7, 0.6]],
    'apart': [[0.05, 0.1, 0.4, 0.45], [0.6, 0.5, 0.95, 0.9]],
    'overlapping': [[0.1, 0.1, 0.6, 0.6], [0.4, 0.4, 0.9, 0.8]],
    'one in the other, same centre': [[0.1, 0.1, 0.9, 0.9], [0.35, 0.35, 0.65, 0.65]],
    'between cell centres': [[0.512, 0.505, 0.523, 0.519]],
    'fills the image': [[0.0, 0.0, 1.0, 1.0]],
    'tiny, in one that fills the image': [[0.0, 0.0, 1.0, 1.0], [0.512, 0.505, 0.523, 0.519]],
    'at the corner': [[0.99, 0.985, 1.0, 1.0]],
}


def encode(boxes, labels, num_classes, grid, **settings):
    """Targets of one image."""
    targets = DenseBoxCodec(**settings).encode([torch.tensor(boxes)], [torch.tensor(labels)], num_classes, grid)
    return [maps[0] for maps in targets]


def test_the_hill_of_a_box_by_hand():
    """A row of four cells: centres 3/8 and 1/8 from the box's centre, that is 1.5 and 0.5 sigma."""
    scores, boxes, weights = encode([[0.0, 0.0, 1.0, 1.0]], [1], 2, (1, 4), sigma=0.25, min_sigma=0.0)
    outer = math.exp(-(1.5**2 - 0.5**2) / 2)  # as a fraction of the best cells
    assert scores[0].eq(0).all()
    torch.testing.assert_close(scores[1], torch.tensor([[outer, 1, 1, outer]]))
    torch.testing.assert_close(weights, scores[1] / (2 + 2 * outer))
    assert torch.equal(boxes, torch.tensor([0.0, 0, 1, 1])[:, None, None].expand(4, 1, 4))


def test_cells_outside_of_a_box_are_background():
    scores, boxes, weights = encode([[0.0, 0.5, 0.5, 1.0]], [0], 1, (4, 4))
    expected = torch.zeros(4, 4, dtype=torch.bool)
    expected[2:, :2] = True
    for values in (scores[0], weights, boxes.sum(0)):
        assert torch.equal(values > 0, expected)


def test_a_box_between_cell_centres_takes_the_cell_of_its_centre():
    scores, _, weights = encode([[0.51, 0.02, 0.55, 0.04]], [0], 1, (4, 4))
    assert scores.nonzero().tolist() == [[0, 0, 2]]
    assert scores[0, 0, 2] == weights[0, 2] == 1


def test_the_smaller_of_two_boxes_has_the_cell_and_each_counts_the_same():
    boxes = [[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]]
    scores, targets, weights = encode(boxes, [1, 0], 2, (8, 8))
    small = scores[1] > 0
    assert small[:4, :4].all()
    assert small.sum() == 16
    assert torch.equal(scores[0] > 0, ~small)
    assert targets[:, 3, 3].tolist() == boxes[0]
    assert targets[:, 4, 3].tolist() == boxes[1]
    assert scores.amax((1, 2)).tolist() == [1, 1]  # also that of the large one, whose centre is taken from it
    torch.testing.assert_close(weights[small].sum(), torch.tensor(0.5))
    torch.testing.assert_close(weights[~small].sum(), torch.tensor(0.5))


def test_two_boxes_in_one_cell():
    """One has no cell then; nothing becomes nan, and what is left counts 1/2."""
    boxes = [[0.51, 0.51, 0.52, 0.52], [0.53, 0.53, 0.55, 0.55]]
    scores, targets, weights = encode(boxes, [0, 0], 1, (4, 4))
    assert scores.sum() == 1
    assert weights.sum() == 0.5
    assert targets[:, 2, 2].tolist() == pytest.approx(boxes[0])


def test_an_image_without_a_box():
    targets = DenseBoxCodec().encode([torch.zeros(0, 4)] * 2, [torch.zeros(0, dtype=torch.long)] * 2, 3, (5, 7))
    assert [tuple(maps.shape) for maps in targets] == [(2, 3, 5, 7), (2, 4, 5, 7), (2, 5, 7)]
    assert all((maps == 0).all() for maps in targets)


def test_a_batch_is_its_images_whatever_they_hold():
    rng = torch.Generator().manual_seed(0)
    boxes = [torch.rand(n, 2, 2, generator=rng).sort(dim=1).values.flatten(1) for n in (3, 0, 1, 12)]
    labels = [torch.randint(0, 3, (len(b),), generator=rng) for b in boxes]
    batch = DenseBoxCodec().encode(boxes, labels, 3, (9, 12))
    for image in range(4):
        single = DenseBoxCodec().encode(boxes[image : image + 1], labels[image : image + 1], 3, (9, 12))
        for maps, expected in zip(batch, single, strict=True):
            torch.testing.assert_close(maps[image], expected[0])


@pytest.mark.parametrize('grid', [(28, 28), (13, 21)])
@pytest.mark.parametrize('boxes', SETS.values(), ids=SETS)
def test_decoding_the_encoded_gives_the_boxes_back(boxes, grid):
    boxes = torch.tensor(boxes)
    labels = torch.arange(len(boxes))
    targets = DenseBoxCodec().encode([boxes], [labels], 2, grid)
    (found,) = DenseBoxCodec().decode(targets.scores, targets.boxes)
    order = found.labels.argsort()
    torch.testing.assert_close(found.bboxes[order], boxes)
    assert found.labels[order].tolist() == labels.tolist()
    assert found.scores.tolist() == [1] * len(boxes)


def test_mirrored_boxes_have_mirrored_maps_and_the_other_way_round():
    torch.manual_seed(0)
    codec = DenseBoxCodec()
    boxes = torch.rand(5, 2, 2).sort(dim=1).values.flatten(1)
    labels = torch.tensor([0, 1, 0, 1, 1])

    def mirror(xyxy, dim):
        x1, y1, x2, y2 = xyxy.unbind(dim)
        return torch.stack([1 - x2, y1, 1 - x1, y2], dim)

    targets = codec.encode([boxes], [labels], 2, (12, 9))
    mirrored = codec.encode([mirror(boxes, 1)], [labels], 2, (12, 9))
    torch.testing.assert_close(mirrored.scores, targets.scores.flip(3))
    torch.testing.assert_close(mirrored.weights, targets.weights.flip(2))
    wanted = mirror(targets.boxes.flip(3), 1) * (mirrored.weights > 0)[:, None]
    torch.testing.assert_close(mirrored.boxes, wanted)

    raw = torch.randn(1, 4, 12, 9) / 4
    turned = torch.cat([-raw[:, :1], raw[:, 1:]], dim=1).flip(3)
    torch.testing.assert_close(codec.place(turned), mirror(codec.place(raw), 1).flip(3))

    scores = torch.rand(1, 2, 12, 9)
    (found,) = codec.decode(scores, codec.place(raw))
    (other,) = codec.decode(scores.flip(3), codec.place(turned))
    assert len(found) > 1
    torch.testing.assert_close(other.bboxes, mirror(found.bboxes, 1))
    assert torch.equal(other.labels, found.labels)


def test_raw_outputs_are_sides_and_a_way_in_them_by_hand():
    raw = torch.zeros(1, 4, 2, 4)
    raw[0, :, 1, 2] = torch.tensor([0.125, -0.5, math.log(math.e - 1), math.log(math.e**0.5 - 1)])
    box = DenseBoxCodec().place(raw)[0, :, 1, 2]  # the cell's centre is (5/8, 3/4), the sides 1 and 1/2
    torch.testing.assert_close(box, torch.tensor([0.25, 0.25, 1.25, 0.75]))


def test_cells_vote_in_proportion_to_their_scores_by_hand():
    """Three of four cells mean one object; the fourth, of low score, lies elsewhere."""
    boxes = torch.tensor([[0.1, 0.1, 0.5, 0.5], [0.14, 0.1, 0.54, 0.5], [0.1, 0.1, 0.5, 0.54], [0.6, 0.6, 0.9, 0.9]])
    scores = torch.tensor([0.5, 0.25, 0.25, 0.2])
    (found,) = DenseBoxCodec().decode(scores.reshape(1, 1, 2, 2), boxes.T.reshape(1, 4, 2, 2))
    torch.testing.assert_close(found.bboxes, torch.tensor([[0.11, 0.1, 0.51, 0.51], [0.6, 0.6, 0.9, 0.9]]))
    torch.testing.assert_close(found.scores, torch.tensor([0.5, 0.2]))


def test_classes_neither_suppress_nor_vote_for_each_other():
    boxes = torch.tensor([[0.1, 0.1, 0.5, 0.5], [0.12, 0.1, 0.52, 0.5]])
    scores = torch.tensor([[0.9, 0.0], [0.0, 0.6]])
    (found,) = DenseBoxCodec().decode(scores.reshape(1, 2, 1, 2), boxes.T.reshape(1, 4, 1, 2))
    assert found.labels.tolist() == [0, 1]
    torch.testing.assert_close(found.bboxes, boxes)


def test_there_is_always_one_box_and_never_too_many():
    torch.manual_seed(0)
    centres = torch.rand(2, 2, 8, 8)
    boxes = torch.cat([centres, centres + 0.02], dim=1)  # hardly any two of them overlap
    scores = torch.rand(2, 1, 8, 8)
    found = DenseBoxCodec(max_per_img=7).decode(scores, boxes)
    assert [len(image) for image in found] == [7, 7]
    assert all((image.scores.diff() <= 0).all() for image in found)
    found = DenseBoxCodec().decode(scores / 1000, boxes)
    assert [image.scores.tolist() for image in found] == [[score] for score in (scores / 1000).flatten(1).amax(1)]
    for nothing in (torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.3)):  # boxes without an area
        (image,) = DenseBoxCodec().decode(nothing, torch.zeros(1, 4, 4, 4))
        assert image.bboxes[0].tolist() == [0, 0, 0, 0]


def test_boxes_are_clipped_before_they_vote():
    boxes = torch.tensor([[-0.5, 0.1, 0.5, 0.5], [0.0, 0.1, 0.5, 0.5]])
    (found,) = DenseBoxCodec().decode(torch.full((1, 1, 1, 2), 0.5), boxes.T.reshape(1, 4, 1, 2))
    torch.testing.assert_close(found.bboxes, boxes[1:])


def test_a_raw_output_for_every_box():
    """Whatever the cell and the box, some raw output places it."""
    torch.manual_seed(0)
    wanted = torch.rand(4, 2, 2, 6, 5, dtype=torch.float64).sort(dim=1).values.flatten(1, 2)  # (4, 4, 6, 5) xyxy
    cells = DenseBoxCodec().place(torch.zeros(1, 4, 6, 5, dtype=torch.float64))
    centres = (cells[:, :2] + cells[:, 2:]) / 2
    sides = wanted[:, 2:] - wanted[:, :2]
    way = (wanted[:, :2] + wanted[:, 2:]) / 2 - centres
    raw = torch.cat([way / sides, sides + (-(-sides).expm1()).log()], dim=1)
    torch.testing.assert_close(DenseBoxCodec().place(raw), wanted)


def test_the_gaussian_of_a_small_box_is_min_sigma_cells_wide():
    """A row of ten cells; the box has the two in the middle, half a cell to either side of its centre, or all."""
    for min_sigma in (0.75, 3.0):
        scores, _, _ = encode([[0.4, 0.0, 0.6, 1.0]], [0], 1, (1, 10), min_sigma=min_sigma)
        assert scores[0, 0].nonzero().flatten().tolist() == [4, 5]
    scores, _, _ = encode([[0.35, 0.0, 0.65, 1.0]], [0], 1, (1, 10), sigma=1e-3, min_sigma=2.0)
    at_half, at_one_and_a_half = (math.exp(-((d / 2.0) ** 2) / 2) for d in (0.5, 1.5))
    expected = [at_one_and_a_half / at_half, 1.0, 1.0, at_one_and_a_half / at_half]
    assert scores[0, 0, 3:7].tolist() == pytest.approx(expected, rel=1e-5)


class TestWhatIsKept:
    """Two boxes of one class with an IoU of 3 / 5, and one apart."""

    BOXES = torch.tensor([[0.0, 0, 0.4, 1], [0.1, 0, 0.5, 1], [0.7, 0, 0.9, 1]])
    SCORES = torch.tensor([0.8, 0.4, 0.2])

    def found(self, **settings):
        maps = self.SCORES.reshape(1, 1, 1, 3), self.BOXES.T.reshape(1, 4, 1, 3)
        (image,) = DenseBoxCodec(**settings).decode(*maps)
        return image

    def test_iou_threshold(self):
        assert self.found(iou_threshold=0.5).scores.tolist() == pytest.approx([0.8, 0.2])
        assert self.found(iou_threshold=0.7).scores.tolist() == pytest.approx([0.8, 0.4, 0.2])

    def test_vote_threshold(self):
        voted = (0.8 * self.BOXES[0] + 0.4 * self.BOXES[1]) / 1.2
        torch.testing.assert_close(self.found(vote_threshold=0.5).bboxes[0], voted)
        torch.testing.assert_close(self.found(vote_threshold=0.7).bboxes[0], self.BOXES[0])

    def test_nms_pre(self):
        """Cells beyond the best ones neither answer nor vote."""
        torch.testing.assert_close(self.found(nms_pre=1).bboxes, self.BOXES[:1])

    def test_score_thr(self):
        assert self.found(score_thr=0.3).scores.tolist() == pytest.approx([0.8])
        assert self.found(score_thr=0.9).scores.tolist() == pytest.approx([0.8])  # the best one stays

    def test_keep_best(self):
        assert self.found(score_thr=0.3, keep_best=False).scores.tolist() == pytest.approx([0.8])
        assert len(self.found(score_thr=0.9, keep_best=False)) == 0
