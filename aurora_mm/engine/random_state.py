"""The state of all random generators that a training step may use."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from mmengine.device import get_device


def seed_generators(*numbers: int) -> None:
    """Seed Python, NumPy and torch (on all devices).

    Args:
        numbers: Integers from which the seeds are derived, such as the seed of the run, the epoch and the rank.
    """
    state = np.random.SeedSequence(numbers).generate_state(3)
    random.seed(int(state[0]))
    np.random.seed(state[1])  # noqa: NPY002  the transforms use NumPy's global state, as those of mmcv do
    torch.manual_seed(int(state[2]))


def random_state() -> dict[str, Any]:
    """Return the states of the generators of Python, NumPy, torch and this process's device, as plain values."""
    numpy = np.random.get_state(legacy=False)  # noqa: NPY002
    numpy['state']['key'] = numpy['state']['key'].tolist()
    state = dict(python=random.getstate(), numpy=numpy, torch=torch.get_rng_state())
    device = _device_module()
    return state if device is None else state | dict(device=device.get_rng_state().cpu())


def restore_random_state(state: dict[str, Any]) -> None:
    """Restore the states that :func:`random_state` returned.

    Args:
        state: The states. That of the device is ignored if this process has none.
    """
    random.setstate(state['python'])
    np.random.set_state(state['numpy'])  # noqa: NPY002
    torch.set_rng_state(state['torch'].cpu())
    device = _device_module()
    if device is not None and 'device' in state:
        device.set_rng_state(state['device'].cpu())


def _device_module() -> Any:
    """Return torch's module for this process's device, None for the CPU or a device without generators."""
    module = getattr(torch, get_device(), None)
    return module if hasattr(module, 'get_rng_state') else None
