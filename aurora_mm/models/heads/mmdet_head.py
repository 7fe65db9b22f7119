"""A dense head of mmdet as a head of the multi-task model."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads.base_mmdet_head import BaseMMDetHead
from aurora_mm.models.heads.class_counts import set_num_classes
from aurora_mm.models.heads.openmmlab_samples import mmdet_samples
from aurora_mm.models.utils.build import build_foreign, foreign_class
from aurora_mm.models.utils.fit import check_strides
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

if TYPE_CHECKING:
    from mmdet.models.dense_heads.base_dense_head import BaseDenseHead

_TEST_CFG = dict(nms_pre=1000, min_bbox_size=0, score_thr=0.0, nms=dict(type='nms', iou_threshold=0.6), max_per_img=100)
_CENTERNET_TEST_CFG = dict(topk=20, local_maximum_kernel=3)


@MODELS.register_module()
class MMDetHead(BaseMMDetHead):
    """A dense head of mmdet (FCOS, ATSS, RTMDet, YOLOX, SSD, CenterNet ...): one for each task, or one for all.

    Heads of mmdet reshape their outputs by their own ``num_classes``, so the outputs cannot be sliced by task.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        head: Config of the head, ``type='mmdet.X'``; types within it are looked up in mmdet. It also holds
            ``train_cfg`` and ``test_cfg``, which mmdet's detectors pass on. ``num_classes`` and ``in_channels`` may be
            left out; ``test_cfg`` is completed by the usual values (no score threshold).
        kwargs: See :class:`BaseMMDetHead`. CenterNet reads one level (``in_index``), YOLOv3 the coarsest first; strides
            in ``head`` must agree with ``in_strides``.

    Raises:
        ConfigError: If the head does not fit the maps or tasks it is given.
    """

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        head: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(tasks, in_channels, head, **kwargs)

    @staticmethod
    def build_module(
        cfg: dict[str, Any], num_classes: int, widths: Sequence[int], strides: Sequence[int] | None
    ) -> nn.Module:
        """See :class:`BaseMMDetHead`."""
        head = ConfigDict(copy.deepcopy(dict(cfg)))  # parts are filled in
        if foreign_class(head.type).__name__ == 'CenterNetHead' and len(widths) != 1:
            raise ConfigError(f'{head.type} reads one level; say which by in_index of aurora_mm.MMDetHead')
        fill_in_dense_head(head, num_classes, widths)
        head.test_cfg = ConfigDict(_TEST_CFG | _CENTERNET_TEST_CFG | dict(head.get('test_cfg') or {}))
        built = build_foreign(head)
        check_strides(built, head.type, strides)
        return with_loss_cls(built)

    def losses_of(self, head: BaseDenseHead, levels: list[Tensor], samples: Sequence[TaskDataSample]) -> dict[str, Any]:
        """See :class:`BaseMMDetHead`."""
        return head.loss(levels, mmdet_samples(samples))

    def boxes_of(
        self, head: BaseDenseHead, levels: list[Tensor], samples: Sequence[TaskDataSample]
    ) -> Sequence[InstanceData]:
        """See :class:`BaseMMDetHead`."""
        return head.predict(levels, mmdet_samples(samples), rescale=False)


def fill_in_dense_head(cfg: ConfigDict, num_classes: int, widths: Sequence[int], scope: str = '') -> None:
    """Fill in the numbers of classes and channels of a dense head of mmdet, or check those that are given.

    Args:
        cfg: Config of the head; changed in place.
        num_classes: Number of classes of its task, without background.
        widths: Channels of each map that the head reads.
        scope: Prefix for the head's type if the type has none, ``'mmdet.'``.

    Raises:
        ConfigError: If the config gives other numbers, or a head that needs maps of one width gets several.
    """
    kind = foreign_class(cfg.type if '.' in str(cfg.type) else f'{scope}{cfg.type}')
    declared = inspect.signature(kind).parameters.get('in_channels')
    # SSD and YOLOv3 take levels of different widths.
    many = declared is not None and 'Sequence' in str(declared.annotation)
    if not many and len(set(widths)) > 1:
        raise ConfigError(f'{cfg.type} reads levels of one width, not {list(widths)}')
    in_channels = list(widths) if many else widths[0]
    if declared is not None or not issubclass(kind, foreign_class('mmdet.DETRHead')):
        cfg.setdefault('in_channels', in_channels)
    set_num_classes(cfg, num_classes, cfg.type)
    given = cfg.get('in_channels', in_channels)
    if (list(given) if many else given) != in_channels:
        raise ConfigError(f'{cfg.type} has in_channels {given}, but its maps have {in_channels}')


def with_loss_cls(head: nn.Module) -> nn.Module:
    """Add the attribute ``loss_cls``, which mmdet expects of every anchor head and SSD lacks; returns the head."""
    if not hasattr(head, 'loss_cls'):
        head.register_module('loss_cls', None)
    return head
