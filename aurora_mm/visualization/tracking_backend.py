"""What MLflow's and W&B's backends share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.visualization.vis_backend import BaseVisBackend
from torch import Tensor

from aurora_mm.files import write_text


class TrackingBackend(BaseVisBackend):
    """Base class of backends for programs that know runs by an id.

    The id is kept in the work dir, so that a resumed training goes on with the same run.

    Args:
        folder: Work dir of the run.
        save_dir: Not used. MMEngine passes the folder of this start of the run.
    """

    tool = ''
    """Name of the program, and of the file with the id."""

    def __init__(self, folder: str, save_dir: str) -> None:
        super().__init__(save_dir)
        self.folder = Path(folder)
        self._is_open = False

    def _init_env(self) -> None:
        """Do nothing: the run is started by :meth:`add_config`."""

    @property
    def experiment(self) -> Any:
        """Return the object of the program that the run is logged with."""
        raise NotImplementedError

    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Start the run, or go on with it if the training is resumed, and log the config."""
        file = self.folder / f'{self.tool}_run'
        run_id = file.read_text(encoding='utf-8').strip() if config.get('resume') and file.is_file() else None
        self._is_open = True
        write_text(file, self.start(run_id, self.folder.name) + '\n')
        if run_id is None:
            self.log_config(config)

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Log a number."""
        self.add_scalars({name: value}, step)

    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Log numbers; what is no number is left out."""
        numbers = {name: float(value) for name, value in scalar_dict.items() if _is_number(value)}
        if numbers and self._is_open:
            self.log_numbers(numbers, step)

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        """Log a picture, ``(H, W, 3)`` RGB uint8."""
        if self._is_open:
            self.log_picture(Path(name).stem, image, step)

    def close(self) -> None:
        """End the run."""
        if self._is_open:
            self._is_open = False
            self.finish()

    @abstractmethod
    def start(self, run_id: str | None, name: str) -> str:
        """Start a run, or go on with one.

        Args:
            run_id: Id of the run to go on with; None starts a new one.
            name: Name of a new run.

        Returns:
            The id of the run.
        """

    @abstractmethod
    def log_config(self, config: Config) -> None:
        """Log the config of a new run."""

    @abstractmethod
    def log_numbers(self, numbers: dict[str, float], step: int) -> None:
        """Log numbers of a step: an iteration, or an epoch for results of a validation."""

    @abstractmethod
    def log_picture(self, name: str, image: np.ndarray, step: int) -> None:
        """Log a picture of a step, ``(H, W, 3)`` RGB uint8."""

    @abstractmethod
    def finish(self) -> None:
        """End the run."""


def _is_number(value: Any) -> bool:
    if isinstance(value, Tensor | np.ndarray):
        return value.size == 1 if isinstance(value, np.ndarray) else value.numel() == 1
    return isinstance(value, Number) and not isinstance(value, complex)
