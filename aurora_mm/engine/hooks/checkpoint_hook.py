"""Checkpoints that hold plain values, are written whole, and are found after a work dir was moved."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook as MMEngineCheckpointHook
from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.atomic_writes import remove_partial
from aurora_mm.checkpoints import (
    read_config_text,
    remove_lost_shards,
    remove_shards,
    seal,
)
from aurora_mm.engine.hooks.running_mean import require_same_use_of_mean
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.files import write_text
from aurora_mm.registry import HOOKS

_WITHIN_EPOCH = 'iter_{}.pth'
LAST = 'last_checkpoint'  # file in a work dir that holds the path of its last checkpoint


@HOOKS.register_module()
class CheckpointHook(MMEngineCheckpointHook):
    """A safer version of MMEngine's CheckpointHook, which replaces it in configs of this package.

    - A checkpoint holds tensors and plain values with checksums (:func:`aurora_mm.checkpoints.seal`), so that reading
      it runs no code and a damaged checkpoint is refused.
    - An old checkpoint is removed after the new one is on the disk, not before.
    - A run that is resumed in a moved or copied folder looks for its best checkpoint there and touches no other folder.
    - A checkpoint of another optimiser is refused before any of it is loaded.
    - It can also save within an epoch (:meth:`save_within_epoch`), for :class:`aurora_mm.engine.PreemptionHook`.

    Args:
        args: See MMEngine's hook.
        kwargs: See MMEngine's hook.
    """

    # set by MMEngine's hook
    file_backend: Any
    keep_ckpt_ids: deque[int]
    best_ckpt_path: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._outdated: list[str] = []  # checkpoints to remove
        self._saved_iter: int | None = None  # number of finished steps in the last checkpoint

    def before_train(self, runner: Runner) -> None:
        """Find the folder of the checkpoints, and remove files of an interrupted run.

        Raises:
            ConfigError: If checkpoints of this run could not be read again.
        """
        super().before_train(runner)
        self._storage = self.file_backend
        if is_main_process() and isinstance(self._storage, LocalBackend):
            remove_partial(self.out_dir)
            remove_lost_shards(self.out_dir)
        self._refuse_what_cannot_be_read_again(runner)
        self._stay_in_folder()
        if runner._resume:
            self._saved_iter = runner.iter
            resumed = Path(runner.message_hub.get_info('last_ckpt', '')).name
            if self.by_epoch and resumed == _WITHIN_EPOCH.format(runner.iter):
                self._outdated.append(self._path(resumed))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Convert the checkpoint to plain values and add checksums."""
        checkpoint.update(seal(checkpoint))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Check that the checkpoint to resume has the same optimiser and as many schedulers.

        Raises:
            WeightsError: If its optimiser has other groups of parameters, the number of schedulers differs, or its
                weights are a running mean that this config does not keep.
        """
        if not runner._resume:
            return
        require_same_use_of_mean(runner, checkpoint)
        there = [len(group['params']) for group in checkpoint.get('optimizer', {}).get('param_groups', [])]
        optimizer = getattr(runner.optim_wrapper, 'optimizer', None)  # several, or DeepSpeed's, are not compared
        here = [len(group['params']) for group in getattr(optimizer, 'param_groups', [])]
        if there and here and there != here:
            raise WeightsError(
                f'the checkpoint cannot be resumed with this config: its optimiser has {sum(there)} tensors in '
                f'{len(there)} groups, and this one {sum(here)} in {len(here)}'
            )
        there, here = checkpoint.get('param_schedulers') or [], runner.param_schedulers or []
        if 'optimizer' in checkpoint and len(there) != len(here):  # MMEngine pairs them in order
            raise WeightsError(
                f'the checkpoint cannot be resumed with this config: it was trained with {len(there)} schedulers, and '
                f'this config has {len(here)} for train_cfg.max_epochs={runner.max_epochs}'
            )

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        """Write a checkpoint, then its name, then remove the oldest one."""
        if self.max_keep_ckpts > 0 and (not self.keep_ckpt_ids or self.keep_ckpt_ids[-1] != step):
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                self._outdated.append(self._path(self.filename_tmpl.format(self.keep_ckpt_ids[0])))
            self.keep_ckpt_ids = deque([*self.keep_ckpt_ids, step], self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        self._write(runner, self.filename_tmpl.format(step), meta, self.by_epoch)
        self._saved_iter = runner.iter if self.by_epoch else runner.iter + 1

    def is_saved(self, runner: Runner) -> bool:
        """Return whether the last checkpoint has all finished steps; to be called between two epochs."""
        return self._saved_iter == runner.iter

    def save_epoch(self, runner: Runner) -> None:
        """Write the checkpoint of an epoch, unless it was just written; to be called at its end."""
        if not self.is_saved(runner):
            self._save_checkpoint(runner)

    def save_within_epoch(self, runner: Runner) -> None:
        """Write a checkpoint after a step of an epoch, ``iter_<steps>.pth``.

        The next checkpoint of this run or of one that was resumed from it removes it. Every rank must call the method,
        in a hook's ``after_train_iter``.
        """
        self._write(runner, _WITHIN_EPOCH.format(runner.iter + 1), {}, by_epoch=False)
        self._saved_iter = runner.iter + 1

    def _write(self, runner: Runner, name: str, meta: dict[str, Any], by_epoch: bool) -> None:
        self.last_ckpt = self._path(name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            write_text(Path(runner.work_dir) / LAST, self.last_ckpt)
            self._remove_outdated()

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        """Write the best checkpoint, then remove the previous one.

        Raises:
            ConfigError: If ``save_best`` names a score that the validation does not give.
        """
        wanted = self.key_indicators if self.save_best else []
        unknown = [key for key in wanted if key not in metrics and key != 'auto']
        if unknown:
            raise ConfigError(
                f'save_best of CheckpointHook names {", ".join(unknown)}, and the validation gives '
                f'{", ".join(metrics) or "no score"}; the last checkpoint is {self.last_ckpt}'
            )
        self.file_backend = _Keeper(self._storage, self._outdated)
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            self.file_backend = self._storage
        if is_main_process():
            self._remove_outdated()

    def _remove_outdated(self) -> None:
        current = {self.last_ckpt, getattr(self, 'best_ckpt_path', None)}
        current.update(getattr(self, 'best_ckpt_path_dict', {}).values())
        for path in self._outdated:
            if path in current:  # a new checkpoint with the old name
                continue
            if self._storage.isfile(path):
                self._storage.remove(path)
                if isinstance(self._storage, LocalBackend):
                    remove_shards(path)
            elif self._storage.isdir(path):  # DeepSpeed's
                self._storage.rmtree(path)
        self._outdated.clear()

    def _path(self, name: str) -> str:
        return self._storage.join_path(self.out_dir, name)

    def _stay_in_folder(self) -> None:
        """Look for the best checkpoint so far in this run's folder, wherever it was written."""
        if self.save_best is None:
            return
        if len(self.key_indicators) == 1:
            if self.best_ckpt_path:
                self.best_ckpt_path = self._path(Path(self.best_ckpt_path).name)
        else:
            for key, path in self.best_ckpt_path_dict.items():
                self.best_ckpt_path_dict[key] = path and self._path(Path(path).name)

    def _refuse_what_cannot_be_read_again(self, runner: Runner) -> None:
        try:
            read_config_text(runner.cfg.pretty_text)
        except (ConfigError, SyntaxError) as error:
            raise ConfigError(f'a checkpoint keeps the config as plain values, but {error}') from error
        later = runner.hooks[runner.hooks.index(self) + 1 :]
        for hook in later:
            if type(hook).before_save_checkpoint is not Hook.before_save_checkpoint:
                raise ConfigError(
                    f'{type(hook).__name__} would change a checkpoint after its checksums were taken: give it a higher '
                    'priority than VERY_LOW'
                )


class _Keeper:
    """A storage backend that only collects the paths to remove."""

    def __init__(self, backend: Any, outdated: list[str]) -> None:
        self._backend = backend
        self._outdated = outdated

    def remove(self, path: str) -> None:
        self._outdated.append(path)

    rmtree = remove

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)
