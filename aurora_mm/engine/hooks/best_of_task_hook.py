"""A checkpoint with the best weights of each task."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.table import Table
from torch import Tensor

from aurora_mm.console import show
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.evaluation.scores import aggregate_scores
from aurora_mm.models import MultiTaskModel
from aurora_mm.models.utils.sharded_tensors import is_sharded
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.registry import HOOKS
from aurora_mm.tables import console_text

FILE = 'best_of_tasks.pth'
_KEY = 'best_of_task'


@HOOKS.register_module()
class BestOfTaskHook(Hook):
    """Writes a checkpoint with the best weights of each task, for training in which tasks share no trained weights.

    If each task has its own head (and adapter) and all else is frozen, training one task changes no other. So the best
    weights can be selected for each task, from all validations including one that this hook adds before the first
    epoch: no task ends below its initial score. They are written to ``best_of_tasks.pth`` in the work dir, a normal
    checkpoint without the optimiser; its ``meta`` holds the scores. The weights of the run and its other checkpoints do
    not change; those checkpoints also hold the best weights so far.

    The more validations are compared, the more the best one is due to chance: the final score is optimistic, since it
    was selected on the same images. Test on images that were used for neither training nor selection.

    With ``EMAHook``, the averaged weights that were validated are kept.
    """

    priority = 'LOW'  # after EMAHook has swapped the weights, before CheckpointHook saves

    def __init__(self) -> None:
        self.best: dict[str, dict[str, Any]] = {}  # by task: first score, best score, epoch and weights of the best
        self._training = False
        self._closing = False

    def before_train(self, runner: Runner) -> None:
        """Check that tasks share no trained weights.

        Raises:
            ConfigError: If they do; the message names one of them. Also without validation, or with a sharded model
                (FSDP).
        """
        if runner.val_loop is None or is_sharded(runner.model):
            raise ConfigError('BestOfTaskHook needs a validation, and a model that is not sharded')
        model = unwrap_model(runner.model)
        own = tuple(prefix for name in model.tasks for prefix in _prefixes(model, name))
        shared = [
            name
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and not name.startswith((*own, 'balancer.'))
        ]
        if shared:
            raise ConfigError(
                f'BestOfTaskHook needs tasks that share nothing they train, but {len(shared)} tensors are shared, as '
                f'{shared[0]}: set own_heads=True and freeze all parts but heads and adapters'
            )
        self._training = True

    def before_train_epoch(self, runner: Runner) -> None:
        """Validate the initial weights."""
        if not self.best:
            runner.val_loop.run()

    def before_val_epoch(self, runner: Runner) -> None:
        """Copy the weights that are validated next."""
        if self._training:
            model = unwrap_model(runner.model)
            state = model.state_dict()
            self._weights = {name: _copy(state, _prefixes(model, name)) for name in model.tasks}

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Keep these weights for tasks that have not scored better before."""
        if not self._training:
            return
        for name, weights in self._weights.items():
            score = (metrics or {}).get(f'{name}/primary')
            if score is None:  # no validation image of this task
                continue
            known = self.best.get(name, dict(first=score, score=-1.0))
            if score > known['score']:
                self.best[name] = dict(first=known['first'], score=score, epoch=runner.epoch, weights=weights)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add the best weights so far to resume from; in the final checkpoint they replace the weights."""
        if not self._closing:
            checkpoint[_KEY] = self.best
            return
        checkpoint.pop('ema_state_dict', None)  # the weights of the run, which are only needed to resume it
        for best in self.best.values():
            checkpoint['state_dict'].update(best['weights'])
        checkpoint['meta'][_KEY] = {
            name: {key: best[key] for key in ('first', 'score', 'epoch')} for name, best in self.best.items()
        }

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Restore the best weights so far when a run is resumed.

        Raises:
            WeightsError: If the checkpoint does not hold them.
        """
        if runner._resume:
            if _KEY not in checkpoint:
                raise WeightsError('this checkpoint cannot be resumed with BestOfTaskHook: it was saved without')
            self.best = checkpoint[_KEY]
            for best in self.best.values():
                best['weights'] = {name: tensor.cpu() for name, tensor in best['weights'].items()}

    def after_run(self, runner: Runner) -> None:
        """Write the final checkpoint and log a table of the tasks' scores."""
        if not self._training:
            return
        self._training, self._closing = False, True
        runner.save_checkpoint(
            runner.work_dir,
            FILE,
            save_optimizer=False,
            save_param_scheduler=False,
            meta=dict(epoch=runner.epoch, iter=runner.iter),
            by_epoch=False,
        )
        self._closing = False
        table = Table(title=f'best of each task, in {FILE}')
        table.add_column('task')
        for column in ('at the start', 'best', 'after epoch'):
            table.add_column(column, justify='right')
        for name, best in self.best.items():
            table.add_row(name, f'{best["first"]:.4f}', f'{best["score"]:.4f}', str(best['epoch']))
        tasks = unwrap_model(runner.model).tasks.only(self.best)
        first, last = (
            aggregate_scores({name: best[key] for name, best in self.best.items()}, tasks)['score']
            for key in ('first', 'score')
        )
        table.add_row('score', f'{first:.4f}', f'{last:.4f}', '')
        show(runner.logger, console_text(table))


def _prefixes(model: MultiTaskModel, task: str) -> tuple[str, ...]:
    """Return the prefixes of a task's own weights; a head is its own if it serves no other task."""
    key = model.head_of[task]
    alone = [task] == [name for name, other in model.head_of.items() if other == key]
    return (f'adapters.{task}.', *((f'heads.{key}.',) if alone else ()))


def _copy(state: dict[str, Tensor], prefixes: tuple[str, ...]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items() if name.startswith(prefixes)}
