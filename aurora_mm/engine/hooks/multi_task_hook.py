"""Sampling and loss balancing by task in MMEngine's training loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.table import Table

from aurora_mm.config_variables import check_image_size
from aurora_mm.datasets.samplers import TaskAwareBatchSampler
from aurora_mm.engine.hooks.required_hooks import require_hooks, require_once
from aurora_mm.engine.optim import GradientSurgeryOptimWrapper
from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.registry import HOOKS
from aurora_mm.tables import console_text
from aurora_mm.tasks import TaskTable

if TYPE_CHECKING:
    from aurora_mm.models import MultiTaskModel

_DRAWN = 'images_drawn'
_PROGRESS = 'sampling_progress'
_RESOLVE = 'call aurora_mm.apis.resolve_config(cfg) before the Runner is built, as aurora-mm train does'


@HOOKS.register_module()
class MultiTaskHook(Hook):
    """Passes the tasks' losses and scores to the sampler, and logs values of each task.

    The whole state of sampling and balancing is in the checkpoint: the running means of the losses in the model
    (:class:`aurora_mm.models.TaskLossTracker`), the scores of the last validation, the number of images drawn so far,
    and the losses and scores from which the epoch was drawn, in MMEngine's message hub.

    At the interval and at the end of an epoch, ``task_loss/<task>`` (running mean), ``task_weight/<task>`` and
    ``task_prob/<task>`` of every task trained so far are logged to the backends of the visualiser; after each epoch
    also as a table in the log file. With a :class:`aurora_mm.engine.GradientSurgeryOptimWrapper`, the mean of
    ``gradient_cosine/<type>-<type>`` since the last log is logged as well.

    Args:
        interval: Iterations between two logs.
    """

    priority = 'NORMAL'

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._ranks: int | None = None  # of a resumed run, until its training begins

    def before_train(self, runner: Runner) -> None:
        """Check that model, data and hooks of this training fit together, and connect the optimiser with the model.

        Heads that need statistics of the training annotations compute them, unless they come from a checkpoint.

        Raises:
            ConfigError: If one of them needs a hook that is missing, or a variable of the config has not been passed to
                the settings that depend on it.
        """
        require_once(runner, self)
        require_hooks(runner)
        check_image_size(runner.cfg)
        model, sampler = unwrap_model(runner.model), _sampler(runner)
        if 'tasks' in runner.cfg and TaskTable(runner.cfg.tasks) != model.tasks:
            raise ConfigError(
                f"the config's tasks are {TaskTable(runner.cfg.tasks)!r}, but its model was built for {model.tasks!r}: "
                f'{_RESOLVE}'
            )
        unknown = [] if sampler is None else [name for name in sampler.progress if name not in model.tasks]
        if unknown:
            raise ConfigError(
                f'the training data has tasks that the model was not built for ({", ".join(unknown)}): {_RESOLVE}'
            )
        _fit_annotations(model, runner.train_dataloader.dataset)
        if self._ranks is not None:
            for part in (model.tracker, model.balancer):
                part.take_share(self._ranks)
            self._ranks = None
        model.connect(runner.optim_wrapper.optimizer)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Take the number of ranks of the run that is resumed."""
        self._ranks = checkpoint['meta'].get('ranks') if runner._resume else None

    def before_train_epoch(self, runner: Runner) -> None:
        """Pass the losses and scores to the sampler; for the rest of an epoch, those of its beginning."""
        sampler = _sampler(runner)
        if sampler is None:
            return
        hub = runner.message_hub
        if not getattr(runner.train_loop, 'begun', 0):
            scores = {
                name: hub.get_scalar(key).current()
                for name in sampler.progress
                if (key := f'val/{name}/primary') in hub.log_scalars
            }
            hub.update_info(_PROGRESS, dict(losses=unwrap_model(runner.model).tracker.means(), scores=scores))
        sampler.set_progress(**hub.get_info(_PROGRESS))
        sampler.drawn.update(hub.get_info(_DRAWN, {}))

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Log the values of the tasks."""
        due = self.every_n_train_iters(runner, self.interval) or self.end_of_epoch(runner.train_dataloader, batch_idx)
        if due:
            unwrap_model(runner.model).guard.report()
        if due and is_main_process():
            scalars = {
                f'task_{kind}/{name}': value
                for name, figures in _figures(runner).items()
                for kind, value in figures.items()
                if value is not None and kind in ('loss', 'weight', 'prob')
            }
            if isinstance(runner.optim_wrapper, GradientSurgeryOptimWrapper):
                cosines = runner.optim_wrapper.pop_cosines()
                scalars |= {f'gradient_cosine/{pair}': cosine for pair, cosine in cosines.items()}
            runner.visualizer.add_scalars(scalars, step=runner.iter + 1)

    def before_stop_within_epoch(self, runner: Runner, steps: int) -> None:
        """Count the losses that are not finite, which the model has only noted so far."""
        unwrap_model(runner.model).guard.report()

    def after_train_epoch(self, runner: Runner) -> None:
        """Store the numbers of drawn images for the checkpoint, and log the table."""
        sampler = _sampler(runner)
        model = unwrap_model(runner.model)
        model.guard.report()  # a training by steps need not end at an interval
        for part in (model.tracker, model.balancer):
            part.share()
        if sampler is not None:
            runner.message_hub.update_info(_DRAWN, dict(sampler.drawn))
        if is_main_process():
            table = Table(title=f'tasks after epoch {runner.epoch + 1}')
            table.add_column('task')
            for column in ('images seen', 'left out', 'running loss', 'loss weight', 'sampled with p'):
                table.add_column(column, justify='right')
            for name, figures in _figures(runner).items():
                cells = [figures[key] for key in ('images', 'skipped', 'loss', 'weight', 'prob')]
                table.add_row(name, *('-' if c is None else f'{c:.4g}' for c in cells))
            runner.logger.info('\n' + console_text(table))


def _fit_annotations(model: MultiTaskModel, dataset: Any) -> None:
    """Pass the training annotations to the heads that need them. The data set is the same in every process."""
    heads = [head for head in model.heads.values() if head.needs_annotations]
    wanted = {task.name for head in heads for task in head.tasks}
    if wanted:
        items = {
            name: [dataset.get_data_info(int(index)) for index in indices]
            for name, indices in dataset.indices_by_task().items()
            if name in wanted
        }
        for head in heads:
            head.fit_annotations(items)


def _sampler(runner: Runner) -> TaskAwareBatchSampler | None:
    sampler = runner.train_dataloader.batch_sampler
    return sampler if isinstance(sampler, TaskAwareBatchSampler) else None


def _figures(runner: Runner) -> dict[str, dict[str, float | None]]:
    """Return images seen, losses left out, running loss, loss weight and sampling probability of each task."""
    model, sampler = unwrap_model(runner.model), _sampler(runner)
    weights = model.balancer.weights(model.tracker).tolist()
    seen, skipped = model.tracker.seen.tolist(), model.guard.skipped.tolist()
    probabilities = sampler.probabilities() if sampler is not None else {}
    return {
        name: dict(images=seen[i], skipped=skipped[i], loss=loss, weight=weights[i], prob=probabilities.get(name))
        for i, (name, loss) in enumerate(model.tracker.means().items())
    }
