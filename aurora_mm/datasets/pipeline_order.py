"""The orders of the steps of a pipeline in which all coordinates are right."""

from __future__ import annotations

from collections.abc import Sequence

from aurora_mm.datasets.transforms import (
    ApplyGeometry,
    CropToUltrasound,
    FitToSize,
    LandmarkJitter,
    LoadTaskAnnotations,
    LoadUltrasoundImage,
    PackMaskedInputs,
    PackMultiTaskInputs,
    RandomGeometry,
    RandomPatchMask,
)

_PACKAGE = __name__.partition('.')[0]
_PACKERS = (PackMultiTaskInputs, PackMaskedInputs)
_ONCE = (LoadUltrasoundImage, LoadTaskAnnotations, CropToUltrasound, ApplyGeometry, RandomPatchMask)
# Pairs of steps: if both are there, the first comes first.
_ORDER = (
    (CropToUltrasound, FitToSize),
    (CropToUltrasound, RandomGeometry),
    (CropToUltrasound, ApplyGeometry),
    (FitToSize, ApplyGeometry),
    (RandomGeometry, ApplyGeometry),
    (LoadTaskAnnotations, LandmarkJitter),
    (ApplyGeometry, LandmarkJitter),
    (ApplyGeometry, RandomPatchMask),
)
# Pairs of steps: the first does not work without the second.
_NEEDS = (
    (CropToUltrasound, ApplyGeometry),
    (FitToSize, ApplyGeometry),
    (RandomGeometry, ApplyGeometry),
    (LandmarkJitter, LoadTaskAnnotations),
    (LandmarkJitter, ApplyGeometry),
    (PackMaskedInputs, RandomPatchMask),
)


def order_fault(steps: Sequence[type], annotations: str | None = None) -> str | None:
    """Return what is wrong with a pipeline, or None if nothing is.

    Steps of other packages may load or pack too: what stands in their places is not asked for.

    Args:
        steps: The classes of the steps, in order.
        annotations: Coordinates of the annotations that the pipeline must give: ``'network'`` for losses, whose
            annotations are warped with the image, ``'original'`` for scores. None if it needs none.

    Returns:
        Half a sentence, such as 'FitToSize must come before ApplyGeometry'.
    """
    if not steps:
        return f'it has no step; the first is LoadUltrasoundImage, the last {PackMultiTaskInputs.__name__}'
    place = {kind: [i for i, step in enumerate(steps) if issubclass(step, kind)] for kind in _kinds()}
    for kind in _ONCE:
        if len(place[kind]) > 1:
            return f'{kind.__name__} stands in it {len(place[kind])} times, and must once'
    return (
        _loading_fault(steps, place)
        or _packing_fault(steps, place)
        or _needs_fault(place)
        or _order_fault(place)
        or _annotation_fault(steps, place, annotations)
    )


def _kinds() -> set[type]:
    return {*_ONCE, *_PACKERS, *(kind for pair in (*_ORDER, *_NEEDS) for kind in pair)}


def _is_ours(step: type) -> bool:
    return step.__module__.startswith(f'{_PACKAGE}.')


def _loading_fault(steps: Sequence[type], place: dict[type, list[int]]) -> str | None:
    loader = place[LoadUltrasoundImage]
    first = next((i for i, step in enumerate(steps) if _is_ours(step)), None)
    if loader and first is not None and first < loader[0]:
        return f'LoadUltrasoundImage must come before {steps[first].__name__}'
    if not loader and _is_ours(steps[0]):
        return 'it has no LoadUltrasoundImage, which must be its first step'
    return None


def _packing_fault(steps: Sequence[type], place: dict[type, list[int]]) -> str | None:
    packers = sorted(i for kind in _PACKERS for i in place[kind])
    if not packers and _is_ours(steps[-1]):
        return 'it has no PackMultiTaskInputs, which must be its last step'
    if packers and packers[0] < len(steps) - 1:
        return f'{steps[packers[0]].__name__} must be its last step'
    return None


def _needs_fault(place: dict[type, list[int]]) -> str | None:
    for kind, needed in _NEEDS:
        if place[kind] and not place[needed]:
            return f'{kind.__name__} needs {needed.__name__}, which it has not'
    return None


def _order_fault(place: dict[type, list[int]]) -> str | None:
    for first, then in _ORDER:
        if place[first] and place[then] and max(place[first]) > min(place[then]):
            return f'{first.__name__} must come before {then.__name__}'
    return None


def _annotation_fault(steps: Sequence[type], place: dict[type, list[int]], annotations: str | None) -> str | None:
    """Annotations are warped by ApplyGeometry if they are loaded before it, and stay in original coordinates if not."""
    warp = place[ApplyGeometry][0] if place[ApplyGeometry] else len(steps)
    if not place[LoadTaskAnnotations]:
        missing = annotations is not None and place[PackMultiTaskInputs] and all(map(_is_ours, steps))
        return 'it has no LoadTaskAnnotations, without which there is no loss and no score' if missing else None
    loaded = place[LoadTaskAnnotations][0]
    if annotations == 'network' and loaded > warp:
        return 'LoadTaskAnnotations must come before ApplyGeometry in training, so that annotations are warped too'
    if annotations == 'original' and loaded < warp < len(steps):
        return 'LoadTaskAnnotations must come after ApplyGeometry here: scores are taken in original coordinates'
    for kind in (CropToUltrasound, RandomGeometry):  # they leave no annotation outside of the image
        if place[kind] and min(place[kind]) < loaded < warp:
            return f'LoadTaskAnnotations must come before {kind.__name__}, which keeps what is annotated in view'
    return None
