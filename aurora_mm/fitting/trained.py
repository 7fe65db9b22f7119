"""What calibration and routing share: a trained model, features of its images, and the checkpoint with the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from numpy.typing import NDArray
from rich.progress import track
from torch.utils.data import Subset

from aurora_mm.apis.checkpoint import read_checkpoint
from aurora_mm.apis.config import adopt_checkpoint, load_weights, other_input_size
from aurora_mm.apis.pipelines import without_annotations
from aurora_mm.calibration.feature_distance import pool
from aurora_mm.checkpoints import write_checkpoint
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.registry import DATASETS, MODELS


def trained_model(cfg: Config, checkpoint: str | Path, data_root: str | None) -> Any:
    """Build the model of a checkpoint, in eval mode, and set the config to its tasks and the data.

    Args:
        cfg: Changed in place, see :func:`adopt_checkpoint`.
        checkpoint: Path of a checkpoint of a training run.
        data_root: Data root of all FMC-UIA data sets of the config. None keeps those of the config.

    Returns:
        A :class:`aurora_mm.models.MultiTaskModel`.

    Raises:
        ConfigError: If the config makes network inputs of another size than the training did.
        DataError: If there is no data.
        WeightsError: If the file is not a checkpoint of aurora_mm.
    """
    adopt_checkpoint(cfg, checkpoint, data_root, loaders=('train_dataloader', 'val_dataloader'))
    if other_size := other_input_size(cfg, checkpoint):
        raise ConfigError(f'what is fitted must be what is predicted: {other_size}')
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        model = MODELS.build(cfg.model)
    load_weights(model, [checkpoint])
    return model.to(get_device()).eval()


@torch.no_grad()
def image_features(
    model: Any, cfg: Config, loader: str, most: int | None = None
) -> tuple[NDArray[np.floating], list[set[str]]]:
    """Compute the pooled features of the images of a data set. Each image is read and encoded once.

    Args:
        model: A :class:`aurora_mm.models.MultiTaskModel` in eval mode.
        cfg: A config with data root and tasks. Images are prepared as in validation.
        loader: 'train' or 'val'.
        most: Largest number of images; of more, that many are taken at equal intervals. None takes all.

    Returns:
        Features ``(N, D)``, and the names of the tasks that each of the N images is labelled for. Images are in the
        order of their paths.

    Raises:
        DataError: If the data set has no image.
    """
    changes = dict(pipeline=without_annotations(cfg.val_dataloader.dataset.pipeline), test_mode=True)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        dataset = DATASETS.build(cfg[f'{loader}_dataloader'].dataset | changes)
        first_row: dict[str, int] = {}
        tasks: dict[str, set[str]] = {}
        for row in range(len(dataset)):
            item = dataset.get_data_info(row)
            first_row.setdefault(item['img_path'], row)
            tasks.setdefault(item['img_path'], set()).add(item['task'])
        if not first_row:
            raise DataError(f'the {loader} data has no image')
        paths = sorted(first_row)
        if most is not None and len(paths) > most:
            paths = [paths[i] for i in np.linspace(0, len(paths) - 1, most).round().astype(int)]
        chosen = Subset(dataset, [first_row[path] for path in paths])
        batches = Runner.build_dataloader(dict(cfg.val_dataloader) | dict(dataset=chosen))
        features = [
            pool(model.extract_feat(model.data_preprocessor(batch)['inputs']))
            for batch in track(batches, f'{loader} images')
        ]
    return np.concatenate(features), [tasks[path] for path in paths]


def write_with_metadata(checkpoint: str | Path, out: str | Path, key: str, values: dict[str, Any]) -> None:
    """Write the weights of a checkpoint with one more entry in its metadata, and without the training state.

    Args:
        checkpoint: Path of the checkpoint. An earlier entry of this name is replaced.
        out: Path of the file to write.
        key: Name of the entry.
        values: Plain values.

    Raises:
        WeightsError: If ``checkpoint`` is not a checkpoint of aurora_mm.
        OutputError: If ``out`` cannot be written.
    """
    content = read_checkpoint(checkpoint)
    write_checkpoint(out, dict(meta=content['meta'] | {key: values}, state_dict=content['state_dict']))
