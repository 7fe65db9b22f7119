"""What goes wrong in ultrasound images: for the test of robustness, and for augmentation where a config asks for it."""

from aurora_mm.datasets.transforms.corruptions.blurring import UltrasoundBlur
from aurora_mm.datasets.transforms.corruptions.corruption import Corruption
from aurora_mm.datasets.transforms.corruptions.depth_attenuation import DepthAttenuation
from aurora_mm.datasets.transforms.corruptions.gain import Gain
from aurora_mm.datasets.transforms.corruptions.haze import Haze
from aurora_mm.datasets.transforms.corruptions.shadow import Shadow
from aurora_mm.datasets.transforms.corruptions.speckle import Speckle

CORRUPTIONS: tuple[type[Corruption], ...] = (Gain, DepthAttenuation, Shadow, Speckle, Haze, UltrasoundBlur)
"""In the order of tables."""

__all__ = [
    'CORRUPTIONS',
    'Corruption',
    'DepthAttenuation',
    'Gain',
    'Haze',
    'Shadow',
    'Speckle',
    'UltrasoundBlur',
]
