"""What a model sees of a mask, before it is decided."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
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
