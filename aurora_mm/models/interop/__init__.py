from aurora_mm.models.interop.aurora_decode_head import AuroraDecodeHead
from aurora_mm.models.interop.aurora_dense_head import AuroraDenseHead

__all__ = ['AuroraDecodeHead', 'AuroraDenseHead']
