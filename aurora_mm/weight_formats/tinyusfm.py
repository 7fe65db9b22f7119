"""TinyUSFM."""

from __future__ import annotations

from aurora_mm.registry import WEIGHT_FORMATS
from aurora_mm.weight_formats.timm_vit import TimmViT
from aurora_mm.weight_formats.weight_format import IMAGENET


@WEIGHT_FORMATS.register_module(name='tinyusfm')
class TinyUSFM(TimmViT):
    """The encoder of TinyUSFM, a ViT of 5.5 million parameters that was distilled from USFM on ultrasound images.

    Layout, 12 heads at a width of 192, ``gelu`` and epsilon 1e-6: ``model/tinyusfm_seg.py`` and
    ``utils/load_model_seg.py`` of https://github.com/MacDunno/TinyUSFM, whose files have names that start with
    ``model.``; mean and std: ``utils/data_processing_seg.py`` there. Paper: https://arxiv.org/abs/2510.19239.
    """

    model_type = 'vit'
    architecture = 'ViTModel'
    prefixes = ('', 'model.', 'module.', 'module.model.')
    left_out = (r'mask_token', r'(head|head_dist|fc_norm|dist_norm)\..*')
    beside = (r'.*',)  # as the authors' loader does
    heads = {192: 12}
    mean, std = IMAGENET
    licence = 'Apache-2.0 by the README of the repository'
