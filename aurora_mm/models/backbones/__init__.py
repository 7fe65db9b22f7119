from aurora_mm.models.backbones.qwen3_vl_backbone import Qwen3VLBackbone

__all__ = ['Qwen3VLBackbone']
