"""A whole detector of mmdet as a head: two-stage detectors and detection transformers."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads.base_mmdet_head import BaseMMDetHead
from aurora_mm.models.heads.class_counts import set_num_classes
from aurora_mm.models.heads.mmdet_head import fill_in_dense_head, with_loss_cls
from aurora_mm.models.heads.openmmlab_samples import mmdet_samples
from aurora_mm.models.utils.build import IdentityBackbone, build_foreign, foreign_class
from aurora_mm.models.utils.fit import check_strides
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

if TYPE_CHECKING:
    from mmdet.models.detectors.base import BaseDetector

# Modules of a detector whose config has the number of classes.
_CLASSIFIERS = ('bbox_head', 'query_head')


@MODELS.register_module()
class MMDetDetectorHead(BaseMMDetHead):
    """A detector of mmdet (Faster and Cascade R-CNN, the DETR family, Sparse R-CNN, RTMDet ...) without its backbone.

    It reads the maps of this model in place of those of its own backbone, and may have its own neck. ``heads`` of
    :class:`MultiTaskModel` take such a config as in mmdet, ``dict(type='mmdet.FasterRCNN', rpn_head=...,
    roi_head=..., train_cfg=..., test_cfg=...)``. Each task has its own detector, unless ``shared`` is True.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        detector: Config of the detector, ``type='mmdet.X'``, without backbone and data preprocessor. Numbers of classes
            may be left out, and without a neck also ``in_channels`` and strides of RPN, RoI extractors and box heads.
        kwargs: See :class:`BaseMMDetHead`. Without a neck, strides in ``detector`` must agree with ``in_strides``.

    Raises:
        ConfigError: If the detector does not fit the maps or tasks it is given.
    """

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        detector: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(tasks, in_channels, detector, **kwargs)

    @staticmethod
    def build_module(
        cfg: dict[str, Any], num_classes: int, widths: Sequence[int], strides: Sequence[int] | None
    ) -> nn.Module:
        """See :class:`BaseMMDetHead`."""
        for part in ('backbone', 'data_preprocessor'):
            if cfg.get(part) is not None:
                raise ConfigError(f'{cfg["type"]} as a head reads the maps of this model: leave out its {part}')
        detector = ConfigDict(copy.deepcopy(dict(cfg)))  # parts are filled in
        takes = inspect.signature(foreign_class(detector.type)).parameters
        _refuse_masks(detector)
        for where, part in _classifiers(detector):
            set_num_classes(part, num_classes, f'{detector.type}: {where}')
        own_neck = detector.get('neck') is not None
        if not own_neck:
            _fill_in_maps(detector, num_classes, widths, strides)
        more = {key: None for key in ('neck', 'train_cfg', 'test_cfg') if key in takes and key not in detector}
        built: nn.Module = build_foreign(detector | more | dict(backbone=dict(type=IdentityBackbone)))
        for name in ('rpn_head', 'bbox_head'):
            if hasattr(built, name):
                with_loss_cls(getattr(built, name))
                if not own_neck:
                    check_strides(getattr(built, name), detector.type, strides)
        return built

    def outputs_of(self, head: BaseDetector, levels: list[Tensor], samples: Sequence[TaskDataSample]) -> Any:
        """See :class:`BaseMMDetHead`."""
        return head(tuple(levels), mmdet_samples(samples), mode='tensor')

    def losses_of(self, head: BaseDetector, levels: list[Tensor], samples: Sequence[TaskDataSample]) -> dict[str, Any]:
        """See :class:`BaseMMDetHead`."""
        return head.loss(tuple(levels), mmdet_samples(samples))

    def boxes_of(
        self, head: BaseDetector, levels: list[Tensor], samples: Sequence[TaskDataSample]
    ) -> Sequence[InstanceData]:
        """See :class:`BaseMMDetHead`."""
        found = head.predict(tuple(levels), mmdet_samples(samples), rescale=False)
        return [one.pred_instances for one in found]


def _refuse_masks(cfg: ConfigDict) -> None:
    for place, part in (('', cfg), ('roi_head.', cfg.get('roi_head') or {})):
        masks = [f'{place}{key}' for key in part if key.startswith('mask_') and part[key] is not None]
        if masks:
            raise ConfigError(
                f'{cfg.type} cannot be a head of a detection task with {", ".join(masks)}: they learn from a mask of '
                'every box, and detection tasks have boxes alone; leave them out'
            )


def _classifiers(cfg: ConfigDict, inside: str = '') -> Iterator[tuple[str, ConfigDict]]:
    for name in _CLASSIFIERS:
        part = cfg.get(name)
        for one in part if isinstance(part, Sequence) else [part]:
            if one is not None:
                yield f'{inside}{name}', one
    if cfg.get('roi_head') is not None:
        yield from _classifiers(cfg.roi_head, 'roi_head.')


def _fill_in_maps(cfg: ConfigDict, num_classes: int, widths: Sequence[int], strides: Sequence[int] | None) -> None:
    """Fill in channels and strides of the maps in RPN, RoI head and dense head where the config leaves them out."""
    rpn, roi = cfg.get('rpn_head'), cfg.get('roi_head')
    if (rpn or roi) and len(set(widths)) > 1:
        raise ConfigError(f'{cfg.type} reads levels of one width, not {list(widths)}; give it a neck')
    if rpn:
        rpn.setdefault('in_channels', widths[0])
        if strides is not None and 'anchor_generator' in rpn:
            rpn.anchor_generator.setdefault('strides', list(strides))
    if roi:
        extractors = roi.get('bbox_roi_extractor')
        for extractor in extractors if isinstance(extractors, Sequence) else [extractors]:
            if extractor is not None:
                extractor.setdefault('out_channels', widths[0])
                if strides is not None:
                    extractor.setdefault('featmap_strides', list(strides))
        for _, head in _classifiers(roi):
            head.setdefault('in_channels', widths[0])
    elif 'bbox_head' in cfg:
        fill_in_dense_head(cfg.bbox_head, num_classes, widths, scope='mmdet.')
