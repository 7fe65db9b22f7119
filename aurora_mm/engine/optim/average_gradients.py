"""Gradients that DistributedDataParallel was kept from averaging."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_gather_object, all_reduce_params, get_world_size
from torch import nn


def average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Averages the parameters' gradients over the ranks, each of which calls it with the same parameters.

    A rank without a gradient counts as one of zero; where no rank has one, none has afterwards.
    """
    if get_world_size() == 1:
        return
    told = all_gather_object([parameter.grad is not None for parameter in parameters])
    met = [parameter for i, parameter in enumerate(parameters) if any(rank[i] for rank in told)]
    for parameter in met:
        parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    all_reduce_params([parameter.grad for parameter in met], op='mean')
