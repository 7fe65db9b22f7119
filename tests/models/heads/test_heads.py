"""All heads: forward, loss, predict, and that tasks do not touch each other."""

import numpy as np
import pytest
import torch
from torch import nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads import (
    ClassificationHead,
    DenseDetectionHead,
    GridDetectionHead,
    HeatmapLandmarkHead,
    LandmarkHead,
    SegmentationHead,
)
from tests.models.conftest import (
    CLS,
    DET,
    DET2,
    POINTS,
    SEG,
    SEG2,
    build_head,
    make_sample,
    mean_losses,
    outputs_of,
    predict_with,
)

HEADS = [
    (SegmentationHead, [SEG, SEG2], dict(channels=16)),
    (ClassificationHead, [CLS], dict(hidden_channels=32)),
    (ClassificationHead, [CLS], dict(hidden_channels=32, pooling='avg_max')),
    (GridDetectionHead, [DET, DET2], dict(channels=16)),
    (DenseDetectionHead, [DET, DET2], dict(channels=16)),
    (DenseDetectionHead, [DET, DET2], dict(channels=16, in_index=(1, 2), num_convs=1)),
    (LandmarkHead, [POINTS], dict(hidden_channels=32, pool_size=4)),
    (LandmarkHead, [POINTS], dict(hidden_channels=32)),
    (HeatmapLandmarkHead, [POINTS], dict(channels=16)),
    (HeatmapLandmarkHead, [POINTS], dict(channels=16, in_index=(1, 2))),
]


@pytest.mark.parametrize(('cls', 'tasks', 'kwargs'), HEADS)
def test_loss_falls_when_the_head_learns_two_images(cls, tasks, kwargs, feats):
    head = build_head(cls, tasks, kwargs)
    samples = [make_sample(tasks[0]) for _ in range(2)]
    optimizer = torch.optim.Adam(head.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        loss = sum(mean_losses(head, feats, samples, tasks[0]).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(('cls', 'tasks', 'kwargs'), HEADS)
def test_predictions_are_in_original_pixels(cls, tasks, kwargs, feats):
    head = build_head(cls, tasks, kwargs).eval()
    for task in tasks:
        for sample in predict_with(head, feats, [make_sample(task) for _ in range(2)], task):
            if task.type == 'segmentation':
                assert sample.pred_sem_seg.data.shape == (1, 100, 200)
                assert sample.pred_sem_seg.data.max() < task.num_outputs
            elif task.type == 'classification':
                assert sample.pred_scores.shape == (3,)
                torch.testing.assert_close(sample.pred_scores.sum(), torch.tensor(1.0))
                assert sample.pred_label == sample.pred_scores.argmax()
            elif task.type == 'detection':
                x1, y1, x2, y2 = sample.pred_instances.bboxes[0].tolist()
                assert 0 <= x1 < x2 <= 200
                assert 0 <= y1 < y2 <= 100
                assert 0 <= sample.pred_instances.labels[0] < task.num_outputs
            else:
                assert sample.pred_landmarks.shape == (2, 2)
                out = outputs_of(head, feats, task)
                normalised = (
                    out.sigmoid().unflatten(1, (-1, 2))
                    if cls is LandmarkHead
                    else head.codec.decode(out.flatten(2).softmax(2).unflatten(2, out.shape[2:]))
                )
                expected = normalised[0] * torch.tensor([200.0, 100.0])
                first = predict_with(head, feats, [make_sample(task) for _ in range(2)], task)[0]
                torch.testing.assert_close(first.pred_landmarks, expected)


@pytest.mark.parametrize(
    ('cls', 'tasks'),
    [(SegmentationHead, [SEG, SEG2]), (GridDetectionHead, [DET, DET2]), (DenseDetectionHead, [DET, DET2])],
)
@pytest.mark.parametrize('share_outputs', [False, True])
def test_tasks_share_output_channels_only_when_asked_to(cls, tasks, share_outputs, feats):
    head = build_head(cls, tasks, dict(channels=16, share_outputs=share_outputs))
    sum(mean_losses(head, feats, [make_sample(tasks[0])] * 2, tasks[0]).values()).backward()
    last = head.outputs.layer if share_outputs else head.outputs.layers[tasks[1].name]
    assert (last.weight.grad is not None) == share_outputs
    out = outputs_of(head, feats, tasks[1])
    channels = out.shape[1] if cls is SegmentationHead else out[0].shape[1]
    assert channels == tasks[1].num_outputs


@pytest.mark.parametrize(('cls', 'tasks', 'kwargs'), [entry for entry in HEADS if entry[0] is not ClassificationHead])
def test_loss_refuses_annotations_in_original_pixels(cls, tasks, kwargs, feats):
    sample = make_sample(tasks[0], frame='original')
    with pytest.raises(ConfigError, match="'original'"):
        mean_losses(build_head(cls, tasks, kwargs), feats, [sample, sample], tasks[0])


def test_a_head_refuses_tasks_of_another_type():
    with pytest.raises(ConfigError, match=r'serves segmentation tasks and was given cls \(classification\)'):
        SegmentationHead([SEG, CLS], [16] * 4)
    with pytest.raises(ConfigError, match='no task'):
        SegmentationHead([], [16] * 4)


@pytest.mark.parametrize(
    ('cls', 'box_terms'),
    [(GridDetectionHead, ('loss_bbox', 'loss_iou')), (DenseDetectionHead, ('loss_bbox', 'loss_iou'))],
)
def test_detection_without_a_box_still_reaches_every_weight(cls, box_terms, feats):
    head = build_head(cls, [DET], dict(channels=16))
    sample = make_sample(DET)
    sample.gt_instances = sample.gt_instances[:0]
    losses = mean_losses(head, feats, [sample, sample], DET)
    assert all(losses[term] == 0 for term in box_terms)
    assert sum(losses.values()) > 0
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_grid_head_finds_the_box_that_its_cell_holds(feats):
    """With the last layer set by hand, every cell answers the box centred at 1/2, half as wide and high."""
    head = build_head(GridDetectionHead, [DET], dict(channels=16)).eval()
    layer = head.outputs.layers['det']
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # sigmoid(0) = 1/2 for centre and extent
    sample = make_sample(DET)
    predict_with(head, [f[:1] for f in feats], [sample], DET)
    torch.testing.assert_close(sample.pred_instances.bboxes[0], torch.tensor([50.0, 25.0, 150.0, 75.0]))


def test_a_mirrored_matrix_mirrors_the_prediction(feats):
    """Whatever the geometry of the input was, predictions come back to the original image."""
    head = build_head(SegmentationHead, [SEG], dict(channels=16)).eval()
    plain, mirrored = make_sample(SEG), make_sample(SEG)
    mirrored.set_metainfo(
        dict(homography_matrix=np.array([[-1, 0, 64], [0, 1, 0], [0, 0, 1]]) @ mirrored.homography_matrix)
    )
    predict_with(head, feats, [plain, plain.clone()], SEG)
    predict_with(head, [f[:1] for f in feats], [mirrored], SEG)
    predict_with(head, [f[:1] for f in feats], [plain], SEG)
    assert torch.equal(mirrored.pred_sem_seg.data, plain.pred_sem_seg.data.flip(2))
