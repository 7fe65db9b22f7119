from aurora_mm.models.backbones.hf.hf_encoder import HFEncoder
from aurora_mm.models.backbones.hf.plain_vit import NaFlexViT, PlainViT, ResampledViT
from aurora_mm.models.backbones.hf.qwen2_5_vl import Qwen25VL
from aurora_mm.models.backbones.hf.staged_backbone import StagedBackbone

__all__ = ['HFEncoder', 'NaFlexViT', 'PlainViT', 'Qwen25VL', 'ResampledViT', 'StagedBackbone']
