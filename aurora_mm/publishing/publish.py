"""Writes model folders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from aurora_mm.analysis.report.results import Results
from aurora_mm.apis.checkpoint import read_checkpoint, trained_config, trained_tasks
from aurora_mm.apis.config import adopt_checkpoint
from aurora_mm.baselines import fit_constant_predictor
from aurora_mm.baselines.stored_answers import CONSTANT_ANSWERS_KEY
from aurora_mm.calibration.calibration import CALIBRATION
from aurora_mm.checkpoints import fill_model_folder, is_model_folder, read_config_text, text_of_config
from aurora_mm.datasets.image_fingerprints import FINGERPRINTS
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.folders import require_new_folder, whole_folder
from aurora_mm.models.utils.model_weights import STATE_OF_THE_RUN, require_finite, weights_checksum
from aurora_mm.publishing.encoder import describe_encoder
from aurora_mm.publishing.model_card import model_card
from aurora_mm.publishing.prediction_config import prediction_config, require_no_path
from aurora_mm.publishing.software import software
from aurora_mm.routing.task_router import ROUTER

# What a checkpoint of MMEngine holds for going on with a training.
_TRAINING_STATE = {
    'optimizer': 'the state of the optimizer',
    'param_schedulers': 'the schedulers',
    'message_hub': 'the log of the run',
    'loss_scaler': 'the scale of the losses',
    'ema_state_dict': 'the weights that were not averaged',
}
_LICENCE = re.compile(r'[a-z0-9][a-z0-9.-]*')
_COUNTERS = ('epoch', 'iter', 'seed')


class Published(NamedTuple):
    """What :func:`publish` did.

    Args:
        folder: The model folder.
        left_out: What of the checkpoint is not in the folder, in words.
        bytes_before: Size of the checkpoint.
        bytes_after: Size of the folder.
    """

    folder: Path
    left_out: list[str]
    bytes_before: int
    bytes_after: int


def publish(
    checkpoint: str | Path,
    folder: str | Path,
    results: str | Path | None = None,
    data_root: str | None = None,
    licence: str | None = None,
    groups: Sequence[str] = (),
    state: Mapping[str, Tensor] | None = None,
) -> Published:
    """Write a model folder from a checkpoint: what predictions need, and a model card.

    The folder is written whole or not at all. It contains no path of this machine, and of the data only the number of
    training images by task, their fingerprints (8-byte hashes, by which ``aurora-mm test`` recognises them) and
    scores.

    Args:
        checkpoint: Path of a checkpoint of a training run, or of a model folder.
        folder: Folder to write. It must not exist or be empty.
        results: Folder of a test run of this checkpoint, for the scores.
        data_root: Data root of the training data, to which constant predictions for images that cannot be read are
            fitted. The challenge's container needs them. None keeps those of ``checkpoint``, if it has them.
        licence: Licence of the weights by its name on the hub, such as ``'cc-by-nc-4.0'``, for the model card.
        groups: Columns by which the test grouped images (``aurora-mm test --by``) and whose values may be published,
            such as ``'centre'``. Groups of other columns are left out: their values may name patients.
        state: Weights to write instead of those of the checkpoint.

    Returns:
        Sizes, and what was left out.

    Raises:
        WeightsError: If ``checkpoint`` is not a checkpoint of aurora_mm, or a weight is not finite.
        DataError: If ``folder`` holds something, a file of ``results`` is missing or broken, they are of other weights
            or other tasks, or a task has no training images.
        ConfigError: If the config needs a file of this machine, the results have no groups by one of ``groups``, or
            ``licence`` is no name as the hub has them.
        OutputError: If the folder cannot be written.
    """
    folder = Path(folder)
    require_new_folder(folder)
    if licence is not None and not _LICENCE.fullmatch(licence):
        raise ConfigError(f'licence {licence!r} is no name of a licence on the hub, such as cc-by-nc-4.0')
    content = read_checkpoint(checkpoint, ('state_dict', *_TRAINING_STATE))
    meta, tensors = content['meta'], content['state_dict'] if state is None else state
    require_finite(checkpoint, tensors)
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(STATE_OF_THE_RUN)}
    trained_config(content, checkpoint)  # raises an error if the checkpoint cannot be used
    values = read_config_text(meta['cfg'])
    published: dict[str, Any] = dict(
        cfg=text_of_config(prediction_config(values)),
        dataset_meta={key: meta['dataset_meta'][key] for key in ('tasks', FINGERPRINTS) if key in meta['dataset_meta']},
        training=_training(meta, values),
        software=software(),
    )
    published |= {key: meta[key] for key in (CALIBRATION, ROUTER, CONSTANT_ANSWERS_KEY) if key in meta}
    if data_root is not None:
        published[CONSTANT_ANSWERS_KEY] = _constant_answers(content, checkpoint, data_root)
    found = None if results is None else _results(results, checkpoint, kept, content)
    if found is not None:
        published['metrics'] = {key: value for key, value in found.scores.items() if key != 'groups'}
    if groups:
        published['metrics'] = {**published.get('metrics', {}), 'groups': _groups(found, groups)}
    for key in ('training', 'metrics'):
        require_no_path(published.get(key, {}), key)
    with whole_folder(folder) as new:
        fill_model_folder(new, published, kept, model_card(_name_of(folder), published, found, licence))
        after = sum(file.stat().st_size for file in new.iterdir())
    return Published(folder, _left_out(checkpoint, content, values, tensors), _size(Path(checkpoint)), after)


def _name_of(folder: Path) -> str:
    """Return the name of a folder as text of Unicode, which names of files need not be."""
    return folder.resolve().name.encode('utf-8', 'replace').decode()


def _training(meta: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the training."""
    if 'training' in meta:  # of a model folder
        return dict(meta['training'])
    training = {key: meta[key] for key in _COUNTERS if isinstance(meta.get(key), int)}
    if isinstance(meta.get('averaged_from'), list):
        training['averaged_checkpoints'] = len(meta['averaged_from'])
    training['images_per_task'] = meta['dataset_meta'].get('images_per_task')
    training['encoder'] = describe_encoder(values['model']['backbone'])
    return training


