"""Which pixels the image in ``results`` is made of: a check that keeps the image and its matrix in step."""

from __future__ import annotations

from typing import Any

from aurora_mm.errors import ConfigError


def require_unwarped(results: dict[str, Any], transform: object) -> None:
    """Check that the image was not warped yet.

    Raises:
        ConfigError: If it was: a change of ``matrix`` would no longer reach it.
    """
    if results['img_frame'] != 'original':
        raise ConfigError(
            f'{type(transform).__name__} must come before ApplyGeometry in the pipeline, which comes once'
        )
