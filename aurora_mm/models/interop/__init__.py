from aurora_mm.models.interop.aurora_decode_head import AuroraDecodeHead
from aurora_mm.models.interop.aurora_dense_head import AuroraDenseHead
from aurora_mm.models.interop.mmdet_head import MMDetHead
from aurora_mm.models.interop.mmseg_head import MMSegHead

__all__ = ['AuroraDecodeHead', 'AuroraDenseHead', 'MMDetHead', 'MMSegHead']
