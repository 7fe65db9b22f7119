"""Published files of weights of ultrasound encoders, and how they become checkpoints of transformers."""

from aurora_mm.weight_formats.conversion import convert_weights
from aurora_mm.weight_formats.fetalclip import FetalCLIP
from aurora_mm.weight_formats.mae import MAE
from aurora_mm.weight_formats.tinyusfm import TinyUSFM
from aurora_mm.weight_formats.usfm import USFM
from aurora_mm.weight_formats.weight_format import WeightFormat

__all__ = ['MAE', 'USFM', 'FetalCLIP', 'TinyUSFM', 'WeightFormat', 'convert_weights']
