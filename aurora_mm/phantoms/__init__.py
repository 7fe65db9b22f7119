"""Generated ultrasound images (phantoms) with annotations, for demonstrations and tests without patient data."""

from aurora_mm.phantoms.scanners import SCANNERS
from aurora_mm.phantoms.scene import Phantom, Scene
from aurora_mm.phantoms.writer import SCENES, make_dataset, make_scene

__all__ = ['Phantom', 'Scene', 'SCANNERS', 'SCENES', 'make_dataset', 'make_scene']
