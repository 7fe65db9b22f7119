"""Which mask belongs to which image, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from aurora_mm.errors import DataError
from aurora_mm.importing.tree import Tree, composed, stem_of

_MASK_WORDS = 'mask|masks|seg|segmentation|gt|label|labels|annotation|anno|groundtruth|ground_truth'
_IMAGE_WORDS = 'image|images|img|imgs|scan|raw'
_MASK_END = re.compile(rf'[_\-. ]({_MASK_WORDS})(_\d+)?$', re.IGNORECASE)
_IMAGE_END = re.compile(rf'[_\-. ]({_IMAGE_WORDS})$', re.IGNORECASE)


def is_mask_name(file: PurePosixPath) -> bool:
    """Whether a name ends as those of masks do: ``_mask``, ``_seg``, ``_gt``, ``_Annotation`` ..."""
    return _MASK_END.search(stem_of(file)) is not None


def key_of(file: PurePosixPath) -> str:
    """What an image and its mask have in common: the name without suffix and without such an end."""
    return _IMAGE_END.sub('', _MASK_END.sub('', composed(stem_of(file)))).lower()


def pair(
    tree: Tree, images: Iterable[PurePosixPath], masks: Iterable[PurePosixPath]
) -> list[tuple[PurePosixPath, list[PurePosixPath]]]:
    """Each image with its masks, at least one.

    Raises:
        DataError: If an image has no mask, a mask no image, or two images one name.
    """
    by_key: dict[str, PurePosixPath] = {}
    for image in images:
        if (other := by_key.setdefault(key_of(image), image)) != image:
            raise DataError(f'and {other} have one name, so that a mask cannot tell them apart', file=tree.path(image))
    found: dict[str, list[PurePosixPath]] = {key: [] for key in by_key}
    for mask in masks:
        if key_of(mask) not in found:
            raise DataError('this mask has no image', file=tree.path(mask))
        found[key_of(mask)].append(mask)
    for key, image in by_key.items():
        if not found[key]:
            raise DataError('this image has no mask', file=tree.path(image))
    return [(by_key[key], found[key]) for key in by_key]
