"""Averaging of gradients that DistributedDataParallel does not average."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_gather_object, all_reduce_params, get_world_size
from torch import nn


def average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Average the gradients of parameters over the ranks; every rank must call it with the same parameters.

    A missing gradient on a rank counts as zero. Parameters without a gradient on any rank get none.

    Args:
        parameters: The parameters; their gradients are changed in place.
    """
    if get_world_size() == 1:
        return
    has_grad = all_gather_object([parameter.grad is not None for parameter in parameters])
    averaged = [parameter for i, parameter in enumerate(parameters) if any(rank[i] for rank in has_grad)]
    for parameter in averaged:
        parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    all_reduce_params([parameter.grad for parameter in averaged], op='mean')
