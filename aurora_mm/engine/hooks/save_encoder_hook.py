"""Writes the encoder of a run as weights to start from."""

from __future__ import annotations

import os
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.console import show
from aurora_mm.errors import ConfigError, OutputError
from aurora_mm.folders import replaced_folder
from aurora_mm.models.backbones import BaseEncoder
from aurora_mm.models.utils.model_weights import require_finite
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class SaveEncoderHook(Hook):
    """Writes the encoder at the end of training, as a folder that ``pretrained`` of the same encoder takes.

    A folder of that name from an earlier training in the same work dir stays until the new one is complete.

    Args:
        name: Name of the folder in the work dir.
    """

    priority = 'VERY_LOW'

    def __init__(self, name: str = 'encoder') -> None:
        self.name = name

    def before_train(self, runner: Runner) -> None:
        """Check that the encoder can be written.

        Raises:
            ConfigError: If it is not one of this package, has no ``save_pretrained``, or has LoRA.
            OutputError: If a file or a link is in the place of the folder.
        """
        folder = self._folder(runner)
        if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir()):
            raise OutputError(f'cannot write {folder}: there is a file or a link of this name')
        encoder = unwrap_model(runner.model).backbone
        if not isinstance(encoder, BaseEncoder) or type(encoder).save_pretrained is BaseEncoder.save_pretrained:
            raise ConfigError(
                f'SaveEncoderHook writes encoders of aurora_mm that have save_pretrained, not {type(encoder).__name__}'
            )
        if any('.lora_' in name for name, _ in encoder.named_parameters()):
            raise ConfigError('SaveEncoderHook writes whole encoders: leave lora out')

    def after_train(self, runner: Runner) -> None:
        """Write the encoder.

        Raises:
            WeightsError: If a weight is not finite. An earlier folder then stays.
        """
        if not is_main_process():
            return
        folder, encoder = self._folder(runner), unwrap_model(runner.model).backbone
        require_finite(f'the encoder that {folder} was to hold', encoder.state_dict())
        with replaced_folder(folder) as new:
            encoder.save_pretrained(new)
        show(runner.logger, f'wrote the encoder: --pretrained {folder}')

    def _folder(self, runner: Runner) -> Path:
        return Path(runner.work_dir) / self.name
