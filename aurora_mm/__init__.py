"""AURORA: one model for many ultrasound tasks, as a plug-in to OpenMMLab.

Importing this package registers nothing yet and imports no other heavy package: MMEngine finds
:mod:`aurora_mm.registry` by itself when a config says ``type='aurora_mm.X'`` and imports the rest at the first look-up.
"""

from aurora_mm.version import __version__, check_environment

check_environment()

__all__ = ['__version__']
