"""Backbones, necks and heads of mmdet and mmseg in the multi-task model, by config alone."""

import numpy as np
import pytest
import torch
from foreign_heads import DETECTION, FCOS, SEGMENTATION

from aurora_mm.errors import ConfigError
from aurora_mm.models import BalancedCrossEntropyLoss, ForegroundDiceLoss, MultiTaskModel
from aurora_mm.models.heads import MMDetHead, MMSegHead
from aurora_mm.models.utils.maps import Maps, maps_of
from aurora_mm.structures import TaskBatch
from tests.models.conftest import (
    DET,
    DET2,
    POINTS,
    SEG,
    SEG2,
    make_image,
    make_sample,
    mean_losses,
    outputs_of,
    predict_with,
)
from tests.models.test_multi_task_model import SIZES

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

TASKS = [SEG, SEG2, DET, DET2, POINTS]
TINY = dict(
    resnet=dict(type='mmdet.ResNet', depth=18),
    resnet_v1c=dict(type='mmseg.ResNetV1c', depth=18),
    swin=dict(type='mmdet.SwinTransformer', embed_dims=16, depths=[1, 1, 1, 1], num_heads=[2, 2, 2, 2]),
    swin_mmseg=dict(type='mmseg.SwinTransformer', embed_dims=16, depths=[1, 1, 1, 1], num_heads=[2, 2, 2, 2]),
    mit=dict(type='mmseg.MixVisionTransformer', embed_dims=16, num_layers=[1] * 4, num_heads=[1] * 4),
    cspnext=dict(type='mmdet.CSPNeXt', widen_factor=0.125, deepen_factor=0.2, out_indices=(1, 2, 3, 4)),
)


def config(backbone=None, neck=None, **heads):
    return dict(
        tasks=[task.to_config() for task in TASKS],
        backbone=backbone or dict(type='aurora_mm.Qwen3VLBackbone', preset=SIZES),
        neck=neck or dict(type='aurora_mm.TokenPyramid', out_channels=16, scales=(2, 1, 1 / 2, 1 / 4)),
        heads=dict(
            segmentation=dict(type='aurora_mm.SegmentationHead', channels=8),
            detection=dict(type='aurora_mm.GridDetectionHead', channels=16),
            landmark=dict(type='aurora_mm.LandmarkHead', hidden_channels=16),
        )
        | heads,
    )


def build(cfg):
    torch.manual_seed(0)
    return MultiTaskModel(**cfg)


