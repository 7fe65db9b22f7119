"""Detectors of mmdet and segmentors of mmseg, as their own configs set them up, as heads of the multi-task model."""

import sys
from pathlib import Path

import pytest
import torch
from test_foreign_parts import build, config, learns_and_predicts

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads import MMDetDetectorHead, MMSegHead, MMSegSegmentorHead, wrap_foreign_head
from tests.models.conftest import DET, DET2, SEG, make_sample, mean_losses, predict_with

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
sys.path.insert(0, str(Path(__file__).parents[3] / 'benchmarks/interop'))
from host_configs import find_config, model_of, part_of

WIDE = dict(type='aurora_mm.TokenPyramid', out_channels=256, scales=(2, 1, 1 / 2, 1 / 4), num_refine=0)


OPERATORS = pytest.mark.needs_operators


def slow(name, *marks):
    return pytest.param(name, marks=[pytest.mark.slow, *marks])


def detector(name):
    """A detector as its config has it, with the strides left out that are this model's."""
    model = model_of('mmdet', find_config('mmdet', name))
    cfg = {key: value for key, value in model.items() if key not in ('backbone', 'neck', 'data_preprocessor')}
    if 'rpn_head' in cfg and 'anchor_generator' in cfg['rpn_head']:
        del cfg['rpn_head'].anchor_generator['strides']
        extractors = cfg['roi_head'].bbox_roi_extractor
        for extractor in extractors if isinstance(extractors, list) else [extractors]:
            del extractor['featmap_strides']
    return cfg | dict(type=f'mmdet.{name}')


def decode_head(name):
    return part_of(model_of('mmseg', find_config('mmseg', name)), name) | dict(type=f'mmseg.{name}')


@pytest.mark.parametrize('name', [pytest.param('FasterRCNN', marks=OPERATORS), slow('CascadeRCNN', OPERATORS), 'DINO'])
@pytest.mark.long
def test_a_detector_for_all_tasks_of_the_type(name):
    model = build(config(neck=WIDE, detection=detector(name)))
    assert isinstance(model.heads['detection'], MMDetDetectorHead)
    assert list(model.heads['detection'].heads) == ['det', 'det2']
    model.init_weights()  # mmdet leaves some parameters as the memory was until then
    learns_and_predicts(model, 128, 2e-4, 4, least_boxes=0)  # those below its own threshold of scores are left out


@pytest.mark.parametrize(
    'name',
    [
        'DETR',
        slow('ConditionalDETR'),
        slow('DABDETR'),
        'DeformableDETR',
        slow('SparseRCNN', OPERATORS),
        'RTMDet',
        pytest.param('TOOD', marks=OPERATORS),
    ],
)
def test_a_detector_is_tried_when_it_is_built(name):
    """One step and one prediction, which fail or pass in the constructor."""
    cfg = detector(name)
    strides = [8, 16, 32, 64, 128] if name == 'TOOD' else [8, 16, 32, 64]
    if name == 'RTMDet':
        strides = strides[:3]
    if name == 'SparseRCNN':
        cfg['roi_head'].bbox_roi_extractor.featmap_strides = strides
    head = MMDetDetectorHead([DET2], [256] * len(strides), cfg, in_strides=strides)
    assert head.heads['det2'].bbox_head.num_classes == 2 if name != 'SparseRCNN' else head.heads['det2'].with_roi_head


@pytest.mark.parametrize('name', ['Mask2FormerHead', slow('MaskFormerHead')])
def test_a_decode_head_with_losses_of_its_own(name):
    model = build(config(neck=WIDE, segmentation=decode_head(name)))
    head = model.heads['segmentation']
    assert isinstance(head, MMSegSegmentorHead)
    assert [part.num_classes for part in head.heads.values()] == [3, 2]
    model.init_weights()
    learns_and_predicts(model, 128, 1e-4, 4)


def test_k_net_is_told_its_classes_and_channels():
    wrapped = wrap_foreign_head(decode_head('IterativeDecodeHead'))
    head = MMSegSegmentorHead([SEG], [256] * 4, wrapped['segmentor']).heads['seg'].decode_head
    assert [part.num_classes for part in (head.kernel_generate_head, *head.kernel_update_head)] == [3] * 4
    assert head.kernel_update_head[0].in_channels == head.kernel_generate_head.channels


