from aurora_mm.models.codecs.base_codec import BaseBoxCodec, BaseCodec, BaseLandmarkCodec, BoxTargets
from aurora_mm.models.codecs.build_codec import build_codec
from aurora_mm.models.codecs.dense_box_codec import DenseBoxCodec
from aurora_mm.models.codecs.grid_box_codec import GridBoxCodec
from aurora_mm.models.codecs.heatmap_codec import HeatmapCodec

__all__ = [
    'BaseBoxCodec',
    'BaseCodec',
    'BaseLandmarkCodec',
    'BoxTargets',
    'DenseBoxCodec',
    'GridBoxCodec',
    'HeatmapCodec',
    'build_codec',
]
