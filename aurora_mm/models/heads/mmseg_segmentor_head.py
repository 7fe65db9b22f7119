"""A whole segmentor of mmseg as a head: mask classification, cascades, auxiliary heads."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from mmengine.config import ConfigDict
from mmengine.model import ModuleDict
from torch import Tensor

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates
from aurora_mm.models.heads.class_counts import set_num_classes
from aurora_mm.models.heads.foreign_trial import try_head
from aurora_mm.models.heads.openmmlab_samples import mmseg_samples, openmmlab_metainfo
from aurora_mm.models.heads.segmentation_head import set_predicted_masks
from aurora_mm.models.heads.weighed_decode_loss import weighed_decode_loss
from aurora_mm.models.utils.build import IdentityBackbone, build_foreign, foreign_class
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskBatch, TaskDataSample
from aurora_mm.tasks import Task

if TYPE_CHECKING:
    from mmseg.models.segmentors.base import BaseSegmentor


@MODELS.register_module()
class MMSegSegmentorHead(BaseTaskHead):
    """A segmentor of mmseg (``EncoderDecoder``, ``CascadeEncoderDecoder``) without its backbone, one for each task.

    It is for decode heads that compute losses or predictions in their own way, which tasks cannot share as in
    :class:`MMSegHead`: MaskFormer, Mask2Former, K-Net, EncNet, PointRend, OCRNet and similar ones.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        segmentor: Config of the segmentor, ``type='mmseg.X'``, without backbone and data preprocessor. ``num_classes``,
            ``in_channels`` and strides of its heads may be left out, and for MaskFormer and Mask2Former the class
            weights (those of the task or 1 for each class, 0.1 for 'no object').
        in_strides: Input pixels per cell of each map.
        init_cfg: See :class:`BaseTaskHead`.

    Raises:
        ConfigError: If the segmentor does not fit the maps or tasks it is given.
    """

    task_type = 'segmentation'
    reads_class_weight = True

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        segmentor: dict[str, Any],
        in_strides: Sequence[int] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        for part in ('backbone', 'data_preprocessor'):
            if segmentor.get(part) is not None:
                raise ConfigError(f'{segmentor["type"]} as a head reads the maps of this model: leave out its {part}')
        self.heads = ModuleDict(
            {task.name: _build(segmentor, task, self.in_channels, in_strides) for task in self.tasks}
        )
        name = segmentor['type']
        if name == 'mmseg.EncoderDecoder':
            name = segmentor['decode_head']['type']
        try_head(self, name, in_strides)

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the maps unchanged: the tasks share no layer."""
        return tuple(feats)

    def task_outputs(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[Tensor]:
        """Compute the class scores ``(n, C, H, W)`` of each task; their softmax gives probabilities."""
        return [
            self._logits(self.heads[batch.task.name], [batch.take(level) for level in feats], batch.samples)
            for batch in batches
        ]

    def loss(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[dict[str, Tensor]]:
        """Compute the segmentors' own losses: scalars, because mmseg averages them over the batch."""
        losses = []
        for batch in batches:
            require_network_coordinates(batch.samples)
            levels = tuple(batch.take(level) for level in feats)
            terms = self.heads[batch.task.name].loss(levels, mmseg_samples(batch.samples))
            losses.append({name: value for name, value in terms.items() if 'loss' in name})
        return losses

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_sem_seg``, the class of each pixel of the original image."""
        set_predicted_masks(output, data_samples)

    def loss_by_feat(self, output: Any, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Raise NotImplementedError: a segmentor computes its losses from the levels, see :meth:`loss`."""
        raise NotImplementedError('a segmentor computes its losses from the levels')

    @staticmethod
    def _logits(head: BaseSegmentor, levels: list[Tensor], samples: Sequence[TaskDataSample]) -> Tensor:
        scores = head.encode_decode(tuple(levels), [openmmlab_metainfo(sample) for sample in samples]).float()
        if _classifies_masks(head):  # its scores are sums of probabilities over the queries
            return scores.clamp(min=torch.finfo(scores.dtype).tiny).log()
        return scores


def _classifies_masks(segmentor: BaseSegmentor) -> bool:
    return hasattr(getattr(segmentor, 'decode_head', None), 'cls_embed')


def _build(
    segmentor: dict[str, Any], task: Task, channels: Sequence[int], strides: Sequence[int] | None
) -> BaseSegmentor:
    cfg = ConfigDict(copy.deepcopy(dict(segmentor)))  # parts are filled in
    for key in ('decode_head', 'auxiliary_head'):
        part = cfg.get(key)
        for head in part if isinstance(part, Sequence) else [part]:
            if head is not None:
                _fill_in(head, task, channels, strides, cfg.type)
    cfg.setdefault('test_cfg', dict(mode='whole'))
    cfg.setdefault('train_cfg', dict())
    return build_foreign(cfg | dict(backbone=dict(type=IdentityBackbone)))


def _fill_in(head: ConfigDict, task: Task, channels: Sequence[int], strides: Sequence[int] | None, name: str) -> None:
    num_classes = task.num_outputs
    kind = head.type if isinstance(head.type, str) and '.' in head.type else f'mmseg.{head.type}'
    takes = inspect.signature(foreign_class(kind)).parameters
    if kind == 'mmseg.IterativeDecodeHead':  # K-Net
        if task.class_weight:
            raise ConfigError(f'class_weight of task {task.name!r} would have no effect: {kind} does not weigh classes')
        _fill_in(head.kernel_generate_head, task, channels, strides, name)
        for part in head.kernel_update_head:
            set_num_classes(part, num_classes, f'{name}: {part.type}')
            part.setdefault('in_channels', head.kernel_generate_head.channels)
        return
    set_num_classes(head, num_classes, f'{name}: {head.type}')
    if kind in ('mmseg.MaskFormerHead', 'mmseg.Mask2FormerHead'):
        head.setdefault('in_channels', list(channels))
        if strides is not None and kind == 'mmseg.Mask2FormerHead':
            head.setdefault('strides', list(strides))
        if 'loss_cls' in head:
            classes = list(task.class_weight or [1.0] * num_classes)
            weights = head.loss_cls.setdefault('class_weight', [*classes, 0.1])
            if len(weights) != num_classes + 1:
                raise ConfigError(
                    f'{head.type}: class_weight of loss_cls has {len(weights)} weights, but the task has '
                    f'{num_classes} classes and there is one for no object; leave it out'
                )
            if task.class_weight and list(weights[:-1]) != classes:
                raise ConfigError(
                    f'{head.type}: class_weight of loss_cls is {list(weights)}, and task {task.name!r} has a '
                    'class_weight of its own: leave one of them out'
                )
        elif task.class_weight:
            raise ConfigError(f'class_weight of task {task.name!r} would have no effect: {head.type} has no loss_cls')
        return
    if task.class_weight:
        head.loss_decode = weighed_decode_loss(head | dict(type=kind), task)
    index = head.get('in_index', -1)
    if head.get('input_transform') or not isinstance(index, int):
        head.setdefault('in_channels', [channels[i] for i in index])
        if strides is not None and 'feature_strides' in takes:
            head.setdefault('feature_strides', [strides[i] for i in index])
    else:
        head.setdefault('in_channels', channels[index])
