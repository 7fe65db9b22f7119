from aurora_mm.models.backbones.hf.hf_encoder import HFEncoder
from aurora_mm.models.backbones.hf.masked_vits import BeitViT, MAEViT, RadioViT
from aurora_mm.models.backbones.hf.plain_vit import NaFlexViT, PlainViT, ResampledViT
from aurora_mm.models.backbones.hf.qwen2_5_vl import Qwen25VL
from aurora_mm.models.backbones.hf.sam import SamViT
from aurora_mm.models.backbones.hf.staged_backbone import StagedBackbone

__all__ = [
    'BeitViT',
    'HFEncoder',
    'MAEViT',
    'NaFlexViT',
    'PlainViT',
    'Qwen25VL',
    'RadioViT',
    'ResampledViT',
    'SamViT',
    'StagedBackbone',
]
