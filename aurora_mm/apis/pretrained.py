"""Trained models as torch modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from aurora_mm.apis.checkpoint import build_trained, read_checkpoint, trained_config, trained_tasks
from aurora_mm.apis.config import load_weights
from aurora_mm.checkpoints import local_model

if TYPE_CHECKING:
    from aurora_mm.models import MultiTaskModel


def from_pretrained(source: str | Path, device: str = 'cpu', revision: str | None = None) -> MultiTaskModel:
    """Build the model of a model folder, a model on the Hugging Face hub, or a checkpoint, with its weights.

    Args:
        source: Path of a model folder or a checkpoint, or a hub id ``'owner/name'``.
        device: Device of the model.
        revision: Branch, tag or commit of the model on the hub.

    Returns:
        The model in eval mode, with its calibration and router, if it has them. For predictions of image files use
        :class:`MultiTaskInferencer`, which also prepares images and converts predictions.

    Raises:
        WeightsError: If there is no such model, or it cannot be used.
    """
    file = local_model(source, revision)
    checkpoint = read_checkpoint(file, keys=())
    cfg = trained_config(checkpoint, file)
    cfg.model.tasks = trained_tasks(checkpoint).to_config()
    model = cast('MultiTaskModel', build_trained(cfg, file))
    load_weights(model, [file])
    model.to(device).eval()
    return model
