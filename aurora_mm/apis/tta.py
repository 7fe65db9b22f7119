"""Test-time augmentation for any config."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.config import Config

from aurora_mm.apis.pipelines import tta_pipeline


def use_tta(cfg: Config, scales: Sequence[float] = ()) -> Config:
    """Set up test-time augmentation: the predictions for several views of each image are averaged.

    If the config has a ``tta_pipeline``, as in mmdet and mmseg, and no scales are given, it is used. Otherwise views
    are created from the test pipeline: for each scale an unflipped one and, if the task allows it, a flipped one.
    ``tta_model`` is ``MultiTaskTTAModel`` by default.

    Args:
        cfg: Changed in place: ``model`` and the pipeline of ``test_dataloader``.
        scales: Factors for the size of the network input. Empty for the ``tta_pipeline`` of the config, or 1.

    Returns:
        ``cfg``.

    Raises:
        ConfigError: See :func:`tta_pipeline`.
    """
    dataset = cfg.test_dataloader.dataset
    own = cfg.get('tta_pipeline')
    dataset.pipeline = own if own is not None and not scales else tta_pipeline(dataset.pipeline, scales or (1.0,))
    cfg.model = dict(cfg.get('tta_model') or dict(type='MultiTaskTTAModel'), module=cfg.model)
    return cfg
