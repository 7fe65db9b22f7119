"""The losses of every head of ours against plain NumPy, for one image and for two."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.models.heads import (
    ClassificationHead,
    DenseDetectionHead,
    GridDetectionHead,
    HeatmapLandmarkHead,
    LandmarkHead,
    SegmentationHead,
)
from tests.models.conftest import CLS, DET2, POINTS, SEG, make_sample, mean_losses, outputs_of

SIZE = 64


@pytest.fixture(params=[1, 2], ids=['one image', 'two images'])
def number(request):
    return request.param


def build(kind, task, feats, number, **settings):
    torch.manual_seed(0)
    head = kind([task], [16] * 4, **settings)
    return head.double().eval(), [feat[:number].double() for feat in feats]


def softmax(logits, axis):
    powers = np.exp(logits - logits.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def entropy(probability, target):
    return -target * np.log(probability) - (1 - target) * np.log(1 - probability)


def smooth_l1(difference, beta):
    difference = np.abs(difference)
    return np.where(difference < beta, difference**2 / (2 * beta), difference - beta / 2)


def overlaps(a, b):
    """IoU and GIoU of two boxes."""
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    sides = [max(min(a[i + 2], b[i + 2]) - max(a[i], b[i]), 0) for i in (0, 1)]
    union = area[0] + area[1] - sides[0] * sides[1]
    around = np.prod([max(a[i + 2], b[i + 2]) - min(a[i], b[i]) for i in (0, 1)])
    iou = sides[0] * sides[1] / union
    return iou, iou - (around - union) / around


def values(losses):
    return {name: loss.item() for name, loss in losses.items()}


@pytest.mark.parametrize('side', [16, 64], ids=['at the size of the maps', 'enlarged'])
def test_segmentation(feats, number, side):
    head, feats = build(SegmentationHead, SEG, feats, number, channels=16)
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 3, (number, side, side))
    masks[0, :2] = 255  # padding of mmseg
    samples = [make_sample(SEG, side) for _ in range(number)]
    for sample, mask in zip(samples, masks, strict=True):
        sample.gt_sem_seg = PixelData(data=torch.tensor(mask)[None])
    losses = values(mean_losses(head, feats, samples, SEG))

    logits = outputs_of(head, feats, SEG).detach().float().numpy()
    logits = np.stack([cv2.resize(x.transpose(1, 2, 0), (side, side)).transpose(2, 0, 1) for x in logits])
    probs = softmax(logits.astype(float), 1)
    weight = np.where(masks == 0, 0.2, 1.0) * (masks != 255)
    of_truth = np.take_along_axis(probs, np.where(masks == 255, 0, masks)[:, None], 1)[:, 0]
    of_images = (-np.log(of_truth) * weight).sum((1, 2)) / weight.sum((1, 2))
    assert losses['loss_cls'] == pytest.approx(of_images.mean(), rel=1e-5)
    dice = [
        (2 * (p[c] * (m == c)).sum() + 1) / (p[c][m != 255].sum() + (m == c).sum() + 1)
        for p, m in zip(probs, masks, strict=True)
        for c in (1, 2)
    ]
    assert losses['loss_dice'] == pytest.approx(1 - np.mean(dice), rel=1e-5)
    assert losses.keys() == {'loss_cls', 'loss_dice'}


@pytest.mark.parametrize('smoothing', [0.0, 0.3])
def test_classification(feats, number, smoothing):
    settings = {}
    if smoothing:
        settings = dict(loss_cls=dict(type='aurora_mm.BalancedCrossEntropyLoss', label_smoothing=smoothing))
    head, feats = build(ClassificationHead, CLS, feats, number, hidden_channels=32, **settings)
    samples = [make_sample(CLS) for _ in range(number)]
    for i, sample in enumerate(samples):
        sample.gt_label = torch.tensor([i + 1])
    losses = values(mean_losses(head, feats, samples, CLS))
    log_probs = np.log(softmax(outputs_of(head, feats, CLS).detach().double().numpy(), 1))
    target = np.eye(3)[1 : number + 1] * (1 - smoothing) + smoothing / 3
    assert losses == pytest.approx(dict(loss_cls=-(target * log_probs).sum(1).mean()), rel=1e-5)


def landmark_samples(number):
    samples = [make_sample(POINTS) for _ in range(number)]
    points = np.array([[[3.0, 60.0], [30.0, 22.0]], [[0.0, 64.0], [51.0, 9.0]]])[:number]
    for sample, of_image in zip(samples, points, strict=True):
        sample.gt_landmarks = torch.tensor(of_image)
    return samples, points / SIZE


@pytest.mark.parametrize('beta', [1.0, 0.05])
def test_landmarks(feats, number, beta):
    settings = {} if beta == 1 else dict(loss_landmark=dict(type='mmdet.SmoothL1Loss', beta=beta, loss_weight=2.0))
    head, feats = build(LandmarkHead, POINTS, feats, number, hidden_channels=32, **settings)
    samples, points = landmark_samples(number)
    losses = values(mean_losses(head, feats, samples, POINTS))
    found = sigmoid(outputs_of(head, feats, POINTS).detach().double().numpy()).reshape(number, 2, 2)
    expected = smooth_l1(found - points, beta).mean()
    assert losses == pytest.approx(dict(loss_landmark=expected * (1 if beta == 1 else 2)), rel=1e-5)


def test_heatmap_landmarks(feats, number):
    head, feats = build(HeatmapLandmarkHead, POINTS, feats, number, channels=16)
    samples, points = landmark_samples(number)
    losses = values(mean_losses(head, feats, samples, POINTS))

    logits = outputs_of(head, feats, POINTS).detach().double().numpy()
    assert logits.shape == (number, 2, 20, 20)  # 16 cells and 2 of margin around them
    maps = softmax(logits.reshape(number, 2, -1), 2).reshape(logits.shape)
    centres = (np.arange(-2, 18) + 0.5) / 16
    found = np.stack([(maps.sum(2) * centres).sum(2), (maps.sum(3) * centres).sum(2)], axis=2)
    wanted = head.codec.encode(torch.tensor(points), (16, 16)).numpy()  # see the codec's tests
    expected = dict(
        loss_landmark=smooth_l1(found - points, 0.05).mean(),
        loss_heatmap=0.05 * -(wanted * np.log(maps)).sum((2, 3)).mean(),
    )
    assert losses == pytest.approx(expected, rel=1e-5)


# A large and a small box beside each other in one image, a small one of the other class in the next; pixels.
BOXES = [[[2.0, 2.0, 60.0, 40.0], [40.0, 44.0, 52.0, 60.0]], [[12.0, 20.0, 22.0, 28.0]]]
LABELS = [[0, 1], [1]]


def detection_samples(number):
    samples = [make_sample(DET2) for _ in range(number)]
    for sample, boxes, labels in zip(samples, BOXES, LABELS, strict=False):
        sample.gt_instances = InstanceData(bboxes=torch.tensor(boxes).double(), labels=torch.tensor(labels))
    return samples


def cells_of(boxes, side):
    """The box of each cell, (side, side) indices, -1 where there is none; the boxes here do not overlap."""
    owner = np.full((side, side), -1)
    for i, (x1, y1, x2, y2) in enumerate(boxes):
        for row in range(side):
            for column in range(side):
                x, y = ((position + 0.5) * SIZE / side for position in (column, row))
                if x1 <= x <= x2 and y1 <= y <= y2:
                    owner[row, column] = i
    assert set(owner.flat) == {-1, *range(len(boxes))}
    return owner


def test_grid_detection(feats, number):
    """Each image has its own weight of positive cells, and its own mean over these."""
    head, feats = build(GridDetectionHead, DET2, feats, number, channels=16, in_index=(0, 1))
    losses = values(mean_losses(head, feats, detection_samples(number), DET2))
    logits, boxes = (out.detach().double().numpy() for out in outputs_of(head, feats, DET2))
    expected = dict(loss_cls=0.0, loss_bbox=0.0, loss_iou=0.0)
    for i in range(number):
        owner = cells_of(BOXES[i], 16)
        scores = np.stack([np.isin(owner, [k for k, label in enumerate(LABELS[i]) if label == c]) for c in (0, 1)])
        positives = scores.sum()
        weight = np.where(scores, np.clip((scores.size - positives) / positives, 1, 50), 1)
        expected['loss_cls'] += (weight * entropy(sigmoid(logits[i]), scores.astype(float))).mean() / number
        pairs = [(boxes[i, :, r, c], np.array(BOXES[i][owner[r, c]]) / SIZE) for r, c in np.argwhere(owner >= 0)]
        expected['loss_bbox'] += 10 * np.mean([smooth_l1(a - b, 0.05).mean() for a, b in pairs]) / number
        expected['loss_iou'] += 5 * np.mean([1 - overlaps(a, b)[0] for a, b in pairs]) / number
    assert losses == pytest.approx(expected, rel=1e-5)


def test_grid_detection_is_the_mean_over_images_and_not_over_cells(feats):
    head, feats = build(GridDetectionHead, DET2, feats, 2, channels=16)
    samples = detection_samples(2)
    both = values(mean_losses(head, feats, samples, DET2))
    single = [values(mean_losses(head, [f[i : i + 1] for f in feats], samples[i : i + 1], DET2)) for i in (0, 1)]
    assert both == pytest.approx({name: (single[0][name] + single[1][name]) / 2 for name in both}, rel=1e-6)
    assert abs(single[0]['loss_bbox'] - single[1]['loss_bbox']) > 0.1


def test_dense_detection(feats, number):
    head, feats = build(DenseDetectionHead, DET2, feats, number, channels=16)
    losses = values(mean_losses(head, feats, detection_samples(number), DET2))
    logits, boxes = (out.detach().double().numpy() for out in outputs_of(head, feats, DET2))
    expected = dict(loss_cls=0.0, loss_bbox=0.0, loss_iou=0.0)
    centres = (np.arange(16) + 0.5) / 16
    for i in range(number):
        owner = cells_of(BOXES[i], 16)
        quality, hills = np.zeros((2, 16, 16)), 0.0
        for k, box in enumerate(np.array(BOXES[i]) / SIZE):
            middle, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
            sigma = np.maximum(sides / 6, 0.75 / 16)
            across, down = ((centres - middle[axis]) / sigma[axis] for axis in (0, 1))
            hill = np.exp(-(across**2 + down[:, None] ** 2) / 2)
            hill = np.where(owner == k, hill, 0)
            hill /= hill.max()
            hills += hill.sum()
            share = hill / max(hill.sum(), 1) / len(BOXES[i]) / number
            for r, c in np.argwhere(owner == k):
                iou, giou = overlaps(boxes[i, :, r, c], box)
                quality[LABELS[i][k], r, c] = hill[r, c] * np.sqrt(iou)
                expected['loss_iou'] += share[r, c] * (1 - giou)
                expected['loss_bbox'] += 2 * share[r, c] * smooth_l1(boxes[i, :, r, c] - box, 0.05).mean()
        scores = sigmoid(logits[i])
        expected['loss_cls'] += ((quality - scores) ** 2 * entropy(scores, quality)).sum() / hills / number
    assert losses == pytest.approx(expected, rel=1e-4)


def test_the_wanted_score_of_the_dense_head_does_not_move_the_boxes(feats):
    """The overlap that a cell reaches is its target, and not a way to make its score right."""
    head, feats = build(DenseDetectionHead, DET2, feats, 2, channels=16)
    layer = head.outputs.layers[DET2.name]
    mean_losses(head, feats, detection_samples(2), DET2)['loss_cls'].backward()
    assert layer.bias.grad[:4].eq(0).all()
    assert layer.bias.grad[4:].ne(0).all()


@pytest.mark.parametrize(
    ('kind', 'task', 'left_out'),
    [
        (SegmentationHead, SEG, 'loss_cls'),
        (SegmentationHead, SEG, 'loss_dice'),
        (GridDetectionHead, DET2, 'loss_bbox'),
        (GridDetectionHead, DET2, 'loss_iou'),
        (DenseDetectionHead, DET2, 'loss_bbox'),
        (DenseDetectionHead, DET2, 'loss_iou'),
        (HeatmapLandmarkHead, POINTS, 'loss_landmark'),
        (HeatmapLandmarkHead, POINTS, 'loss_heatmap'),
    ],
)
def test_none_leaves_a_loss_out(kind, task, left_out, feats):
    samples = [make_sample(task)] * 2
    head, feats = build(kind, task, feats, 2, channels=16)
    whole = values(mean_losses(head, feats, samples, task))
    head, feats = build(kind, task, feats, 2, channels=16, **{left_out: None})
    rest = values(mean_losses(head, feats, samples, task))
    assert rest == pytest.approx({name: value for name, value in whole.items() if name != left_out})
    assert len(rest) == len(whole) - 1


def test_dense_detection_without_a_box(feats):
    """Every score is to be 0; the sum over the cells is divided by 1."""
    head, feats = build(DenseDetectionHead, DET2, feats, 1, channels=16)
    sample = make_sample(DET2)
    sample.gt_instances = sample.gt_instances[:0]
    losses = values(mean_losses(head, feats, [sample], DET2))
    scores = sigmoid(outputs_of(head, feats, DET2)[0].detach().double().numpy())
    expected = (scores**2 * entropy(scores, 0)).sum()
    assert losses == pytest.approx(dict(loss_cls=expected, loss_bbox=0, loss_iou=0), rel=1e-5)


@pytest.mark.parametrize(
    ('kind', 'task', 'settings'),
    [
        (SegmentationHead, SEG, dict(channels=16, dropout=0.5)),
        (ClassificationHead, CLS, dict(hidden_channels=32, dropout=0.5)),
    ],
)
def test_dropout_acts_in_training_alone(kind, task, settings, feats):
    head, feats = build(kind, task, feats, 2, **settings)
    torch.testing.assert_close(outputs_of(head, feats, task), outputs_of(head, feats, task))
    head.train()
    assert not torch.equal(outputs_of(head, feats, task), outputs_of(head, feats, task))