def learns_and_predicts(model, size=64, lr=2e-3, steps=8, least_boxes=1):
    """Some steps on a batch of all tasks; then predictions in original pixels."""
    torch.manual_seed(1)
    inputs, samples = torch.randn(len(TASKS), 3, size, size), [make_image(task, size=size) for task in TASKS]
    optimizer = torch.optim.Adam(model.parameters(), lr)
    losses = []
    for _ in range(steps):
        loss = sum(model.loss(inputs, samples).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert [name for name, p in model.named_parameters() if p.grad is None and p.requires_grad] == []
    for image, task in zip(model.eval().predict(inputs, samples), TASKS, strict=True):
        (sample,) = image.task_samples
        if task.type == 'segmentation':
            assert sample.pred_sem_seg.data.shape == (1, 100, 200)
            assert sample.pred_sem_seg.data.max() < task.num_outputs
        elif task.type == 'detection':
            boxes = sample.pred_instances
            assert len(boxes) >= least_boxes
            assert (boxes.bboxes >= 0).all()
            assert (boxes.bboxes <= torch.tensor([200, 100, 200, 100])).all()
            assert (boxes.labels < task.num_outputs).all()
            assert torch.equal(boxes.scores, boxes.scores.sort(descending=True).values)


@pytest.mark.parametrize('name', SEGMENTATION)
def test_a_decode_head_of_mmseg(name):
    model = build(config(segmentation=SEGMENTATION[name]))
    assert isinstance(model.heads['segmentation'], MMSegHead)
    learns_and_predicts(model)


@pytest.mark.parametrize('name', DETECTION)
def test_a_dense_head_of_mmdet(name):
    model = build(config(detection=DETECTION[name]))
    assert isinstance(model.heads['detection'], MMDetHead)
    learns_and_predicts(model)


@pytest.mark.parametrize('name', TINY)
def test_a_backbone_and_a_neck_of_theirs(name):
    neck = dict(type='mmdet.FPN', out_channels=16, num_outs=4)
    model = build(config(backbone=TINY[name], neck=neck))
    assert maps_of(model.backbone).strides == [4, 8, 16, 32]
    learns_and_predicts(model)


def test_a_backbone_is_measured_without_leaving_a_trace():
    """Its running means and its mode stay as they were."""
    backbone = build(config(backbone=TINY['resnet'])).backbone
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    assert backbone.training
    assert maps_of(backbone) == Maps([64, 128, 256, 512], [4, 8, 16, 32])
    assert backbone.training
    assert all(torch.equal(before[name], tensor) for name, tensor in backbone.state_dict().items())


def test_losses_of_theirs_in_our_heads():
    segmentation = dict(
        type='aurora_mm.SegmentationHead',
        channels=8,
        loss_cls=dict(type='mmseg.FocalLoss'),
        loss_dice=dict(type='mmseg.LovaszLoss', reduction='none'),
    )
    detection = dict(type='aurora_mm.GridDetectionHead', channels=16, loss_iou=dict(type='mmdet.GIoULoss'))
    learns_and_predicts(build(config(segmentation=segmentation, detection=detection)))


def test_losses_of_ours_in_their_heads(feats):
    """With the names that mmseg reports them by, and the value that our head has for the same maps."""
    ours = [
        dict(type='aurora_mm.ForegroundDiceLoss'),
        dict(type='aurora_mm.BalancedCrossEntropyLoss', class_balance=0.5),
    ]
    head = MMSegHead([SEG], [16] * 4, SEGMENTATION['fcn'] | dict(loss_decode=ours)).eval()
    samples = [make_sample(SEG), make_sample(SEG)]
    losses = mean_losses(head, feats, samples, SEG)
    logits = torch.nn.functional.interpolate(outputs_of(head, feats, SEG), (64, 64), mode='bilinear')
    target = torch.cat([sample.gt_sem_seg.data for sample in samples])
    assert losses.keys() == {'loss_dice', 'loss_ce'}
    torch.testing.assert_close(losses['loss_dice'], ForegroundDiceLoss()(logits, target))
    torch.testing.assert_close(losses['loss_ce'], BalancedCrossEntropyLoss(class_balance=0.5)(logits, target))


def test_heads_of_single_tasks_beside_those_of_a_type():
    model = build(config(seg2=SEGMENTATION['fpn'], det2=FCOS))
    assert [task.name for task in model.heads['seg2'].tasks] == ['seg2']
    assert type(model.heads['segmentation']).__name__ == 'SegmentationHead'
    learns_and_predicts(model)


def test_tasks_share_the_trunk_of_a_decode_head_but_no_output(feats):
    head = MMSegHead([SEG, SEG2], [16] * 4, SEGMENTATION['uper'])
    sum(mean_losses(head, feats, [make_sample(SEG)] * 2, SEG).values()).backward()
    assert head.outputs.layers['seg'].weight.grad is not None
    assert head.outputs.layers['seg2'].weight.grad is None
    assert outputs_of(head, feats, SEG2).shape[1] == 2


def test_a_decode_head_gives_what_mmseg_gives(feats):
    """With one task and its last layer put back, it is the same head: same losses, same logits."""
    from mmengine.registry import MODELS, DefaultScope

    ours = MMSegHead([SEG], [16] * 4, SEGMENTATION['uper']).eval()
    with DefaultScope.overwrite_default_scope('mmseg'):
        theirs = MODELS.build(SEGMENTATION['uper'] | dict(in_channels=[16] * 4, num_classes=3)).eval()
    state = {name.removeprefix('head.'): t for name, t in ours.state_dict().items() if name.startswith('head.')}
    for part in ('weight', 'bias'):
        state[f'conv_seg.{part}'] = ours.state_dict()[f'outputs.layers.seg.{part}']
    theirs.load_state_dict(state, strict=True)
    torch.testing.assert_close(outputs_of(ours, feats, SEG), theirs(feats))
    samples = [make_sample(SEG), make_sample(SEG)]
    expected = theirs.loss_by_feat(theirs(feats), samples)
    torch.testing.assert_close(mean_losses(ours, feats, samples, SEG), dict(loss_ce=expected['loss_ce']))


def test_every_loss_of_a_decode_head_is_reported(feats):
    """Two of `loss_decode`, weighted as configured; accuracy is no loss."""
    losses = mean_losses(MMSegHead([SEG], [16] * 4, SEGMENTATION['losses']), feats, [make_sample(SEG)] * 2, SEG)
    assert losses.keys() == {'loss_lovasz', 'loss_dice'}
    assert all(loss.requires_grad for loss in losses.values())


@pytest.mark.parametrize('name', ['fcos', 'atss'])
def test_a_dense_head_gives_what_mmdet_gives(name, feats):
    """The same losses, those of levels added up, and nothing that is no loss."""
    from mmdet.structures import DetDataSample

    head = MMDetHead([DET], [16] * 4, DETECTION[name]).eval()
    samples = [make_sample(DET), make_sample(DET)]
    theirs = []
    for sample in samples:
        one = DetDataSample(metainfo=dict(img_shape=(64, 64), pad_shape=(64, 64), batch_input_shape=(64, 64)))
        one.gt_instances = sample.gt_instances
        theirs.append(one)
    expected = head.heads['det'].loss(feats, theirs)
    expected = {key: sum(value) if isinstance(value, list) else value for key, value in expected.items()}
    torch.testing.assert_close(mean_losses(head, feats, samples, DET), expected)


def test_boxes_come_back_through_the_matrix(feats):
    """A mirrored, scaled input: mmdet's scale factor could not say that."""
    head = MMDetHead([DET], [16] * 4, FCOS).eval()
    plain, mirrored = make_sample(DET), make_sample(DET)
    mirrored.set_metainfo(
        dict(homography_matrix=np.array([[-1, 0, 64], [0, 1, 0], [0, 0, 1]]) @ mirrored.homography_matrix)
    )
    predict_with(head, [f[:1] for f in feats], [plain], DET)
    predict_with(head, [f[:1] for f in feats], [mirrored], DET)
    x1, y1, x2, y2 = plain.pred_instances.bboxes.unbind(1)
    expected = torch.stack([200 - x2, y1, 200 - x1, y2], dim=1)
    torch.testing.assert_close(mirrored.pred_instances.bboxes, expected)


def test_an_image_without_a_box(feats):
    sample = make_sample(DET)
    sample.gt_instances = sample.gt_instances[:0]
    losses = mean_losses(MMDetHead([DET], [16] * 4, FCOS), feats, [sample, sample], DET)
    assert all(loss.isfinite() for loss in losses.values())


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match=r'set up for strides \[4, 8, 16, 32\], but its maps have \[8, 16, 32, 64\]'):
        build(config(detection=FCOS | dict(strides=[4, 8, 16, 32])))
    with pytest.raises(ConfigError, match='num_classes 80'):
        build(config(detection=FCOS | dict(num_classes=80)))
    with pytest.raises(ConfigError, match=r'levels of one width, not \[16, 32\]'):
        MMDetHead([DET], [16, 32], FCOS)
    with pytest.raises(ConfigError, match=r'UPerHead cannot be built: .* in_index is -1'):
        build(config(segmentation=dict(type='mmseg.UPerHead', channels=8)))
    with pytest.raises(ConfigError, match=r"'mmdet\.NoHead' is not registered"):
        build(config(detection=dict(type='mmdet.NoHead')))
    with pytest.raises(ConfigError, match=r"'mmseg\.NoHead' is not registered"):
        build(config(segmentation=dict(type='mmseg.NoHead')))
    with pytest.raises(ConfigError, match="'original'"):
        head = MMDetHead([DET], [16] * 4, FCOS)
        mean_losses(head, [torch.zeros(1, 16, s, s) for s in (8, 4, 2, 1)], [make_sample(DET, frame='original')], DET)


