"""The packages of the extra ``dicom``, which only DICOM results and the node need."""

from __future__ import annotations

from aurora_mm.errors import ConfigError
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.optional_packages import import_package


def require_packages(*names: str) -> None:
    """Check that packages of the extra ``dicom`` are installed, before any work is done.

    Args:
        names: Of modules.

    Raises:
        ConfigError: If one is not; the message says how to install it.
    """
    for name in names:
        try:
            import_package(name, 'dicom', 'DICOM results')
        except BadImage as error:
            raise ConfigError(
                f"{name} is not installed: DICOM results need `pip install 'aurora_mm[dicom]'`"
            ) from error
