from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.multi_task_model import MultiTaskModel
from aurora_mm.models.test_time_augs.merge_predictions import merge_predictions
from aurora_mm.models.utils.containers import ModuleList
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample


@MODELS.register_module()
class EnsembleModel(BaseModel):
    """Predicts by several models and merges their predictions.

    It is for testing only. Each member normalises the images by its own ``data_preprocessor``, so members may differ in
    everything except their tasks and the size of the network input.

    Args:
        models: Configs of the members, or the models themselves; at least one.

    Raises:
        ConfigError: If there is no member, or the members have different tasks. The message names the difference.
    """

    def __init__(
        self, models: Sequence[Mapping[str, Any] | MultiTaskModel], init_cfg: dict[str, Any] | None = None
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if not models:
            raise ConfigError('an ensemble needs at least one model')
        self.members: ModuleList[MultiTaskModel] = ModuleList(
            m if isinstance(m, nn.Module) else MODELS.build(dict(m)) for m in models
        )
        self.tasks = self.members[0].tasks
        for i, member in enumerate(self.members):
            different = set(self.tasks.values()) ^ set(member.tasks.values())
            if different:
                names = ', '.join(sorted({task.name for task in different}))
                raise ConfigError(f'members 1 and {i + 1} of the ensemble differ in their tasks: {names}')

    @torch.no_grad()
    def test_step(self, data: Mapping[str, Any] | Sequence[Any]) -> list[MultiTaskDataSample]:
        """Return the merged predictions of a batch.

        Args:
            data: A batch from the data loader.
        """
        answers = [member.test_step(data) for member in self.members]
        return [merge_predictions(samples) for samples in zip(*answers, strict=True)]

    def val_step(self, data: Mapping[str, Any] | Sequence[Any]) -> list[MultiTaskDataSample]:
        """Return the merged predictions of a batch; see :meth:`test_step`."""
        return self.test_step(data)

    def forward(self, inputs: torch.Tensor, data_samples: Sequence[Any] | None = None, mode: str = 'tensor') -> None:
        """Raise NotImplementedError: each member has its own normalisation, which :meth:`test_step` applies."""
        raise NotImplementedError('an ensemble answers through test_step')
