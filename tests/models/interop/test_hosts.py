"""aurora_mm's heads in the hosts' models: the same losses and predictions as in our own."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData, PixelData

from aurora_mm.models.interop import AuroraDecodeHead, AuroraDenseHead

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')


def det_sample(boxes, scale=(1.0, 1.0), ori_shape=(64, 64)):
    from mmdet.structures import DetDataSample

    meta = dict(img_shape=(64, 64), batch_input_shape=(64, 64), ori_shape=ori_shape, scale_factor=scale)
    sample = DetDataSample(metainfo=meta)
    sample.gt_instances = InstanceData(bboxes=torch.tensor(boxes), labels=torch.zeros(len(boxes), dtype=torch.long))
    return sample


def test_the_dense_head_learns_and_rescales(feats):
    torch.manual_seed(0)
    head = AuroraDenseHead([16] * 4, num_classes=1, channels=16)
    samples = [det_sample([[8.0, 8.0, 40.0, 32.0]]), det_sample([[20.0, 30.0, 60.0, 60.0], [2.0, 2.0, 10.0, 10.0]])]
    optimizer = torch.optim.Adam(head.parameters(), 3e-3)
    losses = []
    for _ in range(20):
        loss = sum(head.loss(feats, samples).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    small = head.eval().predict(feats, samples)
    large = head.predict(feats, [det_sample([[0.0, 0.0, 1.0, 1.0]], (0.5, 0.25), (256, 128))] * 2, rescale=True)
    for a, b in zip(small, large, strict=True):
        torch.testing.assert_close(b.bboxes, a.bboxes * torch.tensor([2.0, 4.0, 2.0, 4.0]))
        assert a.scores.shape == a.labels.shape == (1,)


def test_any_detection_head_may_stand_in_the_host(feats):
    from aurora_mm.models import DenseDetectionHead

    head = AuroraDenseHead([16] * 4, num_classes=2, head='aurora_mm.DenseDetectionHead', channels=16)
    assert isinstance(head.head, DenseDetectionHead)
    samples = [det_sample([[8.0, 8.0, 40.0, 32.0], [2.0, 40.0, 10.0, 60.0]])] * 2
    assert all(term.isfinite() for term in head.loss(feats, samples).values())
    head.head.codec.score_thr = 0.0
    assert all(len(found.bboxes) > 1 for found in head.eval().predict(feats, samples))


def test_the_dense_head_sees_the_padded_input(feats):
    """Coordinates are normalised by what the network sees, not by the image within it."""
    head = AuroraDenseHead([16] * 4, num_classes=1, channels=16)
    whole, padded = det_sample([[8.0, 8.0, 40.0, 32.0]]), det_sample([[8.0, 8.0, 40.0, 32.0]])
    padded.set_metainfo(dict(img_shape=(50, 60)))
    one = [f[:1] for f in feats]
    assert head.loss(one, [whole]) == head.loss(one, [padded])


def test_the_decode_head_learns_and_padding_of_mmseg_does_not_count(feats):
    from mmseg.structures import SegDataSample

    torch.manual_seed(0)
    head = AuroraDecodeHead([16] * 4, num_classes=2, channels=16)
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo=dict(img_shape=(40, 64), pad_shape=(64, 64)))
        mask = torch.zeros(1, 64, 64, dtype=torch.long)
        mask[:, :20], mask[:, 40:] = 1, 255
        sample.gt_sem_seg = PixelData(data=mask)
        samples.append(sample)
    optimizer = torch.optim.Adam(head.parameters(), 3e-3)
    losses = []
    for _ in range(20):
        loss = sum(head.loss(feats, samples, None).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_the_decode_head_gives_logits_of_the_padded_size(feats):
    head = AuroraDecodeHead([16] * 4, num_classes=2, channels=16)
    assert head.predict(feats, [dict(img_shape=(50, 60), pad_shape=(64, 64))] * 2, None).shape == (2, 2, 64, 64)
    assert (head.num_classes, head.out_channels, head.align_corners) == (2, 2, False)


def test_the_decode_head_slides(feats):
    """A window of mmseg's sliding inference comes as a torch.Size beside the whole image's padded shape."""
    from mmengine.registry import MODELS, DefaultScope

    torch.manual_seed(0)
    part = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(
            dict(
                type='EncoderDecoder',
                backbone=dict(type='aurora_mm.Qwen3VLBackbone', preset=part),
                decode_head=dict(type='aurora_mm.AuroraDecodeHead', in_channels=[48] * 4, num_classes=2, channels=16),
                test_cfg=ConfigDict(mode='slide', crop_size=(64, 64), stride=(64, 64)),
            )
        ).eval()
    inputs = torch.randn(1, 3, 64, 128)
    with torch.no_grad():
        whole = model.inference(inputs, [dict(img_shape=(64, 128), ori_shape=(64, 128), pad_shape=(64, 128))])
        halves = [
            model.decode_head.predict(model.extract_feat(x), [dict(img_shape=(64, 64))], None)
            for x in inputs.split(64, dim=3)
        ]
    torch.testing.assert_close(whole, torch.cat(halves, dim=3))


@pytest.mark.parametrize('size', [(50, 70), (64, 64), (100, 96)])
def test_mmseg_predicts_images_of_any_size_without_padding(size):
    from mmengine.registry import MODELS, DefaultScope

    part = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
    neck = dict(type='aurora_mm.TokenPyramid', in_channels=[48] * 4, out_channels=16, num_refine=1)
    for head in (
        dict(type='aurora_mm.AuroraDecodeHead', in_channels=[16] * 4, channels=16),
        dict(type='UPerHead', in_channels=[16] * 4, in_index=[0, 1, 2, 3], channels=16, align_corners=False),
    ):
        with DefaultScope.overwrite_default_scope('mmseg'):
            model = MODELS.build(
                dict(
                    type='EncoderDecoder',
                    backbone=dict(type='aurora_mm.Qwen3VLBackbone', preset=part),
                    neck=neck,
                    decode_head=head | dict(num_classes=2),
                    test_cfg=ConfigDict(mode='whole'),
                )
            ).eval()
        with torch.no_grad():
            (found,) = model.predict(torch.randn(1, 3, *size))
        assert found.pred_sem_seg.data.shape == (1, *size)
