"""Masked autoencoders: those of the authors of MAE, and USF-MAE."""

from __future__ import annotations

from aurora_mm.registry import WEIGHT_FORMATS
from aurora_mm.weight_formats.timm_vit import TimmViT
from aurora_mm.weight_formats.weight_format import IMAGENET


@WEIGHT_FORMATS.register_module(name='mae')
class MAE(TimmViT):
    """The encoder of a masked autoencoder in the layout of its authors, with its decoder or without.

    USF-MAE, which was trained on ultrasound images, has the same layout: its notebook trains the class of
    ``models_mae.py`` from the authors' weights and saves the state dict.

    Layout, heads and epsilon 1e-6: ``models_mae.py`` of https://github.com/facebookresearch/mae, whose files keep
    their tensors under ``model``; mean and std: ``main_pretrain.py`` there, and ``US_data_loading.py`` of
    https://github.com/Yusufii9/USF-MAE. Paper: https://arxiv.org/abs/2111.06377.
    """

    model_type = 'vit_mae'
    architecture = 'ViTMAEModel'
    prefixes = ('', 'module.')
    left_out = (r'mask_token', r'decoder_.*')
    heads = {768: 12, 1024: 16, 1280: 16}
    mean, std = IMAGENET
    licence = "MAE: CC BY-NC 4.0 in the authors' repository; USF-MAE: MIT by its repository"
