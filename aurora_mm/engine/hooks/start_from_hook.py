"""Training that starts from the weights of another model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.console import show
from aurora_mm.datasets.image_fingerprints import with_images_of
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models import starting_state
from aurora_mm.models.utils.model_weights import require_finite
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.registry import HOOKS
from aurora_mm.tasks import TaskTable


@HOOKS.register_module()
class StartFromHook(Hook):
    """Converts the weights of ``load_from`` to those of the model, and refuses to train without them.

    MMEngine loads the weights that fit by name and warns about the rest. Here all of them must fit, and one head of a
    task type becomes a head for each of its tasks if the model has those, see :func:`aurora_mm.models.starting_state`.
    Averaged weights (``EMAHook``) are used as they were validated. The optimiser and the counters of the other run are
    not used. A resumed run goes on with its own weights.

    Checkpoints of the run have the fingerprints of the images that ``load_from`` was trained on, beside those of the
    run, so that a test tells of them as well.

    Args:
        other_tasks: Whether the model may have other tasks than the checkpoint. What serves tasks that are new starts
            with initial values, and what serves tasks that the model does not have is not used. Both are logged.
        new_parts: Names of modules that start with initial values and may be of another kind than in the checkpoint,
            such as ``'heads.segmentation'``, which stands for the heads of all tasks of this type.
    """

    priority = 'VERY_HIGH'  # before EMAHook copies the weights

    def __init__(self, other_tasks: bool = False, new_parts: Sequence[str] = ()) -> None:
        if isinstance(new_parts, str):
            raise ConfigError(f'new_parts is a list of names of modules, not {new_parts!r}')
        self.other_tasks = other_tasks
        self.new_parts = list(new_parts)
        self._trained_on: Mapping[str, Any] | None = None  # metadata of the data that the weights were trained on

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Replace the weights in the checkpoint by the converted ones.

        Raises:
            WeightsError: If a tensor is missing, not used or has another shape, or a weight is not finite.
            ConfigError: If ``new_parts`` has a name that is not one of a module with weights.
        """
        self._trained_on = checkpoint['meta'].get('dataset_meta', {})
        if runner._resume:
            return
        require_finite(runner._load_from, checkpoint['state_dict'])
        model = unwrap_model(runner.model)
        tasks = TaskTable(checkpoint['meta']['dataset_meta']['tasks']) if self.other_tasks else None
        try:
            start = starting_state(model, checkpoint['state_dict'], tasks, self.new_parts)
        except WeightsError as error:
            raise WeightsError(f'{runner._load_from}: {error}') from error
        theirs, checkpoint['state_dict'] = checkpoint['state_dict'], start.state
        for what, names, everything in (
            ('start with initial values', start.new, start.state),
            ('are not used', start.left_out, theirs),
        ):
            if names:
                show(runner.logger, f'{runner._load_from}: {what}: {", ".join(_parts_of(names, everything))}')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add the fingerprints of the images that the weights were trained on before."""
        meta = checkpoint['meta']
        if self._trained_on is not None and 'dataset_meta' in meta:
            meta['dataset_meta'] = with_images_of(meta['dataset_meta'], [self._trained_on])

    def before_train(self, runner: Runner) -> None:
        """Check that weights were loaded.

        Raises:
            ConfigError: If there was no checkpoint to start from or to resume from.
        """
        if not runner._has_loaded:
            raise ConfigError(
                'this config starts from the weights of a trained model: give its checkpoint as --load-from'
            )


def _parts_of(names: Sequence[str], everything: Iterable[str]) -> list[str]:
    """Return the largest modules all of whose tensors are in ``names``, which is a part of ``everything``."""
    others = set(everything).difference(names)
    mixed = {name[: match.start()] for name in others for match in re.finditer(r'\.', name)}
    found = []
    for name in names:
        ends = [*(match.start() for match in re.finditer(r'\.', name)), len(name)]
        found.append(next(name[:end] for end in ends if name[:end] not in mixed))
    return list(dict.fromkeys(found))
