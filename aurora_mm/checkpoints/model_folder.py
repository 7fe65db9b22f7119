"""Model folders: what predictions need of a trained model, as safetensors and JSON files.

=====================  ===============================================================================================
file                   what
=====================  ===============================================================================================
README.md              model card; may be edited
model.safetensors      weights
config.json            the sections of the config that predictions need, as plain values
tasks.json             the task table
manifest.json          number of the format, and a checksum of each of the other files but the model card
dataset_meta.json      what else a checkpoint keeps of its training data: fingerprints of the images
calibration.json       see :class:`aurora_mm.calibration.calibration.Calibration`, with the feature statistics for the
                       flag of unusual images
router.json            see :class:`aurora_mm.routing.task_router.TaskRouter`
constant_answers.json  predictions for images that cannot be read
metrics.json           scores of a test run, with intervals
training.json          what the model was trained on
software.json          git revision and versions of packages
=====================  ===============================================================================================

The files after the manifest are only there if the model has what they hold. No file holds code, and none is executed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from aurora_mm.checkpoints.config_text import read_config_text, text_of_config
from aurora_mm.checkpoints.plain_values import plain
from aurora_mm.checkpoints.tagged_json import from_json, to_json
from aurora_mm.errors import WeightsError
from aurora_mm.trust import is_trusted
from aurora_mm.utils import add_file

MANIFEST = 'manifest.json'
WEIGHTS = 'model.safetensors'
CARD = 'README.md'
PARTS = ('calibration', 'router', 'constant_answers', 'metrics', 'training', 'software')
"""Keys of the metadata of a checkpoint that are kept in a file of their own, ``<key>.json``."""
_CONFIG, _TASKS, _DATASET = 'config.json', 'tasks.json', 'dataset_meta.json'
_REQUIRED = (_CONFIG, _TASKS, WEIGHTS)
MODEL_FILES = (CARD, MANIFEST, *_REQUIRED, _DATASET, *(f'{key}.json' for key in PARTS))
"""Names of all files that a model folder may have."""
_FORMAT = 1


def is_model_folder(folder: str | Path) -> bool:
    """Return whether a folder has the manifest of a model folder."""
    return (Path(folder) / MANIFEST).is_file()


def fill_model_folder(folder: Path, meta: Mapping[str, Any], state: Mapping[str, Tensor], card: str) -> None:
    """Write the files of a model folder into an empty folder, see :func:`aurora_mm.folders.whole_folder`.

    Args:
        folder: An empty folder.
        meta: Metadata of a checkpoint: ``cfg``, ``dataset_meta``, and any of :data:`PARTS`. Other keys are left out.
        state: State dict of the model.
        card: Text of the model card.

    Raises:
        ConfigError: If the metadata contains a Python object, or the config is no text of plain values.
    """
    meta = plain(meta, 'meta')
    dataset_meta = dict(meta['dataset_meta'])
    values = {_CONFIG: read_config_text(meta['cfg']), _TASKS: dataset_meta.pop('tasks'), _DATASET: dataset_meta or None}
    values |= {f'{key}.json': meta.get(key) for key in PARTS}
    for name, value in values.items():
        if value is not None:
            text = json.dumps(to_json(value), indent=1, ensure_ascii=False, allow_nan=False)
            (folder / name).write_text(text + '\n', encoding='utf-8')
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in sorted(state.items())}
    save_file(tensors, folder / WEIGHTS, metadata={'format': 'pt'})
    sums = {file.name: _checksum(file) for file in sorted(folder.iterdir())}
    manifest = json.dumps(dict(aurora_mm_format=_FORMAT, sha256=sums), indent=1)
    (folder / MANIFEST).write_text(manifest + '\n', encoding='utf-8')
    (folder / CARD).write_text(card, encoding='utf-8')


def read_model_folder(folder: Path, keys: Collection[str] | None = None) -> dict[str, Any]:
    """Read a model folder.

    Args:
        folder: The folder.
        keys: ``'meta'``, ``'state_dict'`` or both. None reads both. The checksum of the weights is compared if they are
            read.

    Returns:
        A checkpoint with ``meta`` and ``state_dict``, as :func:`fill_model_folder` takes them.

    Raises:
        WeightsError: If a file is missing, damaged or was changed, or the format is of another version. The message
            names the file. Changed JSON files are read if the user trusts them.
    """
    sums = _read_manifest(folder)
    for name in sorted({*_REQUIRED, *sums}):
        if not (folder / name).is_file():
            raise WeightsError(f'{folder / name} is missing: the model folder is not complete')
    values = {}
    for name in sums:
        if name != WEIGHTS:
            _compare(folder / name, sums[name])
            values[name] = _read_json(folder / name)
    dataset_meta = values.get(_DATASET) or {}
    if not isinstance(values[_CONFIG], dict) or not isinstance(dataset_meta, dict):
        raise WeightsError(f'{folder / _CONFIG} and {_DATASET} must hold objects')
    text = text_of_config(values[_CONFIG])
    content: dict[str, Any] = dict(meta=dict(cfg=text, dataset_meta=dict(tasks=values[_TASKS]) | dataset_meta))
    content['meta'] |= {key: values[f'{key}.json'] for key in PARTS if f'{key}.json' in values}
    if keys is None or 'state_dict' in keys:
        _compare(folder / WEIGHTS, sums[WEIGHTS])
        content['state_dict'] = _read_weights(folder / WEIGHTS)
    return content


def _read_manifest(folder: Path) -> dict[str, str]:
    """Return the checksum of each file."""
    file = folder / MANIFEST
    if not file.is_file():
        newest = max(folder.glob('*.pth'), key=lambda path: path.stat().st_mtime, default=None)
        way = '`aurora-mm publish` writes one' if newest is None else f'give a checkpoint in it, such as {newest}'
        raise WeightsError(f'{folder} has no {MANIFEST}, so that it is no model folder; {way}')
    manifest = _read_json(file)
    found = manifest.get('aurora_mm_format') if isinstance(manifest, dict) else None
    if found is None:
        raise WeightsError(f'{file} is no manifest of a model folder of aurora_mm; `aurora-mm publish` writes one')
    if type(found) is not int or found != _FORMAT:
        raise WeightsError(
            f'{file} is of format {found!r}, and this version of aurora_mm reads format {_FORMAT}: install the version '
            'that wrote it (software.json names it), or publish the model again'
        )
    sums = manifest.get('sha256')
    names = {*MODEL_FILES} - {CARD, MANIFEST}
    if not isinstance(sums, dict) or not {*_REQUIRED} <= sums.keys() <= names:
        raise WeightsError(f'{file} does not list the files of a model folder')
    return sums


def _compare(file: Path, expected: str) -> None:
    if _checksum(file) == expected:
        return
    problem = f'{file} changed since it was written, or is only part of it'
    if file.name == WEIGHTS or not is_trusted():
        advice = '' if file.name == WEIGHTS else '. If it was changed on purpose, read it with --trust'
        raise WeightsError(problem + advice)
    print_log(f'read all the same, being trusted: {problem}', logger='current', level=logging.WARNING)


def _read_json(file: Path) -> Any:
    try:
        return from_json(json.loads(file.read_text(encoding='utf-8')))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise WeightsError(f'{file} cannot be read ({type(error).__name__}: {error})') from error


def _read_weights(file: Path) -> dict[str, Tensor]:
    try:
        with safe_open(file, framework='pt') as opened:
            return {name: opened.get_tensor(name) for name in sorted(opened.keys())}
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f'{file} cannot be read ({error})') from error


def _checksum(file: Path) -> str:
    digest = hashlib.sha256()
    add_file(digest, file)
    return digest.hexdigest()
