"""AURORA: one model for many ultrasound tasks, as a plug-in to OpenMMLab.

Importing this package registers no part yet and imports no other heavy package: MMEngine finds
:mod:`aurora_mm.registry` by itself when a config says ``type='aurora_mm.X'`` and imports the rest at the first look-up.

Once it is imported, configs may inherit its own by ``_base_ = 'aurora_mm::aurora/us_real.py'``, and
``mmengine.hub.get_config`` finds them.
"""

from aurora_mm.version import __version__, check_environment

check_environment()

from mmengine.config.utils import MODULE2PACKAGE  # noqa: E402  the check says in one sentence what is missing

MODULE2PACKAGE['aurora_mm'] = 'aurora_mm'

__all__ = ['__version__']
