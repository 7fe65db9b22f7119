import numpy as np
import pytest
import torch

from aurora_mm.models.codecs import GridBoxCodec


def encode(boxes, labels, num_classes, grid):
    return GridBoxCodec().encode([torch.tensor(boxes)], [torch.tensor(labels)], num_classes, grid)


def test_cells_inside_the_box_by_hand():
    targets = encode([[0.0, 0.5, 0.5, 1.0]], [0], 1, (4, 4))
    expected = torch.zeros(4, 4)
    expected[2:, :2] = 1
    assert torch.equal(targets.scores[0, 0], expected)
    assert torch.equal(targets.weights[0], expected / 4)
    assert torch.equal(targets.boxes[0, :, 3, 1], torch.tensor([0.0, 0.5, 0.5, 1.0]))
    assert targets.boxes[0, :, 0, 0].eq(0).all()


def test_a_box_between_cell_centres_takes_the_cell_of_its_centre():
    assert encode([[0.51, 0.02, 0.55, 0.04]], [0], 1, (4, 4)).scores.nonzero().tolist() == [[0, 0, 0, 2]]


def test_the_smaller_of_two_boxes_has_the_cell():
    targets = encode([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]], [1, 0], 2, (4, 4))
    assert targets.scores[0, :, 0, 0].tolist() == [0, 1]
    assert targets.scores[0, :, 3, 3].tolist() == [1, 0]
    assert targets.boxes[0, :, 0, 0].tolist() == [0, 0, 0.5, 0.5]
    torch.testing.assert_close(targets.weights, torch.full((1, 4, 4), 1 / 16))


def test_a_batch_is_its_images_whatever_they_hold():
    """Against the plain loop over boxes, the largest first."""
    rng = torch.Generator().manual_seed(0)
    boxes = [torch.rand(n, 2, 2, generator=rng).sort(dim=1).values.flatten(1) for n in (3, 0, 1, 12)]
    labels = [torch.randint(0, 3, (len(b),), generator=rng) for b in boxes]
    targets = GridBoxCodec().encode(boxes, labels, 3, (7, 5))
    for image, (image_boxes, image_labels) in enumerate(zip(boxes, labels, strict=True)):
        scores, wanted = np.zeros((3, 7, 5)), np.zeros((4, 7, 5))
        areas = (image_boxes[:, 2:] - image_boxes[:, :2]).prod(1)
        for i in areas.argsort(descending=True).tolist():
            x1, y1, x2, y2 = image_boxes[i].tolist()
            cells = [
                (row, column)
                for row in range(7)
                for column in range(5)
                if y1 <= (row + 0.5) / 7 <= y2 and x1 <= (column + 0.5) / 5 <= x2
            ] or [(int((y1 + y2) / 2 * 7), int((x1 + x2) / 2 * 5))]
            for row, column in cells:
                scores[:, row, column] = np.eye(3)[image_labels[i]]
                wanted[:, row, column] = image_boxes[i].numpy()
        np.testing.assert_array_equal(targets.scores[image], scores)
        np.testing.assert_allclose(targets.boxes[image], wanted)
        positive = scores.any(0)
        np.testing.assert_allclose(targets.weights[image], positive / max(positive.sum(), 1))


def test_decoding_the_encoded_gives_the_box_back():
    truth = torch.rand(20, 2, 2).sort(dim=1).values.flatten(1)
    labels = torch.arange(20) % 3
    targets = GridBoxCodec().encode(list(truth[:, None]), list(labels[:, None]), 3, (7, 5))
    found = GridBoxCodec().decode(targets.scores, targets.boxes)
    assert torch.equal(torch.cat([image.bboxes for image in found]), truth)
    assert torch.equal(torch.cat([image.labels for image in found]), labels)
    assert all(image.scores.tolist() == [1] for image in found)


def test_raw_outputs_are_centre_and_sides_before_the_sigmoid():
    raw = torch.logit(torch.tensor([0.5, 0.25, 0.4, 0.5])).reshape(1, 4, 1, 1)
    box = GridBoxCodec().place(raw).flatten()
    assert box.tolist() == pytest.approx([0.3, 0.0, 0.7, 0.5])
