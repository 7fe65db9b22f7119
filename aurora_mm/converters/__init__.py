from aurora_mm.converters.coco import coco_to_fmc, fmc_to_coco
from aurora_mm.converters.mmseg_folders import fmc_to_mmseg, mmseg_to_fmc

__all__ = ['coco_to_fmc', 'fmc_to_coco', 'fmc_to_mmseg', 'mmseg_to_fmc']
