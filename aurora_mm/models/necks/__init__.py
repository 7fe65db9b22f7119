from aurora_mm.models.necks.token_pyramid import TokenPyramid

__all__ = ['TokenPyramid']
