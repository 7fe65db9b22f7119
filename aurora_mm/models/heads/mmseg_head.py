"""A decode head of mmseg as a head of the multi-task model."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from mmengine.config import ConfigDict
from mmengine.model import ModuleDict, normal_init
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates
from aurora_mm.models.heads.class_counts import set_num_classes
from aurora_mm.models.heads.foreign_trial import try_head
from aurora_mm.models.heads.segmentation_head import set_predicted_masks
from aurora_mm.models.heads.weighed_decode_loss import weighed_decode_loss
from aurora_mm.models.utils.build import build_foreign, foreign_class
from aurora_mm.models.utils.layers import TaskOutputs
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

if TYPE_CHECKING:
    from mmseg.models.decode_heads.decode_head import BaseDecodeHead


@MODELS.register_module()
class MMSegHead(BaseTaskHead):
    """A decode head of mmseg with one last layer for each task; all else is shared between the tasks.

    It is for heads that end in ``cls_seg`` (FCN, UPer, SegFormer, FPN, PSP, ASPP and similar ones): their ``conv_seg``
    is replaced, while their own ``loss_by_feat`` and ``loss_decode`` are used as they are, with the ``class_weight`` of
    the task if it has one. Other heads run inside :class:`MMSegSegmentorHead`.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        head: Config of the head, ``type='mmseg.X'``; types within it are looked up in mmseg. As in mmseg, ``in_index``
            gives the indices of the levels it reads: a list for heads that read several levels, otherwise one number;
            -1 by default. ``in_channels``, ``num_classes`` and ``feature_strides`` may be left out. ``num_classes`` is
            that of the task with most classes, with background.
        in_strides: Input pixels per cell of each map.
        share_outputs: Whether all tasks take slices of one last layer, as published; see :class:`TaskOutputs`.
        init_cfg: See :class:`BaseTaskHead`.

    Raises:
        ConfigError: If ``head`` does not fit the maps or tasks it is given, or does not end in ``cls_seg``.
    """

    task_type = 'segmentation'
    reads_class_weight = True

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        head: dict[str, Any],
        in_strides: Sequence[int] | None = None,
        share_outputs: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        cfg = ConfigDict(copy.deepcopy(dict(head)))  # parts are filled in
        index = cfg.get('in_index', -1)
        many = not isinstance(index, int)
        self.in_index = [self.in_index[i] for i in (index if many else [index])]
        cfg.setdefault('in_channels', [in_channels[i] for i in index] if many else in_channels[index])
        set_num_classes(cfg, max(task.num_outputs for task in self.tasks), cfg.type)
        takes_strides = 'feature_strides' in inspect.signature(foreign_class(cfg.type)).parameters
        if many and in_strides is not None and takes_strides:
            cfg.setdefault('feature_strides', [in_strides[i] for i in index])
        try:
            self.head: BaseDecodeHead = build_foreign(cfg)
        except ConfigError as error:
            raise ConfigError(
                f'{error}; in_index is {index} and in_channels are {cfg.in_channels} (heads of many levels take lists '
                'of both, others one number each)'
            ) from error
        if not isinstance(getattr(self.head, 'conv_seg', None), nn.Conv2d):
            raise ConfigError(f'{cfg.type} does not end in one layer `conv_seg`, so tasks cannot have their own')
        self.head.conv_seg = nn.Identity()
        self.weighed_losses = ModuleDict(
            {
                task.name: nn.ModuleList(build_foreign(loss) for loss in weighed_decode_loss(cfg, task))
                for task in self.tasks
                if task.class_weight
            }
        )
        channels = self.head.channels
        self.outputs = TaskOutputs(
            self.tasks, lambda n: nn.Conv2d(channels, n, 1), lambda task: task.num_outputs, share_outputs
        )
        for layer in self.outputs.modules():
            if isinstance(layer, nn.Conv2d):  # as mmseg initialises its conv_seg
                normal_init(layer, std=0.01)
        try_head(self, cfg.type, in_strides)

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Compute the shared features ``(B, channels, h, w)``, see :class:`BaseTaskHead`."""
        return self.head(feats)

    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the head's own losses for each image; other values it reports, such as accuracies, are dropped."""
        require_network_coordinates(data_samples)
        logits = output.float()
        with self._weighed(task):
            terms = [self.head.loss_by_feat(logits[i : i + 1], [sample]) for i, sample in enumerate(data_samples)]
        return {name: torch.stack([term[name] for term in terms]) for name in terms[0] if 'loss' in name}

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_sem_seg``, the class of each pixel of the original image."""
        metas = [dict(img_shape=data_samples[0].img_shape)]
        # resized by mmseg first, which uses the head's ``align_corners``
        set_predicted_masks(self.head.predict_by_feat(output.float(), metas), data_samples)

    @contextmanager
    def _weighed(self, task: Task) -> Iterator[None]:
        """Have the head use the losses with the class weights of a task, if it has some."""
        own = self.head.loss_decode
        if task.name in self.weighed_losses:
            self.head.loss_decode = self.weighed_losses[task.name]
        try:
            yield
        finally:
            self.head.loss_decode = own
