"""Parameters and multiply-adds of each module of a model, for one image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from rich.table import Table
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskBatch
from aurora_mm.tables import console_text


class ModuleCost(NamedTuple):
    """Parameters of a module, and multiply-adds of its matrix products and convolutions for one image."""

    part: str
    params: int
    macs: int


def model_cost(cfg: Config, size: tuple[int, int]) -> list[ModuleCost]:
    """Count the cost of the encoder, the detail branch, each neck, and each adapter and head for each of its tasks.

    Tensors are on the meta device, so nothing is computed and the largest encoder takes seconds. OpenMMLab's
    ``get_flops`` calls a multiply-add one FLOP. The parameters of a head, of all its tasks, are counted for each of its
    tasks.

    Args:
        cfg: A config with ``model``.
        size: (height, width) of the network input in pixels.

    Returns:
        The cost of each module.
    """
    model_cfg = cfg.model.copy()
    if 'pretrained' in model_cfg.backbone:
        model_cfg.backbone = model_cfg.backbone | dict(pretrained=None)
    with DefaultScope.overwrite_default_scope('aurora_mm'), torch.device('meta'):
        model = MODELS.build(model_cfg).eval()
        image = torch.zeros(1, 3, *size)
        maps, macs = _count(model.backbone, image)
        costs = [_cost(f'backbone ({type(model.backbone).__name__})', model.backbone, macs)]
        if model.detail is not None:
            details, macs = _count(model.detail, image)
            costs.append(_cost(f'detail ({type(model.detail).__name__})', model.detail, macs))
            maps = (*details, *maps)
        levels = {'backbone': maps}
        for name, neck in model.necks.items():
            levels[name], macs = _count(neck, maps)
            costs.append(_cost(f'neck {name} ({type(neck).__name__})', neck, macs))
        for task in model.tasks.values():
            key = model.head_of[task.name]
            feats = levels[model.source_of[key]]
            if model.adapters:
                adapter = model.adapters[task.name]
                feats, macs = _count(adapter, feats)
                costs.append(_cost(f'adapter ({type(adapter).__name__}): {task.name}', adapter, macs))
            _, macs = _count(model.heads[key].task_outputs, feats, [TaskBatch(task, None, [])])
            costs.append(_cost(f'head {key}: {task.name}', model.heads[key], macs))
    return costs


def cost_table(costs: list[ModuleCost], size: tuple[int, int]) -> str:
    """Format the costs as a table.

    Args:
        costs: The costs.
        size: (height, width) of the network input in pixels.
    """
    table = Table(title=f'one image of {size[0]} x {size[1]}')
    table.add_column('part')
    table.add_column('parameters (M)', justify='right')
    table.add_column('multiply-adds (G)', justify='right')
    for cost in costs:
        table.add_row(cost.part, f'{cost.params / 1e6:.2f}', f'{cost.macs / 1e9:.3f}')
    return console_text(table)


def _cost(name: str, part: nn.Module, macs: int) -> ModuleCost:
    return ModuleCost(name, sum(p.numel() for p in part.parameters()), macs)


def _count(run: Callable[..., Any], *args: Any) -> tuple[Any, int]:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        result = run(*args)
    return result, counter.get_total_flops() // 2  # torch counts a multiply-add as two
