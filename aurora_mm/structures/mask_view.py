"""Class probabilities of a predicted mask, one per view of the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from mmengine.structures import BaseDataElement
from numpy.typing import NDArray
from torch import Tensor


class MaskView(NamedTuple):
    """Class probabilities of one view of an image, at the resolution of the network's output.

    Views of an image differ in size, flip or model. The predicted mask is computed from the mean of their
    probabilities in original coordinates. To save memory, they are not resized to the original size before that.

    Args:
        probs: ``(C, h, w)`` float. Where classes exclude each other, the background is counted and they sum to 1. The
            map covers the whole network input.
        homography_matrix: ``(3, 3)``, from original to network coordinates.
        img_shape: (height, width) of the network input in pixels.
    """

    probs: Tensor
    homography_matrix: NDArray[np.float64]
    img_shape: tuple[int, int]


class MaskViews(BaseDataElement):
    """A sequence of :class:`MaskView`, as a data element whose tensors move to a device together with their sample.

    Args:
        views: Views with the same classes.
        kwargs: Further arguments of BaseDataElement.
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
