"""A dense head of mmdet as a head of the multi-task model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.config import ConfigDict
from mmengine.model import ModuleDict
from mmengine.structures import InstanceData
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads import BaseTaskHead
from aurora_mm.models.heads.base_task_head import require_network_coordinates
from aurora_mm.models.utils.build import build_in_scope
from aurora_mm.models.utils.original_coordinates import boxes_to_original
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskBatch, TaskDataSample
from aurora_mm.tasks import Task

_TEST_CFG = dict(nms_pre=1000, min_bbox_size=0, score_thr=0.0, nms=dict(type='nms', iou_threshold=0.6), max_per_img=100)
_CENTERNET_TEST_CFG = dict(topk=20, local_maximum_kernel=3)


@MODELS.register_module()
class MMDetHead(BaseTaskHead):
    """An mmdet dense head (FCOS, ATSS, RTMDet, CenterNet ...), one a task, or one that all tasks share.

    mmdet's heads reshape by their own ``num_classes``, so that their outputs cannot be sliced by task.

    Args:
        tasks, in_channels: See :class:`BaseTaskHead`.
        head: Config of the head, ``type='mmdet.X'``; types within it are looked up in mmdet. ``train_cfg`` and
            ``test_cfg``, which mmdet's detectors hand on, stand here. Left out, ``num_classes``, ``in_channels``,
            and in ``test_cfg`` the usual figures (no score threshold) are filled in.
        in_index: Levels that it reads; all by default. CenterNet takes one.
        in_strides: Input pixels per cell of each map; the head's own must agree.
        shared: One head for all tasks, with the classes of the largest; a task's predictions are those of its
            classes. 'Class 0' of all tasks is then one class.

    Raises:
        ConfigError: If the head does not fit the maps it is given.
    """

    task_type = 'detection'

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        in_channels: Sequence[int],
        head: dict[str, Any],
        in_index: Sequence[int] | None = None,
        in_strides: Sequence[int] | None = None,
        shared: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        self.in_index = list(range(len(in_channels)) if in_index is None else in_index)
        self.shared = shared
        widths = [in_channels[i] for i in self.in_index]
        if len(set(widths)) > 1:
            raise ConfigError(f'{head["type"]} reads levels of one width, not {widths}')
        strides = None if in_strides is None else [in_strides[i] for i in self.in_index]
        counts = {task.name: task.num_outputs for task in self.tasks}
        if shared:
            counts = dict(all=max(counts.values()))
        self.heads = ModuleDict({name: _build(head, n, widths[0], strides) for name, n in counts.items()})

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The levels that the heads read: tasks share no layer, unless they share the whole head."""
        return tuple(feats[i] for i in self.in_index)

    def task_outputs(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[Any]:
        """What each task's head puts out, lists over levels."""
        return [self._head(batch.task)(levels) for batch, levels in self._levels(feats, batches)]

    def loss(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[dict[str, Tensor]]:
        """The heads' own losses, each summed over levels: scalars, since they are divided by numbers of the batch."""
        losses = []
        for batch, levels in self._levels(feats, batches):
            require_network_coordinates(batch.samples)
            terms = self._head(batch.task).loss(levels, _mmdet_samples(batch.samples))
            losses.append(
                {
                    name: sum(value) if isinstance(value, Sequence) else value
                    for name, value in terms.items()
                    if 'loss' in name
                }
            )
        return losses

    def predict(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> None:
        """Set ``pred_instances`` in original pixels, the surest box first; there may be none."""
        for batch, levels in self._levels(feats, batches):
            found = self._head(batch.task).predict(levels, _mmdet_samples(batch.samples), rescale=False)
            self.predict_by_feat(found, batch.samples, batch.task)

    def loss_by_feat(self, output: Any, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Not to be called: a head of mmdet computes its losses from the levels, see :meth:`loss`."""
        raise NotImplementedError('a head of mmdet computes its losses from the levels')

    def predict_by_feat(
        self, output: Sequence[InstanceData], data_samples: Sequence[TaskDataSample], task: Task
    ) -> None:
        """See :meth:`predict`; ``output`` holds boxes in network coordinates."""
        for sample, instances in zip(data_samples, output, strict=True):
            instances = instances[instances.labels < task.num_outputs]
            instances = instances[instances.scores.argsort(descending=True)]
            sample.pred_instances = InstanceData(
                bboxes=boxes_to_original(instances.bboxes, sample.homography_matrix, sample.ori_shape),
                scores=instances.scores,
                labels=instances.labels,
            )

    def _levels(
        self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]
    ) -> Iterator[tuple[TaskBatch, list[Tensor]]]:
        for batch in batches:
            yield batch, [batch.take(level) for level in self(feats)]

    def _head(self, task: Task) -> nn.Module:
        return self.heads['all' if self.shared else task.name]


def _build(head: dict[str, Any], num_classes: int, in_channels: int, strides: Sequence[int] | None) -> nn.Module:
    cfg = ConfigDict(head)
    cfg.setdefault('num_classes', num_classes)
    cfg.setdefault('in_channels', in_channels)
    cfg.test_cfg = ConfigDict(_TEST_CFG | _CENTERNET_TEST_CFG | dict(cfg.get('test_cfg') or {}))
    if (cfg.num_classes, cfg.in_channels) != (num_classes, in_channels):
        raise ConfigError(
            f'{cfg.type} has num_classes {cfg.num_classes} and in_channels {cfg.in_channels}, but its tasks need '
            f'{num_classes} and its maps have {in_channels}'
        )
    built = build_in_scope(cfg)
    priors = getattr(built, 'prior_generator', None)
    if priors is not None and strides is not None:
        own = [stride[0] if isinstance(stride, Sequence) else stride for stride in priors.strides]
        if own != list(strides):
            raise ConfigError(f'{cfg.type} is set up for strides {own}, but its maps have {list(strides)}')
    return built


def _mmdet_samples(data_samples: Sequence[TaskDataSample]) -> list[Any]:
    """The samples as mmdet's heads read them; every coordinate is in pixels of the network's input."""
    from mmdet.structures import DetDataSample  # only models with such a head need mmdet

    converted = []
    for sample in data_samples:
        shape = tuple(sample.img_shape)
        meta = dict(
            img_shape=shape,
            pad_shape=shape,
            batch_input_shape=shape,
            ori_shape=shape,
            scale_factor=(1.0, 1.0),
            border=(0, shape[0], 0, shape[1]),  # of the image in the input (top, bottom, left, right), for CenterNet
            img_path=sample.get('img_path'),
        )
        one = DetDataSample(metainfo=meta)
        if 'gt_instances' in sample:
            one.gt_instances = sample.gt_instances
        converted.append(one)
    return converted
