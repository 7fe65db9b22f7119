"""Wrapping of heads of mmdet and mmseg in heads of this package, and a list of those that cannot be heads."""

from __future__ import annotations

from typing import Any

from aurora_mm.models.utils.build import foreign_class
from aurora_mm.refusals import Refusals

_DETECTORS = 'use a whole detector such as mmdet.FasterRCNN or mmdet.DINO'
_MASKS = 'it learns from a mask of every box, and detection tasks have boxes alone'
_LANGUAGE = 'it reads a language model beside the image'
_REASONS = dict(
    ATSSVLFusionHead=_LANGUAGE,
    BBoxHead=f'it is a part of a second stage; {_DETECTORS}',
    BaseCascadeDecodeHead='it refines what a first head answers; use mmseg.CascadeEncoderDecoder with both',
    BaseMOTModel='it follows objects through a video, and tasks are of single images',
    BaseMaskHead=_MASKS,
    BasePanopticFusionHead='it joins objects and surfaces, and there is no task type for that',
    BaseRoIExtractor=f'it is a part of a second stage; {_DETECTORS}',
    BaseRoIHead=f'it is the second stage of a detector; {_DETECTORS}',
    BaseSemanticHead=f'it is the second branch of mmdet.PanopticFPN; {_MASKS}',
    BaseTTAModel='it averages predictions at test time; use aurora_mm.MultiTaskTTAModel',
    BoxInst=_MASKS,
    CLRHead='it finds lanes, and there is no task type for lanes',
    CascadeRPNHead=f'it makes proposals for a second stage; {_DETECTORS}',
    CondInst=_MASKS,
    CondInstBboxHead='it is half of CondInst, which learns from a mask of every box',
    CrowdDet='it finds two persons in each place of a crowd; use mmdet.FasterRCNN',
    DDRHead='it reads other maps in training than in testing, as its own backbone mmseg.DDRNet gives them',
    DETRHead='it is the last layer of a detector with queries; use the whole one, such as mmdet.DINO or mmdet.DETR',
    DPTHead='it reads the class tokens of mmseg.VisionTransformer beside the maps',
    DepthEstimator='it estimates depth, and there is no task type for depth',
    Detectron2Wrapper='it drives a detector of Detectron2 with its own backbone',
    EmbeddingRPNHead='it holds the learned proposals of mmdet.SparseRCNN, which takes it as rpn_head',
    FCNMaskHead=_MASKS,
    FastRCNN='it reads proposals from a file; use mmdet.FasterRCNN, which makes them',
    FeatureRelayHead=f'it is a part of SCNet; {_MASKS}',
    FusedSemanticHead=f'it is a part of Hybrid Task Cascade; {_MASKS}',
    GARPNHead=f'it makes proposals for a second stage; {_DETECTORS}',
    GLIP=_LANGUAGE,
    GlobalContextHead=f'it is a part of SCNet; {_MASKS}',
    GridHead=f'it is a part of mmdet.GridRCNN; {_DETECTORS}',
    GroundingDINO=_LANGUAGE,
    HybridTaskCascade=f'{_MASKS}; use mmdet.CascadeRCNN',
    KernelUpdateHead='it is a part of K-Net; use the whole, mmseg.IterativeDecodeHead',
    KernelUpdator='it is a part of K-Net; use the whole, mmseg.IterativeDecodeHead',
    KnowledgeDistillationSingleStageDetector='it learns from a teacher network; use mmdet.GFL',
    LAD='it learns from a teacher network; use mmdet.PAA',
    LADHead='it learns from a teacher network; use mmdet.PAAHead, whose losses it shares',
    LDHead='it learns from a teacher network; use mmdet.GFLHead, whose losses it shares',
    LRASPPHead='it averages over 49 x 49 cells, which only maps of large images have; use mmseg.SegformerHead',
    MaskIoUHead=_MASKS,
    MaskPointHead=_MASKS,
    MaskScoringRCNN=f'{_MASKS}; use mmdet.FasterRCNN',
    MultimodalEncoderDecoder=_LANGUAGE,
    PIDHead='it reads other maps in training than in testing, as its own backbone mmseg.PIDNet gives them',
    PointRend=f'{_MASKS}; use mmdet.FasterRCNN',
    RPN='it makes proposals without classes; use mmdet.FasterRCNN',
    RPNHead=f'it makes proposals for a second stage; {_DETECTORS}',
    RTMDetInsHead=f'{_MASKS}; use mmdet.RTMDetHead',
    ResLayer=f'it is a part of a second stage; {_DETECTORS}',
    SCNet=f'{_MASKS}; use mmdet.CascadeRCNN',
    SemiBaseDetector='it learns from unlabelled images beside the labelled; use its detector, such as mmdet.FasterRCNN',
    SideAdapterCLIPHead=_LANGUAGE,
    SingleStageInstanceSegmentor=_MASKS,
    StageCascadeRPNHead=f'it makes proposals for a second stage; {_DETECTORS}',
    TridentFasterRCNN='it needs the three branches of its own backbone mmdet.TridentResNet; use mmdet.FasterRCNN',
    TwoStagePanopticSegmentor=f'{_MASKS}; use mmdet.FasterRCNN',
    VPDDepthHead='it estimates depth, and there is no task type for depth',
    YOLACTHead='it is a part of YOLACT, which learns from a mask of every box',
)
_BASES = dict(
    AnchorFreeHead='mmdet.FCOSHead',
    AnchorHead='mmdet.RetinaHead',
    BaseDecodeHead='mmseg.FCNHead',
    DetectionTransformer='mmdet.DINO',
    GuidedAnchorHead='mmdet.GARetinaHead',
    TwoStageDetector='mmdet.FasterRCNN',
)
_REFUSED = Refusals(_REASONS, _BASES)