def test_init_weights_reaches_the_parts_that_say_how_they_start():
    constant = dict(type='Constant', layer='Conv2d', val=0.5)
    model = build(
        config(
            neck=dict(type='mmdet.FPN', out_channels=16, num_outs=4, init_cfg=constant),
            backbone=TINY['resnet'],
            detection=FCOS | dict(strides=[4, 8, 16, 32]),
            segmentation=dict(type='aurora_mm.SegmentationHead', channels=8, init_cfg=constant),
        )
    )
    drawn = {name: tensor.clone() for name, tensor in model.heads['landmark'].state_dict().items()}
    model.init_weights()

    assert all(torch.equal(tensor, drawn[name]) for name, tensor in model.heads['landmark'].state_dict().items())
    for head in model.heads['detection'].heads.values():
        # -log((1 - p) / p) for a prior of p = 0.01 (Lin et al., Focal Loss for Dense Object Detection, section 4.1)
        assert head.conv_cls.bias.tolist() == pytest.approx([-4.59512] * head.num_classes)
    assert (model.necks['neck'].fpn_convs[0].conv.weight == 0.5).all()
    assert (next(iter(model.heads['segmentation'].outputs.layers.values())).weight == 0.5).all()


def test_levels_lie_where_a_dense_head_has_its_points(monkeypatch):
    """An image of 288 pixels has 4.5 cells of 64 pixels: our neck has five that cover the image, mmdet five of 64."""
    model = build(config(detection=FCOS))
    head = model.heads['detection']
    assert model.necks['neck'].fit_maps_to_image
    assert head.maps_fit_image
    monkeypatch.setattr(MMDetHead, 'outputs_of', lambda self, head, levels, samples: levels)
    cells = [36, 18, 9, 5]
    feats = [((torch.arange(n) + 0.5) * 288 / n).expand(1, 16, n, n) for n in cells]
    (levels,) = head.task_outputs(feats, [TaskBatch(DET, None, [make_sample(DET, size=288)])])
    for level, stride, count in zip(levels, [8, 16, 32, 64], cells, strict=True):
        expected = (torch.arange(count) + 0.5) * stride
        torch.testing.assert_close(level[0, 0, 0], expected.clamp(max=288 - 288 / count / 2))

    neck = dict(type='mmdet.FPN', out_channels=16, num_outs=4)
    strides = FCOS | dict(strides=[4, 8, 16, 32])
    assert not build(config(TINY['resnet'], neck, detection=strides)).heads['detection'].maps_fit_image
