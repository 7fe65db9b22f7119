"""Moving samples between the memories of host and device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

Element = TypeVar('Element', bound=BaseDataElement)


def to_host(samples: Sequence[Element]) -> list[Element]:
    """Copy samples to the CPU, all their tensors of one dtype together.

    ``sample.cpu()`` waits for the device once for each tensor. Here the host waits once for each dtype that the batch
    has there.

    Args:
        samples: Samples with tensors on any devices, also in data elements that they hold.

    Returns:
        Equal samples with all tensors on the CPU; those that have been there are not copied.
    """
    on_device = [tensor for sample in samples for tensor in _tensors(sample) if _is_on_device(tensor)]
    by_dtype: dict[torch.dtype, list[Tensor]] = {}
    for tensor in on_device:
        by_dtype.setdefault(tensor.dtype, []).append(tensor)
    copies: dict[int, Tensor] = {}
    for group in by_dtype.values():
        flat = torch.cat([tensor.reshape(-1) for tensor in group]).cpu()
        for tensor, part in zip(group, flat.split([tensor.numel() for tensor in group]), strict=True):
            # With memory of its own: who keeps one tensor must not keep the whole batch.
            copies[id(tensor)] = part.view(tensor.shape).clone()
    return [map_tensors(sample, lambda tensor: copies.get(id(tensor), tensor)) for sample in samples]


def map_tensors(element: Element, function: Callable[[Tensor], Tensor]) -> Element:
    """The data element with other tensors, as ``BaseDataElement.to`` makes it; what it holds is handled alike.

    Args:
        element: A data element; it is left as it is.
        function: Gives the tensor that takes a tensor's place.
    """
    result = element.new()
    for name, value in element.items():
        if isinstance(value, Tensor):
            result.set_data({name: function(value)})
        elif isinstance(value, BaseDataElement):
            result.set_data({name: map_tensors(value, function)})
    return result


def _is_on_device(tensor: Tensor) -> bool:
    return tensor.device != torch.device('cpu')


def _tensors(element: BaseDataElement) -> Iterator[Tensor]:
    for value in element.values():
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, BaseDataElement):
            yield from _tensors(value)
