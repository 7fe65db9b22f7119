"""Notes which predictions follow from numbers that are not finite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

from aurora_mm.structures import TaskDataSample


@torch.no_grad()
def note_finite_outputs(output: Any, samples: Sequence[TaskDataSample]) -> None:
    """Set in each sample whether all raw outputs of its image are finite; nothing is copied from the device.

    A prediction often hides that they are not: the mask of logits that are nan is all background, a comparison of a
    probability that is nan finds no box, and the ROC curve of such probabilities can be perfect.

    Args:
        output: Raw outputs of a head for n images: tensors in any lists, tuples, dicts and data elements. A tensor of n
            rows has one for each image; a tensor of another shape counts for all images.
        samples: The n samples; ``outputs_are_finite`` is set in them.
    """
    flags = [
        tensor.isfinite().reshape(len(samples), -1).all(1)
        if tensor.dim() and len(tensor) == len(samples)
        else tensor.isfinite().all().expand(len(samples))
        for tensor in _floats(output)
    ]
    if flags:
        for sample, finite in zip(samples, torch.stack(flags).all(0), strict=True):
            sample.outputs_are_finite = finite


def _floats(output: Any) -> Iterator[Tensor]:
    """Yield all tensors of floating-point numbers in nested values that hold any number."""
    if isinstance(output, Tensor):
        if output.is_floating_point() and output.numel():
            yield output
    elif isinstance(output, Mapping | BaseDataElement):
        for value in output.values():
            yield from _floats(value)
    elif isinstance(output, Sequence) and not isinstance(output, str):
        for value in output:
            yield from _floats(value)
