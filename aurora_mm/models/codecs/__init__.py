from aurora_mm.models.codecs.grid_box_codec import GridBoxCodec
from aurora_mm.models.codecs.heatmap_codec import HeatmapCodec

__all__ = ['GridBoxCodec', 'HeatmapCodec']
