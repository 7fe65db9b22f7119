"""Data sets of mmdet and mmseg that cannot be read as a task, with the reasons."""

from aurora_mm.errors import ConfigError
from aurora_mm.refusals import Refusals
from aurora_mm.registry import DATASETS
from aurora_mm.tasks import Task

_VIDEO = 'it holds videos, and tasks are of single images'
_LANGUAGE = 'it holds sentences beside the images, and tasks have none'
_VOLUMES = 'its masks are volumes, and tasks have one of an image; save the slices as images for mmseg.BaseSegDataset'
_REFUSED = Refusals(
    dict(
        BaseCDDataset='it holds pairs of images, and tasks are of single images',
        BaseVideoDataset=_VIDEO,
        CocoCaptionDataset=_LANGUAGE,
        CocoPanopticDataset='it holds objects and surfaces together, and there is no task type for that',
        DODDataset=_LANGUAGE,
        DSDLDetDataset='it needs the package dsdl; use mmdet.CocoDataset',
        DSDLSegDataset='it needs the package dsdl; use mmseg.BaseSegDataset',
        DecathlonDataset=_VOLUMES,
        Flickr30kDataset=_LANGUAGE,
        HSIDrive20Dataset='its images have 25 channels, and this package reads grey and colour images',
        LVISV05Dataset='it needs the package lvis; use mmdet.CocoDataset, which reads the same file',
        MDETRStyleRefCocoDataset=_LANGUAGE,
        MultiImageMixDataset='it mixes images by transforms of the hosts, which move pixels; use RandomGeometry',
        NYUDataset='it holds depths, and there is no task type for depth',
        ODVGDataset=_LANGUAGE,
        OpenImagesDataset='it reads the class hierarchy of Open Images; convert it to COCO',
        ReIDDataset='it tells persons again, and there is no task type for that',
        RefCocoDataset=_LANGUAGE,
        V3DetDataset='it reads the names of 13,204 classes from a file of its own; use mmdet.CocoDataset',
    )
)


def refuse_source(kind: str, task: Task) -> None:
    """Raise an error if a data set has no annotations of any task type.

    Args:
        kind: ``type`` of the data set in the config.
        task: The task that the data set is used for.

    Raises:
        ConfigError: If the data set cannot be read as a task, with the reason; or if it is not registered.
    """
    found = DATASETS.get(kind)
    if found is None:
        raise ConfigError(f'data set {kind!r} of task {task.name!r} is not registered')
    _REFUSED.check(found, f'{kind} cannot be read for task {task.name!r}')
