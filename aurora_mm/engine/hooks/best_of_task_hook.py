"""Each task's weights of its own best validation."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from rich.table import Table
from torch import Tensor
from torch.distributed.fsdp import FullyShardedDataParallel

from aurora_mm.engine.console import show
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.evaluation.scores import aggregate_scores
from aurora_mm.models import MultiTaskModel
from aurora_mm.registry import HOOKS
from aurora_mm.utils import render_table

FILE = 'best_of_tasks.pth'
_KEY = 'best_of_task'


@HOOKS.register_module()
class BestOfTaskHook(Hook):
    """Ends a training of parts that tasks do not share with a checkpoint of each task's best.

    With a head (and adapter) for each task and all else frozen, what one task learns changes no other. So the
    weights that scored best can be taken task by task, among all validations and the one that this hook adds before
    the first epoch: no task ends below the score it started with. They are written to ``best_of_tasks.pth`` in the
    work dir, a checkpoint like any other but for the optimiser; its ``meta`` has the scores. The run's own weights,
    and the checkpoints that it is resumed from, go on unchanged; those hold the best so far.

    The more validations are compared, the more the best of them owes to luck: the closing score is optimistic, being
    that of the images it was chosen by. Test on images that were neither trained nor chosen on.

    With ``EMAHook``, the averaged weights that were validated are kept.
    """

    priority = 'LOW'  # after EMAHook has put its weights in (or into a checkpoint), before CheckpointHook saves

    def __init__(self) -> None:
        self.best: dict[str, dict[str, Any]] = {}  # by task: first score, best score, its epoch, its weights
        self._training = False
        self._closing = False

    def before_train(self, runner: Runner) -> None:
        """Refuses a training in which tasks share what is trained.

        Raises:
            ConfigError: Naming some shared weights; also without validation, or with a sharded model (FSDP).
        """
        if runner.val_loop is None or isinstance(runner.model, FullyShardedDataParallel):
            raise ConfigError('BestOfTaskHook needs a validation, and a model that is not sharded')
        model = _model(runner)
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
        """Scores what the run starts with."""
        if not self.best:
            runner.val_loop.run()

    def before_val_epoch(self, runner: Runner) -> None:
        """Copies the weights that are about to be scored."""
        if self._training:
            state = _model(runner).state_dict()
            self._weights = {name: _copy(state, _prefixes(_model(runner), name)) for name in _model(runner).tasks}

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Keeps them for the tasks that never scored better."""
        if not self._training:
            return
        for name, weights in self._weights.items():
            score = (metrics or {}).get(f'{name}/primary')
            if score is None:  # no image of it to validate on
                continue
            known = self.best.get(name, dict(first=score, score=-1.0))
            if score > known['score']:
                self.best[name] = dict(first=known['first'], score=score, epoch=runner.epoch, weights=weights)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Adds the best so far, to resume from; in the closing checkpoint they take their places."""
        if not self._closing:
            checkpoint[_KEY] = self.best
            return
        checkpoint.pop('ema_state_dict', None)  # the run's own weights, which only a resumed run would want
        for best in self.best.values():
            checkpoint['state_dict'].update(best['weights'])
        checkpoint['meta'][_KEY] = {
            name: {key: best[key] for key in ('first', 'score', 'epoch')} for name, best in self.best.items()
        }

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Takes up the best so far when a run is resumed.

        Raises:
            WeightsError: If the checkpoint holds none.
        """
        if runner._resume:
            if _KEY not in checkpoint:
                raise WeightsError('this checkpoint cannot be resumed with BestOfTaskHook: it was saved without')
            self.best = checkpoint[_KEY]
            for best in self.best.values():
                best['weights'] = {name: tensor.cpu() for name, tensor in best['weights'].items()}

    def after_run(self, runner: Runner) -> None:
        """Writes the closing checkpoint, and tells what became of each task."""
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
        first, last = (
            aggregate_scores({name: best[key] for name, best in self.best.items()}, _model(runner).tasks)['score']
            for key in ('first', 'score')
        )
        table.add_row('score', f'{first:.4f}', f'{last:.4f}', '')
        show(runner.logger, render_table(table))


def _model(runner: Runner) -> MultiTaskModel:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def _prefixes(model: MultiTaskModel, task: str) -> tuple[str, ...]:
    """What the names of a task's own weights begin with; its head is its own if it serves no other task."""
    key = model.head_of[task]
    alone = [task] == [name for name, other in model.head_of.items() if other == key]
    return (f'adapters.{task}.', *((f'heads.{key}.',) if alone else ()))


def _copy(state: dict[str, Tensor], prefixes: tuple[str, ...]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items() if name.startswith(prefixes)}
