"""Changes to the test pipeline of a config, and its building."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope

from aurora_mm.datasets.geometry import SIZE_MULTIPLE
from aurora_mm.datasets.pipeline import build_pipeline
from aurora_mm.errors import ConfigError
from aurora_mm.misfits import MISFITS, reason_of


def leave_annotations_out(cfg: Config) -> Config:
    """Remove the loading of annotations from the test pipelines of a config.

    Args:
        cfg: Changed in place: the pipeline of ``test_dataloader``, and ``tta_pipeline`` if there is one.

    Returns:
        ``cfg``.
    """
    dataset = cfg.test_dataloader.dataset
    dataset.pipeline = without_annotations(dataset.pipeline)
    if cfg.get('tta_pipeline') is not None:
        cfg.tta_pipeline = without_annotations(cfg.tta_pipeline)
    return cfg


def without_annotations(pipeline: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a pipeline without the loading of annotations, also inside of ``TestTimeAug``."""
    steps = []
    for step in pipeline:
        if _name(step) == 'LoadTaskAnnotations':
            continue
        if _name(step) == 'TestTimeAug':
            options = [without_annotations(choices) for choices in step['transforms']]
            step = dict(step, transforms=[choices for choices in options if choices])
        steps.append(dict(step))
    return steps


def crop_images(cfg: Config) -> Config:
    """Add ``CropToUltrasound`` to the test pipelines of a config, if it is not there.

    Args:
        cfg: Changed in place: the pipeline of ``test_dataloader``, and ``tta_pipeline`` if there is one.

    Returns:
        ``cfg``.

    Raises:
        ConfigError: If a pipeline does not load images by ``LoadUltrasoundImage``.
    """
    dataset = cfg.test_dataloader.dataset
    dataset.pipeline = _cropping(dataset.pipeline)
    if cfg.get('tta_pipeline') is not None:
        cfg.tta_pipeline = _cropping(cfg.tta_pipeline)
    return cfg


def tta_pipeline(pipeline: Sequence[dict[str, Any]], scales: Sequence[float] = (1.0,)) -> list[dict[str, Any]]:
    """Create a pipeline with test-time augmentation, which makes two views per scale: unflipped and flipped.

    Args:
        pipeline: A test pipeline with exactly one ``FitToSize``.
        scales: Factors for the size of ``FitToSize``. Sides are rounded to multiples of 32. The first view is unflipped
            with the first scale.

    Raises:
        ConfigError: If there is not exactly one ``FitToSize``, or two scales give the same size.
    """
    places = [i for i, step in enumerate(pipeline) if _name(step) == 'FitToSize']
    if len(places) != 1:
        raise ConfigError(f'test-time views are made from a pipeline with one FitToSize; this one has {len(places)}')
    fit = pipeline[places[0]]
    size = fit.get('size', 448)
    sizes = [_scaled((size, size) if isinstance(size, int) else size, scale) for scale in scales]
    if len(set(sizes)) != len(sizes):
        raise ConfigError(f'scales {list(scales)} of {size} pixels come to the sizes {sizes}, not all different')
    flips = [dict(type='RandomGeometry', flip_prob=p, prob=0.0) for p in (0.0, 1.0)]
    rest = [[step] for step in pipeline[places[0] + 1 :]]
    views = dict(type='TestTimeAug', transforms=[[fit | dict(size=s) for s in sizes], flips, *rest])
    return [*pipeline[: places[0]], views]


def build_test_pipeline(cfg: Config, file: str | Path) -> list[Callable[..., Any]]:
    """Build the steps with which a trained model prepares images.

    Args:
        cfg: The config of the model.
        file: The checkpoint or model folder that the config is from, for error messages.

    Raises:
        ConfigError: If a step refuses its arguments.
    """
    try:
        with DefaultScope.overwrite_default_scope('aurora_mm'):
            return build_pipeline(cfg.test_dataloader.dataset.pipeline)
    except (ConfigError, *MISFITS) as error:
        reason = str(error) if isinstance(error, ConfigError) else reason_of(error)
        raise ConfigError(f'{file}: test_dataloader.dataset.pipeline cannot be built: {reason}') from error


def _cropping(pipeline: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [_name(step) for step in pipeline]
    if 'CropToUltrasound' in names:
        return list(pipeline)
    if 'LoadUltrasoundImage' not in names:
        raise ConfigError('images are cropped after LoadUltrasoundImage, which the pipeline does not have')
    place = names.index('LoadUltrasoundImage') + 1
    return [*pipeline[:place], dict(type='aurora_mm.CropToUltrasound'), *pipeline[place:]]


def _scaled(size: Sequence[int], scale: float) -> tuple[int, int]:
    height, width = (max(round(side * scale / SIZE_MULTIPLE), 1) * SIZE_MULTIPLE for side in size)
    return height, width


def _name(step: Mapping[str, Any]) -> str:
    kind: str = step['type']
    return kind.rsplit('.', 1)[-1]
