"""Checks and checksums of the weights of trained models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from aurora_mm.checkpoints.sealing import checksum
from aurora_mm.errors import WeightsError

# Prefixes of the state that belongs to a training run: a new run starts without it, and no prediction depends on it.
STATE_OF_THE_RUN = ('guard.', 'tracker.', 'balancer.')


def require_finite(file: str | Path, state: Mapping[str, Tensor]) -> None:
    """Check that weights are finite, which they are not after a training that diverged.

    Args:
        file: File of the weights, for the error message.
        state: Tensors by name; those of a training run (:data:`STATE_OF_THE_RUN`) are not checked.

    Raises:
        WeightsError: If they are not. The message gives the first such tensor and the number of values.
    """
    for name, tensor in state.items():
        if not tensor.is_floating_point() or name.startswith(STATE_OF_THE_RUN) or tensor.isfinite().all():
            continue
        count = int((~tensor.isfinite()).sum())
        raise WeightsError(f'{file}: {count} of the {tensor.numel()} values of {name} are not finite')


def weights_checksum(state: Mapping[str, Tensor]) -> str:
    """Compute a checksum of the weights that predictions depend on, which checkpoints and model folders share.

    Args:
        state: State dict of a model.
    """
    return checksum({name: state[name] for name in sorted(state) if not name.startswith(STATE_OF_THE_RUN)})
