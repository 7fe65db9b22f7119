"""What a model sees of a mask, before it is decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from mmengine.structures import BaseDataElement
from torch import Tensor


class MaskView(NamedTuple):
    """Class probabilities of one pass of an image through a network, at the network's own small resolution.

    Views of an image can differ in size, mirroring or model; their mean in pixels of the original image decides its
    mask. Kept small until then: at the original size they would fill the memory.

    Args:
        probs: ``(C, h, w)`` float, summing to 1 over the classes, over the whole network input.
        homography_matrix: ``(3, 3)``, original -> network pixels.
        img_shape: (height, width) of the network input.
    """

    probs: Tensor
    homography_matrix: np.ndarray
    img_shape: tuple[int, int]


class MaskViews(BaseDataElement):
    """The :class:`MaskView` of each pass, in order; a data element, so that the probabilities move with their sample.

    Args:
        views: One or more, all of the same classes.
    """

    def __init__(self, views: Iterable[MaskView] = (), **kwargs: object) -> None:
        super().__init__(**kwargs)
        views = list(views)
        for number, view in enumerate(views):
            self.set_field(view.probs, f'probs_{number}', dtype=Tensor)
        if views:
            self.set_metainfo(dict(geometry=[(view.homography_matrix, view.img_shape) for view in views]))

    def __iter__(self) -> Iterator[MaskView]:
        for number, (matrix, img_shape) in enumerate(self.get('geometry', [])):
            yield MaskView(getattr(self, f'probs_{number}'), matrix, img_shape)

    def __len__(self) -> int:
        return len(self.get('geometry', []))
