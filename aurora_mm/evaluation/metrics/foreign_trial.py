"""Try a metric of another package before training starts, so that errors show early."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.evaluator import BaseMetric

from aurora_mm.errors import ConfigError
from aurora_mm.evaluation.metrics.foreign_metric import ForeignMetric
from aurora_mm.evaluation.suppress_output import suppress_output
from aurora_mm.misfits import MISFITS, reason_of
from aurora_mm.refusals import Refusals
from aurora_mm.registry import METRICS
from aurora_mm.structures import EXAMPLES, example_sample
from aurora_mm.tasks import Task

_PIXELS = 64
_PANOPTIC = 'it scores objects and surfaces together, and there is no task type for that'
_VIDEO = 'it follows objects through a video, and tasks are of single images'
_LANGUAGE = 'it scores answers to sentences, and tasks have none'
# Metrics of mmdet and mmseg that, like their subclasses, score something that no task has.
_REFUSED = Refusals(
    dict(
        CityScapesMetric='it scores masks of single objects; use mmdet.CocoMetric for boxes',
        CityscapesMetric='it reads the instance masks of Cityscapes beside the images; use mmseg.IoUMetric',
        COCOCaptionMetric=_LANGUAGE,
        CocoPanopticMetric=_PANOPTIC,
        CocoOccludedSeparatedMetric='it reads a list of occluded objects of COCO and masks of single objects',
        CocoVideoMetric=_VIDEO,
        CrowdHumanMetric='it is for the files of CrowdHuman; use mmdet.VOCMetric',
        CULaneMetric='it scores lanes, and there is no task type for lanes',
        DepthMetric='it scores depth, and there is no task type for depth',
        DODCocoMetric=_LANGUAGE,
        DumpODVGResults='it writes files for a language model and scores nothing',
        DumpDetResults='it writes a file and scores nothing; `aurora-mm test --out-dir` writes all predictions',
        DumpProposals='it writes the proposals of a first stage and scores nothing',
        Flickr30kMetric=_LANGUAGE,
        LVISMetric='it is for the files of LVIS and needs their package; use mmdet.CocoMetric',
        LVISFixedAPMetric='it is for the files of LVIS and needs their package; use mmdet.CocoMetric',
        MOTChallengeMetric=_VIDEO,
        OVCocoMetric='it is for the files of COCO with its novel classes; use mmdet.CocoMetric',
        OpenImagesMetric='it reads the class hierarchy of Open Images; use mmdet.VOCMetric',
        ReIDMetrics='it tells persons again, and there is no task type for that',
        RefExpMetric=_LANGUAGE,
        RefSegMetric=_LANGUAGE,
        YouTubeVISMetric=_VIDEO,
        gRefCOCOMetric=_LANGUAGE,
    )
)
# Metrics that need a further package, by the name under which it is imported.
_PACKAGES = dict(FasterCocoMetric='faster_coco_eval')


def refuse_metric(config: Mapping[str, Any], task: Task) -> None:
    """Check that a metric of mmdet or mmseg scores something that tasks have, before it looks for files and packages.

    Args:
        config: Config of the metric, or of a :class:`ForeignMetric` with it.
        task: The task that it is to score.

    Raises:
        ConfigError: If it does not, or a package is missing. The message gives the metric, the task and the reason.
    """
    config = config.get('metric', config) if isinstance(config.get('metric'), Mapping) else config
    kind = METRICS.get(config['type']) if isinstance(config['type'], str) else config['type']
    if kind is None:
        raise ConfigError(f'metric {config["type"]!r} of task {task.name!r} is not registered')
    what = f'{config["type"]} cannot score task {task.name!r}'
    _REFUSED.check(kind, what)
    package = _PACKAGES.get(kind.__name__)
    if package and importlib.util.find_spec(package) is None:
        raise ConfigError(f'{what}: it needs the package {package}, which is not installed')


def try_metric(config: Mapping[str, Any], metric: BaseMetric, task: Task) -> None:
    """Score one example with a metric, so that one that does not fit is refused before training starts.

    Args:
        config: Config of the metric.
        metric: The built metric with its ``dataset_meta``; it does not change.
        task: The task that it is to score.

    Raises:
        ConfigError: If it cannot score the task. The message gives both and the reason.
    """
    name = config['type'] if isinstance(config['type'], str) else config['type'].__name__
    inner = getattr(metric, 'metric', metric)
    if task.type not in EXAMPLES:
        return
    sample = openmmlab_fields(example_sample(task, _PIXELS, 'original', predicted=True).to_dict())
    try:
        with suppress_output():
            metric.process(None, [copy.deepcopy(sample)])
            metric.results.clear()
            if getattr(inner, 'ann_file', None) is None and getattr(inner, '_coco_api', None) is None:
                trial = METRICS.build(copy.deepcopy(config))
                trial.dataset_meta = metric.dataset_meta
                trial.process(None, [sample])
                answer = trial.compute_metrics(trial.results)
                if isinstance(trial, ForeignMetric):
                    trial.primary(answer)
    except MISFITS as error:
        raise ConfigError(
            f'{name} cannot score {task.type} task {task.name!r}: tried on one image, {reason_of(error)}'
        ) from error


def openmmlab_fields(sample: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the fields to a sample that only metrics of mmdet and mmseg read.

    A sample with boxes gets empty ``ignored_instances``. A mask gets its ``data``, the name in mmseg, as ``sem_seg``
    too, the name in mmdet.

    Args:
        sample: The sample as nested dicts; it does not change.

    Returns:
        A copy with the fields.
    """
    more: dict[str, Any] = {}
    if 'gt_instances' in sample and 'ignored_instances' not in sample:
        boxes, labels = sample['gt_instances']['bboxes'], sample['gt_instances']['labels']
        more['ignored_instances'] = dict(bboxes=torch.empty_like(boxes[:0]), labels=labels[:0])
    for field in ('gt_sem_seg', 'pred_sem_seg'):
        if field in sample:
            more[field] = {**sample[field], 'sem_seg': sample[field]['data']}
    return {**sample, **more}
