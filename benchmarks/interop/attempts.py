"""Attempts at using one part of mmdet or mmseg in a config of this package."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from host_configs import find_config, model_of, part_of, parts_of
from recipes import ARGUMENTS, LEVELS, MAPS, NECK_MAPS, NOTES, SAME_CONFIG, STRIDES, WIDTH, WITHOUT

from aurora_mm.errors import AuroraError, ConfigError
from aurora_mm.evaluation import MultiTaskEvaluator
from aurora_mm.models import MultiTaskModel
from aurora_mm.models.heads import wrap_foreign_head
from aurora_mm.models.losses import ClassLoss, CoordinateLoss, HeatmapLoss, ScoreLoss
from aurora_mm.models.utils.fit import build_neck
from aurora_mm.models.utils.maps import Maps, maps_of
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task

TASKS = dict(
    detection=Task('nodules', 'detection', classes=('nodule', 'cyst')),
    segmentation=Task('tissue', 'segmentation', classes=('background', 'liver', 'vein')),
    classification=Task('plane', 'classification', classes=('head', 'abdomen', 'femur')),
    landmark=Task('femur', 'landmark', points=('left', 'right')),
)


def attempt_head(host: str, name: str, whole: bool = False) -> str:
    """Build a head, or a whole detector or segmentor, of which the package tries one step and one prediction.

    Args:
        host: 'mmdet' or 'mmseg'.
        name: Of the class.
        whole: Whether it is a detector or segmentor.

    Returns:
        What it needs to work, or ''.
    """
    path = find_config(host, SAME_CONFIG.get(name, name))
    model = model_of(host, path) if path else {}
    if whole:
        cfg = {key: value for key, value in model.items() if key not in ('backbone', 'neck', 'data_preprocessor')}
    else:
        cfg = dict(part_of(model, SAME_CONFIG.get(name, name)) or {})
        for key in ('train_cfg', 'test_cfg'):
            if host == 'mmdet' and isinstance(model.get(key), dict):
                cfg.setdefault(key, model[key])
    cfg = {key: value for key, value in cfg.items() if key not in WITHOUT.get(name, ())}
    cfg |= dict(type=f'{host}.{name}')
    more, strides = LEVELS.get(name, (dict(), _strides_of(cfg, name)))
    note = NOTES.get(name, '')
    try:
        _build_head(cfg, more, strides)
    except ConfigError as error:
        if 'BatchNorm' not in str(error):
            raise
        _build_head(_with_group_norm(cfg), more, strides)
        note = 'with GroupNorm in place of BatchNorm'
    return note


def _build_head(cfg: dict[str, Any], more: dict[str, Any], strides: list[int]) -> None:
    wrapped = wrap_foreign_head(cfg) | more
    kind = MODELS.get(wrapped['type']).task_type
    MODELS.build(wrapped | dict(tasks=[TASKS[kind]], in_channels=[WIDTH] * len(strides), in_strides=list(strides)))


def _strides_of(cfg: dict[str, Any], name: str) -> list[int]:
    """Those that the config, or else the class, sets a head up for."""
    parts = list(parts_of(cfg))
    for key in ('approx_anchor_generator', 'anchor_generator', 'prior_generator'):
        for part in parts:
            if 'strides' in part.get(key, {}):
                return [stride[0] if isinstance(stride, list | tuple) else stride for stride in part[key]['strides']]
    for part in parts:
        for key in ('strides', 'point_strides'):
            if isinstance(part.get(key), list | tuple) and part['type'] != 'MSDeformAttnPixelDecoder':
                return list(part[key])
    for parameter in inspect.signature(MODELS.get(cfg['type'])).parameters.values():
        if parameter.name in ('strides', 'point_strides') and isinstance(parameter.default, list | tuple):
            return list(parameter.default)
        if parameter.name == 'anchor_generator' and isinstance(parameter.default, dict):
            return list(parameter.default['strides'])
    return STRIDES


def _with_group_norm(value: Any) -> Any:
    if isinstance(value, dict):
        return type(value)(
            {
                key: dict(type='GN', num_groups=2) if key == 'norm_cfg' and item else _with_group_norm(item)
                for key, item in value.items()
            }
        )
    return type(value)(_with_group_norm(item) for item in value) if isinstance(value, list | tuple) else value


def attempt_backbone(host: str, name: str) -> str:
    """Build a model with a backbone, which measures its maps on images of zeros."""
    MultiTaskModel(
        tasks=[TASKS['segmentation'].to_config()],
        backbone=_arguments(host, name),
        heads=dict(segmentation=dict(type='aurora_mm.SegmentationHead', channels=8)),
    )
    return ''


def attempt_neck(host: str, name: str) -> str:
    """Build a neck as the model does, and measure its maps."""
    before = Maps(*NECK_MAPS.get(name, MAPS))
    neck = build_neck(_arguments(host, name), "neck 'neck'", before, "'backbone'")
    maps_of(neck, before)
    return '' if name not in NECK_MAPS else 'behind maps of ' + _levels_in_words(before)


def _levels_in_words(maps: Maps) -> str:
    if len(set(maps.strides)) == 1:
        return 'one width and stride'
    return 'one width' if len(set(maps.channels)) == 1 else f'{len(maps.channels)} levels'


def _arguments(host: str, name: str) -> dict[str, Any]:
    path = find_config(host, name)
    found = part_of(model_of(host, path), name) if path else None
    return dict(found or {}) | ARGUMENTS.get(name, {}) | dict(type=f'{host}.{name}')


def attempt_loss(host: str, name: str) -> str:
    """Build a loss as each argument of our heads; which of them it fits."""
    cfg = dict(type=f'{host}.{name}') | ARGUMENTS.get(name, {})
    task = {kind: [task] for kind, task in TASKS.items()}
    ways: dict[str, Callable[[], Any]] = {
        'pixels': lambda: ClassLoss(cfg, task['segmentation'], 'SegmentationHead', 'loss_cls', pixels=True),
        'classes of images': lambda: ClassLoss(cfg, task['classification'], 'ClassificationHead', 'loss_cls'),
        'scores of boxes': lambda: ScoreLoss(cfg, task['detection'], 'DenseDetectionHead', 'loss_cls'),
        'boxes': lambda: CoordinateLoss(cfg, task['detection'], 'DenseDetectionHead', 'loss_bbox', dimensions=4),
        'points': lambda: CoordinateLoss(cfg, task['landmark'], 'LandmarkHead', 'loss_landmark', dimensions=2),
        'heatmaps': lambda: HeatmapLoss(cfg, task['landmark'], 'HeatmapLandmarkHead', 'loss_heatmap'),
    }
    fits, refusals = [], []
    for way, build in ways.items():
        try:
            build()
            fits.append(way)
        except AuroraError as error:
            refusals.append(error)
    if not fits:
        raise refusals[0]
    return 'for ' + ', '.join(fits)


def attempt_metric(host: str, name: str) -> str:
    """Give a metric beside our own to an evaluator, which tries it on one image."""
    kind = 'segmentation' if host == 'mmseg' or name == 'SemSegMetric' else 'detection'
    task = TASKS[kind]
    own = dict(type=task.task_type.metric)
    evaluator = MultiTaskEvaluator({kind: [own, dict(type=f'{host}.{name}', prefix='theirs')]})
    evaluator.dataset_meta = dict(tasks=[task.to_config()])
    return f'for {kind}'
