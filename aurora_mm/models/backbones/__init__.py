from aurora_mm.models.backbones.base_encoder import BaseEncoder
from aurora_mm.models.backbones.conv_detail_branch import ConvDetailBranch
from aurora_mm.models.backbones.efficientnet_lite import EfficientNetLite
from aurora_mm.models.backbones.hf_backbone import HFBackbone
from aurora_mm.models.backbones.lora import merge_lora
from aurora_mm.models.backbones.qwen3_vl_backbone import Qwen3VLBackbone
from aurora_mm.models.backbones.timm_backbone import TimmBackbone

__all__ = [
    'BaseEncoder',
    'ConvDetailBranch',
    'EfficientNetLite',
    'HFBackbone',
    'Qwen3VLBackbone',
    'TimmBackbone',
    'merge_lora',
]
