"""Grey images whose three channels share memory.

Most ultrasound images are grey. Such an image is an ``(H, W, 3)`` array as every other, but its three channels are one
plane in memory, so that reading, warping and changing it cost a third. The array is read-only: writing to one channel
would change the others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def share_channels(plane: np.ndarray) -> np.ndarray:
    """Return a grey image as a read-only array with three channels that share memory.

    Args:
        plane: (H, W) grey values.

    Returns:
        (H, W, 3) of the same type.
    """
    return np.broadcast_to(plane[..., None], (*plane.shape, 3))


def shared_plane(image: np.ndarray) -> np.ndarray | None:
    """Return the one plane of an image whose channels share memory, or None for any other image.

    Args:
        image: (H, W, C) or (H, W).

    Returns:
        (H, W) or None.
    """
    return image[..., 0] if image.ndim == 3 and image.shape[2] > 1 and image.strides[2] == 0 else None


def for_channels(function: Callable[[np.ndarray], np.ndarray], image: np.ndarray) -> np.ndarray:
    """Apply a function that treats all channels alike, once if the channels of the image share memory.

    Args:
        function: Maps (H, W) to (h, w), and (H, W, 3) to (h, w, 3).
        image: (H, W, 3), or (H, W).

    Returns:
        The result, with shared channels if those of ``image`` are.
    """
    plane = shared_plane(image)
    return function(image) if plane is None else share_channels(function(plane))


def own_channels(image: np.ndarray) -> np.ndarray:
    """Return the image itself if it is writable, else a copy, in which each channel has memory of its own."""
    return image if image.flags.writeable else np.array(image, order='C')


def without_equal_channels(image: np.ndarray) -> np.ndarray:
    """Return a grey image as one plane, and an image with colours as it is.

    Args:
        image: (H, W, 3) or (H, W).

    Returns:
        (H, W) if all channels are equal, else (H, W, 3).
    """
    plane = shared_plane(image)
    if plane is not None or image.ndim == 2:
        return image if plane is None else plane
    return image[..., 0] if (image == image[..., :1]).all() else image
