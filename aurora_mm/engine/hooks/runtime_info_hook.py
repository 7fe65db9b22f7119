"""MMEngine's RuntimeInfoHook without waiting for the device."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import RuntimeInfoHook as MMEngineRuntimeInfoHook
from mmengine.runner import Runner
from torch import Tensor

from aurora_mm.engine.device_history import log_tensor
from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class RuntimeInfoHook(MMEngineRuntimeInfoHook):
    """Writes losses, learning rates and progress to the message hub.

    MMEngine's hook calls ``.item()`` on every loss of every step. Here losses stay on the device until they are read,
    by ``LoggerHook`` at its interval or by :class:`CheckpointHook` when it saves.
    """

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Log the values that the training step returned."""
        outputs = outputs or {}
        tensors = {key: value for key, value in outputs.items() if isinstance(value, Tensor)}
        for key, value in tensors.items():
            log_tensor(runner.message_hub, f'train/{key}', value)
        others = {key: value for key, value in outputs.items() if key not in tensors}
        super().after_train_iter(runner, batch_idx, data_batch, others)
