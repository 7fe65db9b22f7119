from aurora_mm.datasets.transforms.apply_geometry import ApplyGeometry
from aurora_mm.datasets.transforms.blur import RandomGaussianBlur, RandomMotionBlur
from aurora_mm.datasets.transforms.corruptions import (
    DepthAttenuation,
    Gain,
    Haze,
    Shadow,
    Speckle,
    UltrasoundBlur,
)
from aurora_mm.datasets.transforms.crop_to_ultrasound import CropToUltrasound
from aurora_mm.datasets.transforms.fit_to_size import FitToSize
from aurora_mm.datasets.transforms.intensity import RandomBrightnessContrast, RandomGamma, RandomGaussianNoise
from aurora_mm.datasets.transforms.landmark_jitter import LandmarkJitter
from aurora_mm.datasets.transforms.load_annotations import LoadTaskAnnotations
from aurora_mm.datasets.transforms.load_image import LoadUltrasoundImage
from aurora_mm.datasets.transforms.pack_inputs import PackMultiTaskInputs
from aurora_mm.datasets.transforms.pack_masked_inputs import PackMaskedInputs
from aurora_mm.datasets.transforms.random_geometry import RandomGeometry
from aurora_mm.datasets.transforms.random_patch_mask import RandomPatchMask

__all__ = [
    'ApplyGeometry',
    'CropToUltrasound',
    'DepthAttenuation',
    'FitToSize',
    'Gain',
    'Haze',
    'LandmarkJitter',
    'LoadTaskAnnotations',
    'LoadUltrasoundImage',
    'PackMaskedInputs',
    'PackMultiTaskInputs',
    'RandomBrightnessContrast',
    'RandomGamma',
    'RandomGaussianBlur',
    'RandomGaussianNoise',
    'RandomGeometry',
    'RandomMotionBlur',
    'RandomPatchMask',
    'Shadow',
    'Speckle',
    'UltrasoundBlur',
]
