"""Transfer of samples from a device to the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

Element = TypeVar('Element', bound=BaseDataElement)


def to_host(samples: Sequence[Element]) -> list[Element]:
    """Copy samples to the CPU. All tensors of the same dtype are copied together.

    The CPU has to wait for the device once per dtype. With ``sample.cpu()`` it would wait once per tensor.

    Args:
        samples: Samples with tensors on any devices, also in nested data elements.

    Returns:
        Equal samples with all tensors on the CPU. Tensors that were already there are not copied.
    """
    on_device = [tensor for sample in samples for tensor in _tensors(sample) if _is_on_device(tensor)]
    by_dtype: dict[torch.dtype, list[Tensor]] = {}
    for tensor in on_device:
        by_dtype.setdefault(tensor.dtype, []).append(tensor)
    copies: dict[int, Tensor] = {}
    for group in by_dtype.values():
        flat = torch.cat([tensor.reshape(-1) for tensor in group]).cpu()
        for tensor, part in zip(group, torch.split(flat, [tensor.numel() for tensor in group]), strict=True):
            # Cloned, so that keeping one tensor does not keep the memory of the whole batch.
            copies[id(tensor)] = part.view(tensor.shape).clone()
    return [map_tensors(sample, lambda tensor: copies.get(id(tensor), tensor)) for sample in samples]


def map_tensors(element: Element, function: Callable[[Tensor], Tensor]) -> Element:
    """Return a copy of a data element in which a function was applied to each tensor, also in nested data elements.

    Args:
        element: A data element. It is not changed.
        function: Returns the new tensor for each tensor.
    """
    result: Element = element.new()
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
