from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.test_time_augs.merge_predictions import merge_predictions
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample


@MODELS.register_module()
class EnsembleModel(BaseModel):
    """Several models that answer as one: the mean of their predictions, taken before any decision.

    For testing alone. Each member normalises the images by its own ``data_preprocessor``, so members may differ in
    all but their tasks and the size of the images they are fed.

    Args:
        models: Configs of the members, or the models; at least one.

    Raises:
        ConfigError: If the members do not have the same tasks, naming the difference.
    """

    def __init__(self, models: Sequence[Mapping[str, Any] | nn.Module], init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if not models:
            raise ConfigError('an ensemble needs at least one model')
        self.members = nn.ModuleList(m if isinstance(m, nn.Module) else MODELS.build(dict(m)) for m in models)
        self.tasks = self.members[0].tasks
        for i, member in enumerate(self.members):
            different = set(self.tasks.values()) ^ set(member.tasks.values())
            if different:
                names = ', '.join(sorted({task.name for task in different}))
                raise ConfigError(f'members 1 and {i + 1} of the ensemble differ in their tasks: {names}')

    @torch.no_grad()
    def test_step(self, data: Mapping[str, Any] | Sequence[Any]) -> list[MultiTaskDataSample]:
        """The merged predictions of a batch as the data loader collated it."""
        answers = [member.test_step(data) for member in self.members]
        return [merge_predictions(samples) for samples in zip(*answers, strict=True)]

    def val_step(self, data: Mapping[str, Any] | Sequence[Any]) -> list[MultiTaskDataSample]:
        """As :meth:`test_step`."""
        return self.test_step(data)

    def forward(self, inputs: torch.Tensor, data_samples: Sequence | None = None, mode: str = 'tensor') -> None:
        """Not to be called: each member has its own normalisation, which :meth:`test_step` applies."""
        raise NotImplementedError('an ensemble answers through test_step')
