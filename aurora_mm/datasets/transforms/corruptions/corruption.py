from __future__ import annotations

import zlib
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.datasets.transforms.corruptions.sector import Sector, find_sector
from aurora_mm.datasets.transforms.option_checks import check_count, check_number, check_range
from aurora_mm.images.shared_channels import share_channels, shared_plane

DYNAMIC_RANGE = 60.0
"""Decibels between black and white of a B-mode image, which is log-compressed: a grey value is 60 / 255 dB."""

STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
"""The five strengths of the test of robustness."""


class Corruption(BaseTransform):
    """Corrupts ``img``, (H, W, 3) uint8, as ultrasound images are in practice: the base class.

    Only the sector is changed: what is dark around it stays as it is. Strength 0 changes nothing, and the larger the
    strength, the more each pixel changes. It stands right after ``LoadUltrasoundImage``, before the image is resized.

    Where the corruption lies is random. With ``seed`` it depends on the seed and the image alone, so that a test can be
    repeated and the places are the same at all strengths; without, on NumPy's global state, as in other augmentations.

    Args:
        strength: 0 to 1; or the range from which it is drawn uniformly for each image.
        prob: Probability that an image is corrupted.
        seed: For the same places in each run.

    Attributes:
        title: Name in tables.
        unit: What strength 1 means, in words for tables.

    Raises:
        ConfigError: If an argument is not valid.
    """

    title: ClassVar[str]
    unit: ClassVar[str]

    def __init__(
        self, strength: float | tuple[float, float] = (0.0, 1.0), prob: float = 1.0, seed: int | None = None
    ) -> None:
        if isinstance(strength, tuple | list):
            self.strength = check_range(self, 'strength', strength, high=1)
        else:
            self.strength = (check_number(self, 'strength', strength, high=1),) * 2
        self.prob = check_number(self, 'prob', prob, high=1)
        self.seed = None if seed is None else check_count(self, 'seed', seed, low=0)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if self.seed is None:
            rng = np.random.default_rng(np.random.randint(2**31))
        else:
            content = zlib.crc32(np.ascontiguousarray(results['img']).tobytes())
            rng = np.random.default_rng([self.seed, content, zlib.crc32(type(self).__name__.encode())])
        if rng.random() < self.prob:
            results['img'] = self.corrupt(results['img'], rng.uniform(*self.strength), rng)
        return results

    def corrupt(self, image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
        """Return a corrupted image.

        Args:
            image: (H, W, 3) uint8; its channels may share memory, and those of the result then do.
            strength: 0 to 1.
            rng: Random numbers for the places.
        """
        if strength == 0:
            return image
        sector = find_sector(image)
        plane = shared_plane(image)
        values = (image if plane is None else plane).astype(np.float32)
        changed = self.change(values, sector, strength, rng)
        mask = sector.mask if plane is not None else sector.mask[..., None]
        found = np.where(mask, np.clip(np.rint(changed), 0, 255), values).astype(np.uint8)
        return found if plane is None else share_channels(found)

    @abstractmethod
    def change(self, values: np.ndarray, sector: Sector, strength: float, rng: np.random.Generator) -> np.ndarray:
        """Return changed values, of which those in the sector are taken and clipped.

        Args:
            values: (H, W) or (H, W, 3) float32 grey values from 0 to 255.
            sector: Of the image.
            strength: Over 0, up to 1.
            rng: Random numbers; as many must be drawn at every strength.
        """

    def __repr__(self) -> str:
        return f'{type(self).__name__}(strength={self.strength}, prob={self.prob}, seed={self.seed})'


def decibels(change: np.ndarray | float, values: np.ndarray) -> np.ndarray:
    """Return grey values after a change of the echo's level.

    Args:
        change: In decibels, for all pixels, (H, 1) or (H, W).
        values: (H, W) or (H, W, 3) grey values.
    """
    grey = np.asarray(change, np.float32) * np.float32(255 / DYNAMIC_RANGE)
    return values + (grey[..., None] if values.ndim == 3 and grey.ndim == 2 else grey)