def _groups(results: Results | None, columns: Sequence[str]) -> dict[str, Any]:
    known = {} if results is None else results.scores.get('groups') or {}
    missing = [column for column in columns if column not in known]
    if missing:
        raise ConfigError(f'the results have no groups by {", ".join(missing)}: test with --by {" ".join(columns)}')
    return {column: known[column] for column in columns}


def _constant_answers(content: Mapping[str, Any], checkpoint: str | Path, data_root: str) -> dict[str, Any]:
    cfg = trained_config(content, checkpoint)
    if 'train_dataloader' not in cfg:
        raise ConfigError(
            f'{checkpoint} does not say how training data is read: give the checkpoint of the training run'
        )
    answers = fit_constant_predictor(
        adopt_checkpoint(cfg, checkpoint, data_root, loaders=('train_dataloader',))
    ).state()
    missing = [name for name in trained_tasks(content) if name not in answers]
    if missing:
        raise DataError(f'no training image of {", ".join(missing)}, so there is no constant answer', file=data_root)
    return answers


def _results(
    folder: str | Path, checkpoint: str | Path, state: Mapping[str, Tensor], content: Mapping[str, Any]
) -> Results:
    results = Results.read(folder)
    tasks = trained_tasks(content)
    for name, task in results.tasks.items():
        if name not in tasks or tasks[name].output_names != task.output_names:
            raise DataError(f'task {name!r} is not one of {checkpoint}', file=Path(folder) / 'metrics.json')
    tested = results.scores.get('model')
    if tested is not None and tested.get('weights') != [weights_checksum(state)]:
        raise DataError(f'the scores are not those of {checkpoint} alone', file=Path(folder) / 'metrics.json')
    return results


def _left_out(
    checkpoint: str | Path, content: Mapping[str, Any], values: Mapping[str, Any], state: Mapping[str, Tensor]
) -> list[str]:
    found = [words for key, words in _TRAINING_STATE.items() if key in content]
    if is_model_folder(checkpoint):
        found.append(
            f'model card and scores of {checkpoint}; what is given by --license and --results is in the new card'
        )
    count = sum(name.startswith(STATE_OF_THE_RUN) for name in state)
    if count:
        found.append(f'{count} tensors of the loss balancer and the running losses')
    sections = len(values) - len(prediction_config(values))
    if sections:
        found.append(f'{sections} sections of the config that only training and tests read')
    return found


def _size(path: Path) -> int:
    files = path.iterdir() if is_model_folder(path) else [path]
    return sum(file.stat().st_size for file in files)
