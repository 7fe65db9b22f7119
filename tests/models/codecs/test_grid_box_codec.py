import torch

from aurora_mm.models.codecs import GridBoxCodec


def test_cells_inside_the_box_by_hand():
    objectness, boxes = GridBoxCodec().encode(torch.tensor([[0.0, 0.5, 0.5, 1.0]]), torch.tensor([0]), 1, (4, 4))
    expected = torch.zeros(4, 4)
    expected[2:, :2] = 1
    assert torch.equal(objectness[0], expected)
    assert torch.equal(boxes[:, 3, 1], torch.tensor([0.0, 0.5, 0.5, 1.0]))
    assert boxes[:, 0, 0].eq(0).all()


def test_a_box_between_cell_centres_takes_the_cell_of_its_centre():
    objectness, _ = GridBoxCodec().encode(torch.tensor([[0.51, 0.02, 0.55, 0.04]]), torch.tensor([0]), 1, (4, 4))
    assert objectness.nonzero().tolist() == [[0, 0, 2]]


def test_the_smaller_of_two_boxes_has_the_cell():
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]])
    objectness, targets = GridBoxCodec().encode(boxes, torch.tensor([1, 0]), 2, (4, 4))
    assert objectness[1, 0, 0] == 1
    assert objectness[0, 0, 0] == 0
    assert objectness[0, 3, 3] == 1
    assert torch.equal(targets[:, 0, 0], boxes[0])


def test_decoding_the_encoded_gives_the_box_back():
    codec = GridBoxCodec()
    truth = torch.rand(20, 2, 2).sort(dim=1).values.flatten(1)
    for i, box in enumerate(truth):
        objectness, boxes = codec.encode(box[None], torch.tensor([i % 3]), 3, (7, 5))
        found, score, label = codec.decode(objectness[None], boxes[None])
        assert torch.equal(found[0, 0], box)
        assert (score.item(), label.item()) == (1, i % 3)
