"""Builds what follows the encoder of a multi-task model, each part fitted to the maps that it reads."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import nn

from aurora_mm.models.adapters import TaskAdapter
from aurora_mm.models.heads import BaseTaskHead, wrap_foreign_head
from aurora_mm.models.utils.build import build_in_scope
from aurora_mm.models.utils.containers import ModuleDict
from aurora_mm.models.utils.fit import build_neck, fit
from aurora_mm.models.utils.maps import Maps, maps_of
from aurora_mm.models.utils.wiring import Wiring
from aurora_mm.registry import MODELS
from aurora_mm.tasks import TaskTable


class Parts(NamedTuple):
    """What follows the encoder.

    Attributes:
        necks (ModuleDict): The necks by name.
        heads (ModuleDict): The heads by the keys of :class:`Wiring`.
        adapters (ModuleDict): One adapter for each task by its name, or none.
    """

    necks: ModuleDict[nn.Module]
    heads: ModuleDict[BaseTaskHead]
    adapters: ModuleDict[TaskAdapter]


def build_parts(
    tasks: TaskTable, wiring: Wiring, encoder_maps: Maps, encoder_name: str, adapter: dict[str, Any] | None
) -> Parts:
    """Build necks, heads and adapters.

    Args:
        tasks: The tasks.
        wiring: The configs of necks and heads, and which of them reads what.
        encoder_maps: The maps that the source 'backbone' stands for.
        encoder_name: Name of the encoder, for error messages.
        adapter: Config of the adapter between source and head, or None.

    Raises:
        ConfigError: If a part does not fit the maps before it, or cannot be built.
    """
    parts = Parts(ModuleDict(), ModuleDict(), ModuleDict())
    maps = {'backbone': encoder_maps}
    for name, cfg in wiring.necks.items():
        parts.necks[name] = build_neck(cfg, f'neck {name!r}', encoder_maps, f"'backbone' ({encoder_name})")
        maps[name] = maps_of(parts.necks[name], encoder_maps)
    for key, cfg in wiring.heads.items():
        served = [task for task in tasks.values() if wiring.head_of[task.name] == key]
        source = wiring.source_of[key]
        cfg = fit(wrap_foreign_head(cfg), f'head {key!r}', maps[source], repr(source))
        parts.heads[key] = MODELS.build(cfg | dict(tasks=served))
    if adapter is not None:
        for name, key in wiring.head_of.items():
            reads = dict(in_channels=maps[wiring.source_of[key]].channels, in_index=parts.heads[key].in_index)
            parts.adapters[name] = build_in_scope(adapter | reads)
    return parts
