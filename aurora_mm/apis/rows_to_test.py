"""Chooses the rows of a data root to test a model on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope

from aurora_mm.apis.checkpoint import read_checkpoint
from aurora_mm.apis.data_tasks import fmc_root
from aurora_mm.config_variables import FMC_DATASETS
from aurora_mm.datasets.image_fingerprints import FINGERPRINTS, known_images
from aurora_mm.registry import DATASETS


def choose_test_rows(cfg: Config, checkpoints: Sequence[str | Path], split: str | None = None) -> str:
    """Choose the rows for a test run, such that a model is not tested on its training images.

    If the model was trained on some of the images, the rows of the split in the config are chosen. If it was trained on
    none of them and ``csv_files/`` is not divided into folders of splits, all rows are chosen. Training images are
    recognised by the fingerprints in the checkpoint, also if files were moved or copied.

    Args:
        cfg: Changed in place: ``split`` of the test data, if it is an FMC-UIA data set.
        checkpoints: Paths of the checkpoint, or of all members of an ensemble.
        split: A split that the user chose. It is always used.

    Returns:
        A sentence that describes the chosen rows; '' if the test data is not an FMC-UIA data set.

    Raises:
        DataError: If there is no data, or it is not valid.
    """
    dataset = cfg.test_dataloader.dataset
    if dataset.get('type') not in FMC_DATASETS:
        return ''
    if split is not None:
        dataset.split = split
    metas = [read_checkpoint(file, keys=())['meta']['dataset_meta'] for file in checkpoints]
    packed = [meta[FINGERPRINTS] for meta in metas if FINGERPRINTS in meta]
    root, asked = fmc_root(dataset), dataset.get('split', 'train')
    folder, is_whole = root.folder_of(asked), not root.sides
    files = _images(dataset, asked)
    if len(packed) < len(metas):
        return (
            f'{_rows(len(files), asked, folder, is_whole)}; the checkpoint does not say which images it was trained on'
        )
    if is_whole and split is None:
        everything = _images(dataset, 'all')
        known = int(known_images(everything, packed).sum())
        if not known:
            dataset.split = 'all'
            return f'{_rows(len(everything), "all", folder, True)}; the model was trained on none of their images'
    trained = int(known_images(files, packed).sum())
    text = _rows(len(files), asked, folder, is_whole)
    if trained:
        return f'{text}; the model was trained on the images of {trained} of them, whose scores are too good'
    return f'{text}; the model was trained on none of their images'


def _rows(count: int, split: str, folder: Path, is_whole: bool) -> str:
    which = f'all {count} rows' if split == 'all' or not is_whole else f"the {count} rows of split '{split}'"
    return f'testing on {which} of {folder}'


def _images(dataset: Mapping[str, Any], split: str) -> list[str]:
    """Return the path of the image of each row."""
    cfg = dict(dataset) | dict(split=split, pipeline=[], test_mode=True, serialize_data=False)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        built = DATASETS.build(cfg)
    return [info['img_path'] for info in built.data_list]
