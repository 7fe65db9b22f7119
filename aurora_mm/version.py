"""The package's version, and what it needs beside it."""

from __future__ import annotations

import platform
from importlib import metadata

from packaging.version import Version

__version__ = '0.2.0'

# For each package the distributions that provide it (the maintained line, then the original), with least versions.
_NEEDED = (
    {'torch': '2.6'},
    {'transformers': '4.57'},
    {'onedl-mmengine': '0.10.12', 'mmengine': '0.10.7'},
    {'onedl-mmcv': '2.3.6', 'mmcv-lite': '2.1.0', 'mmcv': '2.1.0'},
    {'onedl-mmdetection': '3.5.1', 'mmdet': '3.3.0'},
    {'onedl-mmsegmentation': '1.4.2', 'mmsegmentation': '1.2.2'},
)


def check_environment() -> None:
    """Says in one sentence what to install when something is missing or too old, or that Windows lacks what is needed.

    Raises:
        ImportError: With that sentence.
    """
    if platform.system() == 'Windows':
        raise ImportError('aurora_mm needs file locks and signals of Linux or macOS; on Windows, install it in WSL 2')
    for choices in _NEEDED:
        found = {name: version for name in choices if (version := _version(name)) is not None}
        new_enough = any(Version(found[name]) >= Version(choices[name]) for name in found)
        if not new_enough:
            wanted = [f'{name}>={version}' for name, version in choices.items()]
            state = ', '.join(f'{name} {version} is too old' for name, version in found.items()) or 'it is missing'
            raise ImportError(f'aurora_mm needs {" or ".join(wanted)} and {state}: pip install "{wanted[0]}"')


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
