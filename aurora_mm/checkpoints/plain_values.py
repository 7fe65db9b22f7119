"""Conversion of checkpoints to tensors and plain values: numbers, text, None, and lists, tuples and dicts of them.

Such a file can be read without running code. Checkpoints of MMEngine also contain Python objects: histories of logged
values, NumPy scalars and functions of schedulers.
"""

from __future__ import annotations

import functools
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, print_log
from numpy.typing import NDArray

from aurora_mm.errors import ConfigError, WeightsError

_HISTORY_TYPES = ('<f8', '<i8')  # types of the numbers in a history of logged values


def plain_checkpoint(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a checkpoint of MMEngine's Runner to tensors and plain values.

    :func:`restore_message_hub` converts the message hub back. Functions of schedulers are removed, because a resumed
    run creates them from its config. Other objects in the message hub are removed with a warning in the log.

    Args:
        checkpoint: Checkpoint as MMEngine's Runner creates it. It is not changed.

    Raises:
        ConfigError: If there is an object under another key. The message says where.
    """
    content = dict(checkpoint)
    if 'message_hub' in content:
        content['message_hub'] = _plain_message_hub(content['message_hub'])
    if 'param_schedulers' in content:
        content['param_schedulers'] = _without_functions(content['param_schedulers'])
    return {key: plain(value, key) for key, value in content.items()}


def plain(value: Any, place: str) -> Any:
    """Convert a value to plain values and tensors.

    NumPy numbers become Python numbers; arrays and sets become lists; paths become text.

    Args:
        value: Any value.
        place: Where the value is in the checkpoint, for the error message.

    Raises:
        ConfigError: If the value is, or contains, an object that cannot be converted.
    """
    for kind, convert in _CONVERSIONS:
        if isinstance(value, kind):
            return convert(value, place)
    raise ConfigError(
        f'a checkpoint holds tensors and plain values, but {place} is of type '
        f'{type(value).__module__}.{type(value).__qualname__}'
    )


def restore_message_hub(state: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the message hub of a checkpoint back to the form that its ``load_state_dict`` expects.

    Args:
        state: The message hub as :func:`plain_checkpoint` returns it.

    Raises:
        WeightsError: If a history of logged values is damaged.
    """
    histories = {}
    for key, history in state['log_scalars'].items():
        histories[key] = _history(key, history) if isinstance(history, Mapping) else history
    return {**state, 'log_scalars': OrderedDict(histories)}


def _plain_message_hub(state: Mapping[str, Any]) -> dict[str, Any]:
    info = {}
    for key, value in state['runtime_info'].items():
        try:
            info[key] = plain(value, f'message_hub.{key}')
        except ConfigError as error:
            _warn(f'{error}: it is left out, and a resumed run begins without it')
    histories = {
        key: dict(
            values=_number_bytes(history.data[0]), counts=_number_bytes(history.data[1]), max_length=history.max_length
        )
        for key, history in state['log_scalars'].items()
    }
    kept = {key: value for key, value in state['resumed_keys'].items() if key in info or key in histories}
    return dict(log_scalars=histories, runtime_info=info, resumed_keys=kept)


@functools.cache
def _warn(message: str) -> None:
    """Log a warning, only once per process because a run writes many checkpoints."""
    print_log(message, logger='current', level=logging.WARNING)


def _number_bytes(numbers: NDArray[np.number]) -> dict[str, Any]:
    numbers = np.asarray(numbers)
    kind = '<i8' if numbers.dtype.kind in 'biu' else '<f8'
    return dict(type=kind, data=numbers.astype(kind).tobytes())


def _history(key: str, history: Mapping[str, Any]) -> HistoryBuffer:
    try:
        values, counts = (_numbers(history[name]) for name in ('values', 'counts'))
        return HistoryBuffer(values, counts, history['max_length'])
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise WeightsError(f'its history of {key!r} is damaged ({error})') from error


def _numbers(numbers: Mapping[str, Any]) -> NDArray[np.number]:
    if numbers['type'] not in _HISTORY_TYPES:
        raise ValueError(f'no type of numbers: {numbers["type"]!r}')
    return np.frombuffer(numbers['data'], numbers['type']).copy()


def _without_functions(schedulers: Any) -> Any:
    if isinstance(schedulers, Mapping):
        return {key: _without_functions(value) for key, value in schedulers.items() if not callable(value)}
    if isinstance(schedulers, list):
        return [_without_functions(scheduler) for scheduler in schedulers]
    return schedulers


def _tensor(value: torch.Tensor, place: str) -> torch.Tensor:
    value = value.detach()
    if type(value) is not torch.Tensor or value.layout is not torch.strided:
        raise ConfigError(f'a checkpoint holds dense tensors, but {place} is a {type(value).__name__} ({value.layout})')
    return value


def _dict(value: Mapping[Any, Any], place: str) -> dict[Any, Any]:
    items = {plain(key, f'a key of {place}'): plain(item, f'{place}.{key}') for key, item in value.items()}
    metadata = getattr(value, '_metadata', None)  # versions of the modules, on the state dict of a model
    if not isinstance(metadata, Mapping):
        return items
    result: OrderedDict[Any, Any] = OrderedDict(items)
    result._metadata = plain(metadata, f'{place}._metadata')  # type: ignore[attr-defined]
    return result


def _list(value: list[Any] | deque[Any], place: str) -> list[Any]:
    return [plain(item, f'{place}[{i}]') for i, item in enumerate(value)]


_CONVERSIONS: tuple[tuple[Any, Callable[[Any, str], Any]], ...] = (
    ((type(None), bool, torch.dtype, torch.device), lambda value, place: value),
    (np.generic, lambda value, place: plain(value.item(), place)),
    (int, lambda value, place: int(value)),
    (float, lambda value, place: float(value)),
    (str, lambda value, place: str(value)),
    (bytes, lambda value, place: bytes(value)),
    (torch.Tensor, _tensor),
    (np.ndarray, lambda value, place: plain(value.tolist(), place)),
    (PurePath, lambda value, place: str(value)),
    (Mapping, _dict),
    ((list, deque), _list),
    (tuple, lambda value, place: tuple(_list(list(value), place))),
    ((set, frozenset), lambda value, place: _list(sorted(value, key=repr), place)),
)
