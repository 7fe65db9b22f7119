"""The extras of the package: what only some uses need."""

from __future__ import annotations

from importlib.util import find_spec

from aurora_mm.errors import ConfigError


def require_extra(extra: str, what: str, *packages: str) -> None:
    """Check that the packages of an extra are installed, before any work is done.

    Args:
        extra: Name of the extra.
        what: What needs them, in the singular: the beginning of the error.
        packages: Names of the modules.

    Raises:
        ConfigError: If one is not installed; the message says how to install it.
    """
    for package in packages:
        if find_spec(package) is None:
            raise ConfigError(f"{what} needs {package}: pip install 'aurora_mm[{extra}]'")
