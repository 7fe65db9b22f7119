"""Tracking with MLflow."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from mmengine.config import Config

from aurora_mm.registry import VISBACKENDS
from aurora_mm.visualization.tracking_backend import TrackingBackend

_EXPERIMENT = 'aurora_mm'


@VISBACKENDS.register_module()
class MLflowBackend(TrackingBackend):
    """Logs numbers, pictures and the config with MLflow.

    By default a run goes to ``mlflow.db`` and ``mlflow_files`` in the work dir. The environment variable
    ``MLFLOW_TRACKING_URI`` names a server instead. MMEngine's ``MLflowVisBackend`` asks for the file store that MLflow
    3 refuses, keeps only the last picture of each name, changes settings of the whole process, and copies all log files
    at the end.

    Args:
        folder: Work dir of the run.
        save_dir: Not used.
    """

    tool = 'mlflow'

    @property
    def experiment(self) -> Any:
        """Return MLflow's client."""
        return self._client

    def start(self, run_id: str | None, name: str) -> str:
        from mlflow import MlflowClient

        uri = os.environ.get('MLFLOW_TRACKING_URI')
        folder = self.folder.resolve()
        self._client = MlflowClient(uri or f'sqlite:///{folder / "mlflow.db"}')
        if run_id is None:
            found = self._client.get_experiment_by_name(_EXPERIMENT)
            place = None if uri else (folder / 'mlflow_files').as_uri()
            experiment = found.experiment_id if found else self._client.create_experiment(_EXPERIMENT, place)
            run_id = self._client.create_run(experiment, run_name=name).info.run_id
        else:
            self._client.update_run(run_id, status='RUNNING')
        self._run_id: str = run_id
        return run_id

    def log_config(self, config: Config) -> None:
        self._client.log_text(self._run_id, config.pretty_text, 'config.py')

    def log_numbers(self, numbers: dict[str, float], step: int) -> None:
        from mlflow.entities import Metric
        from mlflow.utils.time import get_current_time_millis

        now = get_current_time_millis()
        self._client.log_batch(self._run_id, [Metric(name, value, now, step) for name, value in numbers.items()])

    def log_picture(self, name: str, image: np.ndarray, step: int) -> None:
        self._client.log_image(self._run_id, image, key=name, step=step)

    def finish(self) -> None:
        self._client.set_terminated(self._run_id)
