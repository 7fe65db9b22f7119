"""Prepares a config that pretrains an encoder."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.config import Config

from aurora_mm.apis.config import prepare_config, set_pretrained
from aurora_mm.config_variables import MASKED_MODELS
from aurora_mm.errors import ConfigError

_IMAGE_FOLDERS = ('ImageFolderDataset', 'aurora_mm.ImageFolderDataset')


def resolve_pretraining(cfg: Config, images: Sequence[str] | None = None, pretrained: str | None = None) -> Config:
    """Set the images and the weights to start from in a config of :class:`aurora_mm.models.MaskedImageModel`.

    Args:
        cfg: Changed in place.
        images: Folders, files or patterns of the images, see :class:`aurora_mm.datasets.ImageFolderDataset`. None keeps
            those of the config.
        pretrained: See :func:`resolve_config`.

    Returns:
        ``cfg``.

    Raises:
        ConfigError: If it is a config of another kind, or ``img_size`` is not that of the pipeline.
        WeightsError: If ``pretrained`` does not exist.
    """
    dataset = cfg.get('train_dataloader', {}).get('dataset', {})
    if dataset.get('type') not in _IMAGE_FOLDERS or cfg.get('model', {}).get('type') not in MASKED_MODELS:
        raise ConfigError(
            f'{cfg.filename} does not pretrain: its model is not MaskedImageModel, or its data not ImageFolderDataset; '
            'configs/pretraining has configs that do'
        )
    prepare_config(cfg)
    if images is not None:
        dataset.folders = list(images)
    set_pretrained(cfg, pretrained)
    return cfg
