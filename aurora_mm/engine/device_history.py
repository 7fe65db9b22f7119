"""Logged values that stay on the device until they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from numpy.typing import NDArray
from torch import Tensor

_MOST_PENDING = 1000  # after this number of values without a read, they are moved to the host


class DeviceHistory(HistoryBuffer):
    """A history of logged values that accepts tensors and moves them to the host when it is read.

    MMEngine's history calls ``.item()`` on each value, so the host waits until the device has computed it. Here a read
    (``mean``, ``current``, ``data``, ...) moves all new values at once. A copy or a pickle is MMEngine's
    :class:`HistoryBuffer`.

    Args:
        args: See ``HistoryBuffer``.
        kwargs: See ``HistoryBuffer``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._pending: list[Tensor] = []
        super().__init__(*args, **kwargs)

    def append(self, value: Tensor) -> None:
        """Add a value without reading it.

        Args:
            value: A tensor of one number, on any device; it must not be changed afterwards.
        """
        self._pending.append(value.detach().reshape(()))
        if len(self._pending) == _MOST_PENDING:
            self._read()

    # All methods of MMEngine use these two arrays.
    @property
    def _log_history(self) -> NDArray[np.float64]:
        self._read()
        return self._values

    @_log_history.setter
    def _log_history(self, values: NDArray[np.float64]) -> None:
        self._values = values

    @property
    def _count_history(self) -> NDArray[np.int64]:
        self._read()
        return self._counts

    @_count_history.setter
    def _count_history(self, counts: NDArray[np.int64]) -> None:
        self._counts = counts

    def _read(self) -> None:
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        values = torch.stack(pending).tolist()
        self._values = np.append(self._values, values)[-self.max_length :]
        self._counts = np.append(self._counts, [1] * len(values))[-self.max_length :]

    def __reduce__(self) -> tuple[Any, ...]:
        return HistoryBuffer, (self._log_history, self._count_history, self.max_length)


def log_tensor(message_hub: MessageHub, key: str, value: Tensor) -> None:
    """Log a value as ``message_hub.update_scalar(key, value)`` does, but without waiting for the device.

    Args:
        message_hub: Message hub of the run.
        key: Key of the value, such as 'train/loss'.
        value: A tensor of one number.
    """
    history = message_hub.log_scalars.get(key)
    if not isinstance(history, DeviceHistory):  # the first value, or the history of a resumed run
        old = ((), (), 1_000_000) if history is None else (*history.data, history.max_length)
        history = message_hub.log_scalars[key] = DeviceHistory(*old)
    message_hub._set_resumed_keys(key, True)
    history.append(value)