def wrap_foreign_head(cfg: dict[str, Any]) -> dict[str, Any]:
    """Wrap the config of a head of mmdet or mmseg in that of the head of this package that runs it.

    Args:
        cfg: Config of any head.

    Returns:
        The wrapped config if the type is ``mmseg.X`` or ``mmdet.X``, otherwise ``cfg`` itself.

    Raises:
        ConfigError: If the type is not registered, or cannot be the head of a task.
    """
    kind = cfg['type']
    scope = kind.partition('.')[0] if isinstance(kind, str) else ''
    if scope == 'mmseg':
        return _wrap_mmseg(cfg, kind)
    return _wrap_mmdet(cfg, kind) if scope == 'mmdet' else cfg


def _wrap_mmseg(cfg: dict[str, Any], kind: str) -> dict[str, Any]:
    from mmseg.models.decode_heads.decode_head import BaseDecodeHead
    from mmseg.models.segmentors import BaseSegmentor

    found = foreign_class(kind)
    _REFUSED.check(found, f'{kind} cannot be a head')
    if issubclass(found, BaseSegmentor):
        return dict(type='aurora_mm.MMSegSegmentorHead', segmentor=cfg)
    plain = issubclass(found, BaseDecodeHead) and all(
        getattr(found, name) is getattr(BaseDecodeHead, name)
        for name in ('loss', 'predict', 'loss_by_feat', 'predict_by_feat', 'cls_seg')
    )
    if plain and found.__name__ != 'SegmenterMaskTransformerHead':  # whose last layer is not used
        return dict(type='aurora_mm.MMSegHead', head=cfg)
    return dict(type='aurora_mm.MMSegSegmentorHead', segmentor=dict(type='mmseg.EncoderDecoder', decode_head=cfg))


def _wrap_mmdet(cfg: dict[str, Any], kind: str) -> dict[str, Any]:
    import mmdet.models as theirs

    found = foreign_class(kind)
    if issubclass(found, theirs.MaskFormer):
        head = dict(cfg['panoptic_head']) | {key: cfg[key] for key in ('train_cfg', 'test_cfg') if key in cfg}
        return _mask_classification(head)
    if issubclass(found, theirs.MaskFormerHead):
        return _mask_classification(cfg)
    _REFUSED.check(found, f'{kind} cannot be a head')
    if issubclass(found, theirs.BaseDetector):
        return dict(type='aurora_mm.MMDetDetectorHead', detector=cfg)
    return dict(type='aurora_mm.MMDetHead', head=cfg)


def _mask_classification(head: dict[str, Any]) -> dict[str, Any]:
    """Turn a mask classification head of mmdet into that of mmseg, which gives one class to each pixel.

    Classes of pixels are neither things nor stuff, so the numbers of these are left out.
    """
    kind = f'mmseg.{head["type"].rpartition(".")[2]}'
    head = {key: value for key, value in head.items() if key not in ('num_things_classes', 'num_stuff_classes')}
    return _wrap_mmseg(_with_prefix(head) | dict(type=kind), kind)


def _with_prefix(value: Any) -> Any:
    """Add the prefix to mmdet's types within a config, since mmseg does not look them up in mmdet."""
    from mmdet.registry import MODELS, TASK_UTILS

    if isinstance(value, dict):
        value = {key: _with_prefix(item) for key, item in value.items()}
        kind = value.get('type')
        if isinstance(kind, str) and (kind in MODELS.module_dict or kind in TASK_UTILS.module_dict):
            value['type'] = f'mmdet.{kind}'
        return value
    return [_with_prefix(item) for item in value] if isinstance(value, list | tuple) else value
