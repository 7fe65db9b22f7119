"""Models of the hosts' own configs, with our encoder and pyramid in place of their backbone and neck."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import InstanceData, PixelData

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

ENCODER = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
FIVE = (8, 16, 32, 64, 128)
SLOW = pytest.mark.slow
OPERATORS = pytest.mark.needs_operators
# Strides of the levels that the head reads; five are made from four taps by `num_outs=5`.
DETECTORS = {
    'retinanet/retinanet_r50_fpn_1x_coco.py': FIVE,
    'rtmdet/rtmdet_tiny_8xb32-300e_coco.py': FIVE,
    'yolox/yolox_s_8xb8-300e_coco.py': FIVE,
    'fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py': FIVE,
    'atss/atss_r50_fpn_1x_coco.py': FIVE,
    'gfl/gfl_r50_fpn_1x_coco.py': FIVE,
    'paa/paa_r50_fpn_1x_coco.py': FIVE,
    'vfnet/vfnet_r50_fpn_1x_coco.py': FIVE,
    'tood/tood_r50_fpn_1x_coco.py': FIVE,
    'ghm/retinanet_r50_fpn_ghm-1x_coco.py': FIVE,
    'foveabox/fovea_r50_fpn_4xb4-1x_coco.py': FIVE,
    'fsaf/fsaf_r50_fpn_1x_coco.py': FIVE,
    'free_anchor/freeanchor_r50_fpn_1x_coco.py': FIVE,
    'autoassign/autoassign_r50-caffe_fpn_1x_coco.py': FIVE,
    'sabl/sabl-retinanet_r50_fpn_1x_coco.py': FIVE,
    'reppoints/reppoints-moment_r50_fpn_1x_coco.py': FIVE,
    'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py': (4, 8, 16, 32, 64),
    'cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py': (4, 8, 16, 32, 64),
    'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py': (4, 8, 16, 32, 64),
}
NEED_OPERATORS = ('tood', 'vfnet', 'reppoints', 'rcnn')
SEGMENTORS = [
    'upernet/upernet_r50_4xb4-40k_voc12aug-512x512.py',
    'fcn/fcn_r50-d8_4xb4-20k_voc12aug-512x512.py',
    'pspnet/pspnet_r50-d8_4xb4-20k_voc12aug-512x512.py',
    'deeplabv3/deeplabv3_r50-d8_4xb4-20k_voc12aug-512x512.py',
    'segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py',
    'sem_fpn/fpn_r50_4xb4-160k_ade20k-512x512.py',
    'ocrnet/ocrnet_hr18_4xb4-20k_voc12aug-512x512.py',
    'encnet/encnet_r50-d8_4xb4-20k_voc12aug-512x512.py',
    'gcnet/gcnet_r50-d8_4xb4-20k_voc12aug-512x512.py',
]
FAST = ('retinanet', 'rtmdet', 'yolox', 'upernet')


def model_of(host, path):
    folder = Path(importlib.util.find_spec(host).origin).parent / '.mim/configs'
    return Config.fromfile(folder / path, import_custom_modules=False).model


def pyramid(strides, channels):
    taps = min(4, len(strides))
    return dict(
        type='aurora_mm.TokenPyramid',
        in_channels=[ENCODER['hidden_size']] * taps,
        out_channels=channels,
        scales=[16 / stride for stride in strides[:taps]],
        num_refine=1,
        num_outs=len(strides),
    )


def build(host, model):
    with DefaultScope.overwrite_default_scope(host):
        return MODELS.build(model)


def with_one_class(value):
    """The config of a model with one class, without weights to download."""
    if isinstance(value, dict):
        kept = {key: with_one_class(item) for key, item in value.items() if key not in ('init_cfg', 'pretrained')}
        return ConfigDict({key: 1 if key == 'num_classes' else item for key, item in kept.items()})
    return [with_one_class(item) for item in value] if isinstance(value, list | tuple) else value


def detection_samples(size, with_masks=False):
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    samples = []
    for box in ([16.0, 16.0, 90.0, 80.0], [30.0, 40.0, 120.0, 100.0]):
        meta = dict(img_shape=size, batch_input_shape=size, pad_shape=size, ori_shape=size, scale_factor=(1.0, 1.0))
        sample = DetDataSample(metainfo=meta)
        sample.gt_instances = InstanceData(bboxes=torch.tensor([box]), labels=torch.zeros(1, dtype=torch.long))
        if with_masks:
            masks = np.zeros((1, *size), np.uint8)
            masks[0, int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = 1
            sample.gt_instances.masks = BitmapMasks(masks, *size)
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4))
        samples.append(sample)
    return samples


@pytest.fixture
def epoch():
    """The epoch that a runner would set, which the losses of TOOD read."""
    hub = MessageHub.get_current_instance()
    hub.update_info('epoch', 0)
    yield
    hub.pop_info('epoch')


def detector_cases():
    for path, strides in DETECTORS.items():
        marks = [] if path.startswith(FAST) else [SLOW]
        marks += [OPERATORS] if any(name in path for name in NEED_OPERATORS) else []
        yield pytest.param(path, strides, marks=marks, id=path.partition('/')[0])


@pytest.mark.parametrize(('path', 'strides'), detector_cases())
def test_a_detector_of_mmdet(path, strides, epoch):
    """It is trained for one step, every parameter gets a gradient, and it predicts."""
    model = with_one_class(model_of('mmdet', path))
    channels = model.neck.out_channels
    if path.startswith(('rtmdet', 'yolox')):  # three levels in the config
        which = model.bbox_head.get('anchor_generator', model.bbox_head)
        which.strides = list(strides)
    model.backbone = dict(type='aurora_mm.Qwen3VLBackbone', preset=ENCODER)
    model.neck = pyramid(strides, channels)
    model.data_preprocessor = dict(
        type='DetDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, pad_size_divisor=32, pad_mask=True
    )
    torch.manual_seed(0)
    built = build('mmdet', model)
    assert built.neck.strides == list(strides)
    size = (128, 160)
    inputs = torch.randn(2, 3, *size)
    losses = built.loss(inputs, detection_samples(size, with_masks='mask' in path))
    total, _ = built.parse_losses(losses)
    assert total.isfinite()
    total.backward()
    ours = [(name, p) for name, p in built.named_parameters() if name.startswith(('backbone.', 'neck.'))]
    assert not [name for name, p in ours if p.grad is None or not p.grad.isfinite().all()]
    with torch.no_grad():
        found = built.eval().predict(inputs, detection_samples(size))
    assert all(sample.pred_instances.bboxes.shape[1] == 4 for sample in found)


def segmentor_cases():
    for path in SEGMENTORS:
        yield pytest.param(path, marks=[] if path.startswith(FAST) else SLOW, id=path.partition('/')[0])


@pytest.mark.parametrize('path', segmentor_cases())
def test_a_segmentor_of_mmseg(path):
    from mmseg.structures import SegDataSample

    model = model_of('mmseg', path)
    for part in (model.decode_head, model.get('auxiliary_head')):
        for head in part if isinstance(part, list) else [part]:
            if head is not None:
                several = isinstance(head.in_channels, list | tuple)
                head.in_channels = [64] * len(head.in_channels) if several else 64
                if not several:
                    head.in_index = head.get('in_index', -1)
                head.num_classes = 2
                if several and 'ocrnet' in path:
                    head.in_index = list(range(len(head.in_channels)))
    model = Config(dict(model=model)).model
    model.backbone = dict(type='aurora_mm.Qwen3VLBackbone', preset=ENCODER)
    model.neck = pyramid((4, 8, 16, 32), 64)
    model.pretrained = None
    model.data_preprocessor = None
    for norm in [part for part in parts_of(model) if part.get('type') == 'SyncBN']:
        norm.type = 'BN'
    torch.manual_seed(0)
    built = build('mmseg', model)
    size = (96, 128)
    inputs, samples = torch.randn(2, 3, *size), []
    for edge in (40, 70):
        sample = SegDataSample(metainfo=dict(img_shape=size, pad_shape=size, ori_shape=size))
        mask = torch.zeros(1, *size, dtype=torch.long)
        mask[:, 20:edge, 30:edge] = 1
        sample.gt_sem_seg = PixelData(data=mask)
        samples.append(sample)
    total, _ = built.parse_losses(built.loss(inputs, samples))
    assert total.isfinite()
    total.backward()
    assert all(p.grad is not None for p in built.backbone.parameters())
    with torch.no_grad():
        found = built.eval().predict(inputs, samples)
    assert all(sample.pred_sem_seg.data.shape == (1, *size) for sample in found)


def parts_of(value):
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from parts_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts_of(item)