def test_mask_classification_of_mmdet_becomes_that_of_mmseg():
    model = model_of('mmdet', find_config('mmdet', 'Mask2Former'))
    wrapped = wrap_foreign_head(
        {key: model[key] for key in ('panoptic_head', 'train_cfg')} | dict(type='mmdet.Mask2Former')
    )
    assert wrapped['type'] == 'aurora_mm.MMSegSegmentorHead'
    head = MMSegSegmentorHead([SEG], [256] * 4, wrapped['segmentor'])
    assert type(head.heads['seg'].decode_head).__module__ == 'mmseg.models.decode_heads.mask2former_head'
    assert head.heads['seg'].decode_head.num_classes == 3


def test_masks_are_merged_by_probabilities(feats):
    """What a query head gives are sums of probabilities; the views of a mask hold their shares."""
    torch.manual_seed(0)
    feats = [torch.randn(2, 256, side, side) for side in (8, 4, 2, 1)]
    wrapped = wrap_foreign_head(decode_head('Mask2FormerHead'))
    head = MMSegSegmentorHead([SEG], [256] * 4, wrapped['segmentor'], in_strides=[8, 16, 32, 64]).eval()
    samples = [make_sample(SEG), make_sample(SEG)]
    for sample in samples:
        sample.set_metainfo(dict(img_shape=(64, 64)))
    predict_with(head, feats, samples, SEG)
    metas = [dict(img_shape=(64, 64), pad_shape=(64, 64), batch_input_shape=(64, 64))] * 2
    scores = head.heads['seg'].encode_decode(feats, metas)
    (view,) = samples[0].mask_views
    torch.testing.assert_close(view.probs, (scores / scores.sum(1, keepdim=True))[0])


@OPERATORS
def test_a_detector_gives_what_mmdet_gives():
    """Faster R-CNN with the same weights and maps, called as mmdet calls it: the same losses."""
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    torch.manual_seed(0)
    feats = tuple(torch.randn(2, 256, side, side) for side in (16, 8, 4, 2))
    head = MMDetDetectorHead([DET], [256] * 4, detector('FasterRCNN'), in_strides=[4, 8, 16, 32])
    samples, theirs = [make_sample(DET), make_sample(DET)], []
    for sample in samples:
        one = DetDataSample(metainfo=dict(img_shape=(64, 64), pad_shape=(64, 64), batch_input_shape=(64, 64)))
        one.gt_instances = InstanceData(bboxes=sample.gt_instances.bboxes, labels=sample.gt_instances.labels)
        theirs.append(one)
    torch.manual_seed(1)
    found = mean_losses(head, feats, samples, DET)
    torch.manual_seed(1)
    expected = head.heads['det'].loss(feats, theirs)
    expected = {key: sum(v) if isinstance(v, list) else v for key, v in expected.items() if 'loss' in key}
    torch.testing.assert_close(found, expected)


def _given(head, inner, num_classes):
    """The change to a config of a head that gives its inner head a number of classes."""
    if inner is head:
        return dict(num_classes=num_classes)
    (place,) = [key for key, value in head.items() if value is inner]
    return {place: inner | dict(num_classes=num_classes)}


