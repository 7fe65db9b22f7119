from aurora_mm.models.codecs.grid_box_codec import GridBoxCodec

__all__ = ['GridBoxCodec']
