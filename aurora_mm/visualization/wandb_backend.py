"""Tracking with Weights & Biases."""

from __future__ import annotations

import os
import secrets
from typing import Any

import numpy as np
from mmengine.config import Config

from aurora_mm.registry import VISBACKENDS
from aurora_mm.visualization.tracking_backend import TrackingBackend

_STEP = 'step'


@VISBACKENDS.register_module()
class WandbBackend(TrackingBackend):
    """Logs numbers, pictures and the config with Weights & Biases.

    Nothing leaves the machine by default: the run goes to ``wandb`` in the work dir, and ``wandb sync`` uploads it. The
    environment variable ``WANDB_MODE=online`` uploads while the run goes on. MMEngine's ``WandbVisBackend`` uploads by
    default, copies the code of the current folder, and drops the step, so that all curves have the number of the call
    as their axis and a resumed training starts another run.

    Args:
        folder: Work dir of the run.
        save_dir: Not used.
    """

    tool = 'wandb'

    @property
    def experiment(self) -> Any:
        """Return W&B's run."""
        return self._run

    def start(self, run_id: str | None, name: str) -> str:
        import wandb

        self._run = wandb.init(
            project=os.environ.get('WANDB_PROJECT', 'aurora_mm'),
            name=name,
            dir=str(self.folder),
            id=run_id or secrets.token_hex(4),
            resume='allow',
            mode=None if 'WANDB_MODE' in os.environ else 'offline',  # W&B itself reads the variable
            settings=wandb.Settings(silent=True, console='off', disable_code=True, disable_git=True),
        )
        # Validations count epochs and the rest iterations, which W&B's own steps, that only grow, cannot show.
        self._run.define_metric('*', step_metric=_STEP)
        return str(self._run.id)

    def log_config(self, config: Config) -> None:
        self._run.config.update(config.to_dict())

    def log_numbers(self, numbers: dict[str, float], step: int) -> None:
        self._run.log({**numbers, _STEP: step})

    def log_picture(self, name: str, image: np.ndarray, step: int) -> None:
        import wandb

        self._run.log({name: wandb.Image(image), _STEP: step})

    def finish(self) -> None:
        self._run.finish()