class TestRefusals:
    @pytest.mark.parametrize(
        ('key', 'head', 'needed'),
        [
            ('segmentation', dict(type='mmseg.FCNHead', channels=16), 3),
            ('segmentation', dict(type='mmseg.EncoderDecoder', decode_head=dict(type='FCNHead', channels=16)), 3),
            ('detection', dict(type='mmdet.FCOSHead', feat_channels=16, stacked_convs=1), 1),
            ('detection', dict(type='mmdet.RetinaNet', bbox_head=dict(type='RetinaHead', feat_channels=16)), 1),
            ('detection', dict(type='aurora_mm.MMDetHead', shared=True, head=dict(type='mmdet.FCOSHead')), 2),
        ],
        ids=lambda value: value['type'] if isinstance(value, dict) else None,
    )
    def test_a_number_of_classes_that_is_not_the_tasks(self, key, head, needed):
        """In a whole model, in a head that tasks share and in one for each task alike."""
        inner = next((head[part] for part in ('decode_head', 'bbox_head', 'head') if part in head), head)
        with pytest.raises(ConfigError, match=f'has num_classes 19, but its tasks need {needed}; leave it out'):
            build(config(**{key: head | _given(head, inner, 19)}))

    def test_the_number_of_the_task_with_most_may_be_given(self):
        head = MMSegHead([SEG], [16] * 4, dict(type='mmseg.FCNHead', channels=8, num_convs=1, num_classes=3))
        assert head.outputs.layers['seg'].out_channels == 3

    def test_no_masks_no_backbone_no_other_classes(self):
        masks = detector('FasterRCNN')
        masks['roi_head'].mask_head = dict(type='FCNMaskHead')
        with pytest.raises(ConfigError, match=r'FasterRCNN .* with roi_head.mask_head: they learn from a'):
            MMDetDetectorHead([DET], [256] * 4, masks)
        with pytest.raises(ConfigError, match='reads the maps of this model: leave out its backbone'):
            MMDetDetectorHead([DET], [256] * 4, detector('FasterRCNN') | dict(backbone=dict(type='ResNet')))
        other = detector('FasterRCNN')
        other['roi_head'].bbox_head.num_classes = 80
        with pytest.raises(ConfigError, match=r'roi_head\.bbox_head has num_classes 80, but its tasks need 1'):
            MMDetDetectorHead([DET], [256] * 4, other)

    def test_masks_of_objects_are_no_classes_of_pixels(self):
        said = r"mmdet.MaskRCNN cannot be a head of segmentation task 'seg': it finds boxes, .* mmdet.Mask2Former"
        with pytest.raises(ConfigError, match=said):
            build(config(segmentation=dict(type='mmdet.MaskRCNN')))

    def test_strides_of_the_proposals(self):
        cfg = detector('FasterRCNN')
        cfg['rpn_head'].anchor_generator.strides = [4, 8, 16, 32]
        with pytest.raises(ConfigError, match=r'strides \[4, 8, 16, 32\], but its maps have \[8, 16, 32, 64\]'):
            MMDetDetectorHead([DET], [256] * 4, cfg, in_strides=[8, 16, 32, 64])

    def test_a_batch_norm_over_one_value(self):
        with pytest.raises(ConfigError, match=r"PSPHead .* 'seg'.*BatchNorm.*norm_cfg=dict\(type='GN'"):
            MMSegHead([SEG], [16] * 4, dict(type='mmseg.PSPHead', channels=8, norm_cfg=dict(type='SyncBN')))

    @pytest.mark.parametrize(
        ('kind', 'said'),
        [
            ('mmdet.DINOHead', 'use the whole one, such as mmdet.DINO'),
            ('mmdet.MaskRCNN', 'with roi_head.mask_head'),
            ('mmdet.SOLOHead', 'learns from a mask of every box'),
            ('mmseg.OCRHead', 'use mmseg.CascadeEncoderDecoder'),
            ('mmdet.Shared2FCBBoxHead', 'a part of a second stage'),
        ],
    )
    def test_what_is_no_head(self, kind, said):
        cfg = dict(type=kind, roi_head=dict(mask_head=dict())) if kind == 'mmdet.MaskRCNN' else dict(type=kind)
        with pytest.raises(ConfigError, match=said):
            build(config(detection=cfg) if kind.startswith('mmdet') else config(segmentation=cfg))


@OPERATORS
def test_a_trial_leaves_no_trace():
    """Weights, buffers, modes and the random generators are what they were."""
    import numpy as np

    torch.manual_seed(0)
    np.random.seed(0)
    first = MMDetDetectorHead([DET], [256] * 4, detector('FasterRCNN'), in_strides=[4, 8, 16, 32])
    drawn, number = torch.rand(1), np.random.rand()
    torch.manual_seed(0)
    np.random.seed(0)
    from aurora_mm.models.heads import base_mmdet_head

    original, base_mmdet_head.try_head = base_mmdet_head.try_head, lambda *args: None
    try:
        second = MMDetDetectorHead([DET], [256] * 4, detector('FasterRCNN'), in_strides=[4, 8, 16, 32])
    finally:
        base_mmdet_head.try_head = original
    assert (torch.rand(1), np.random.rand()) == (drawn, number)
    assert first.training
    assert all(p.grad is None for p in first.parameters())
    torch.testing.assert_close(first.state_dict(), second.state_dict(), rtol=0, atol=0)
