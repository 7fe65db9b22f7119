from aurora_mm.models.codecs.dense_box_codec import DenseBoxCodec
from aurora_mm.models.codecs.grid_box_codec import GridBoxCodec
from aurora_mm.models.codecs.heatmap_codec import HeatmapCodec

__all__ = ['DenseBoxCodec', 'GridBoxCodec', 'HeatmapCodec']
