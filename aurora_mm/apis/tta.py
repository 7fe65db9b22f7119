"""Test-time augmentation of any config."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.config import Config

from aurora_mm.apis.pipelines import tta_pipeline


def use_tta(cfg: Config, scales: Sequence[float] = ()) -> Config:
    """Makes a config's test run average each image's prediction over views of it.

    The config's own ``tta_pipeline`` is used if it has one, as mmdet and mmseg have it; otherwise, or with scales
    given, the views are made from the test pipeline: every scale, plain and mirrored where the task allows it.
    ``tta_model`` is ``MultiTaskTTAModel`` unless the config says otherwise.

    Args:
        cfg: Changed in place: ``model`` and the pipeline of ``test_dataloader``.
        scales: Factors of the network's input size.

    Raises:
        ConfigError: See :func:`tta_pipeline`.
    """
    dataset = cfg.test_dataloader.dataset
    own = cfg.get('tta_pipeline')
    dataset.pipeline = own if own is not None and not scales else tta_pipeline(dataset.pipeline, scales or (1.0,))
    cfg.model = dict(cfg.get('tta_model') or dict(type='MultiTaskTTAModel'), module=cfg.model)
    return cfg
