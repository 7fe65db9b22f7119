"""Copies of an encoder's weights with low precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from aurora_mm.models.backbones import BaseEncoder
from aurora_mm.models.utils.sharded_tensors import is_sharded

_NAMES = ('weight', 'bias')


class WeightCopies:
    """Holds copies of the encoders' fp32 weights in the dtype of autocast, each made once for each update.

    Autocast casts a weight wherever it is used, and keeps the copy of a trained weight until the context ends. So by
    itself it casts a weight again for each batch of an accumulation; for recomputed blocks, since the backward pass
    runs outside the context; at each use of a frozen weight (as with LoRA); and in each compiled block.

    Within :meth:`in_use` the linear layers of the blocks of every :class:`BaseEncoder` have the copies as attributes
    ``weight`` and ``bias``, which hide the parameters. ``parameters()`` and the state dict still return the fp32
    weights, which also get the gradients.

    Args:
        dtype: Dtype of the copies.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        # Each with the version of the parameter from which it was made.
        self._copies: dict[nn.Parameter, tuple[tuple[int, bool], Tensor]] = {}

    @contextmanager
    def in_use(self, layers: list[nn.Linear]) -> Iterator[None]:
        """Let linear layers compute with the copies; missing or outdated copies are made.

        Args:
            layers: See :func:`layers_to_copy`.
        """
        try:
            for layer in layers:
                for name in _NAMES:
                    parameter = layer._parameters.get(name)
                    if parameter is not None and parameter.dtype == torch.float32:
                        layer.__dict__[name] = self._copy_of(parameter)
            yield
        finally:
            for layer in layers:
                for name in _NAMES:
                    layer.__dict__.pop(name, None)

    def clear(self) -> None:
        """Delete the copies, because the weights are about to change."""
        self._copies.clear()

    def _copy_of(self, parameter: nn.Parameter) -> Tensor:
        state = (parameter._version, parameter.requires_grad)
        if parameter not in self._copies or self._copies[parameter][0] != state:
            with torch.enable_grad():  # a later use may need the gradient
                self._copies[parameter] = state, parameter.to(self.dtype)
        return self._copies[parameter][1]


def layers_to_copy(model: nn.Module) -> list[nn.Linear]:
    """Return the linear layers in the blocks of the model's encoders; none with FSDP, which casts by itself."""
    modules = list(model.modules())
    if is_sharded(model):
        return []
    return [
        layer for encoder in modules if isinstance(encoder, BaseEncoder) for layer in encoder.linear_layers().values()
    ]
