from aurora_mm.converters.coco import fmc_to_coco
from aurora_mm.converters.coco_to_fmc import coco_to_fmc
from aurora_mm.converters.index_masks import index_masks
from aurora_mm.converters.mmseg_folders import fmc_to_mmseg, mmseg_to_fmc

__all__ = ['coco_to_fmc', 'fmc_to_coco', 'fmc_to_mmseg', 'index_masks', 'mmseg_to_fmc']
