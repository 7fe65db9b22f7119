"""Packages that only some formats need."""

from __future__ import annotations

import importlib
from types import ModuleType

from aurora_mm.images.image_header import BadImage


def import_package(name: str, extra: str, what: str) -> ModuleType:
    """A package of an extra.

    Args:
        name: Of the module.
        extra: Of aurora_mm that installs it.
        what: What it is needed for, in the plural.

    Raises:
        BadImage: If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition('.')[0]:
            raise
        raise BadImage(f"cannot be read: {what} need `pip install 'aurora_mm[{extra}]'`") from error
