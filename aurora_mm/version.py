"""The package's version, and what it needs beside it."""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.version import Version

__version__ = '0.1.0'

# For each package the distributions that provide it (the maintained line, then the original), with least versions.
_NEEDED = (
    {'torch': '2.4'},
    {'transformers': '4.57'},
    {'onedl-mmengine': '0.10.12', 'mmengine': '0.10.7'},
    {'onedl-mmcv': '2.3.6', 'mmcv': '2.1.0'},
    {'onedl-mmdetection': '3.5.1', 'mmdet': '3.3.0'},
    {'onedl-mmsegmentation': '1.4.2', 'mmsegmentation': '1.2.2'},
)
# A plain `pip install` builds mmcv without its operators, and says nothing.
_INSTALL_MMCV = 'MMCV_WITH_OPS=1 pip install --no-build-isolation'


def check_environment() -> None:
    """Says in one sentence what to install when something is missing or too old.

    Raises:
        ImportError: With that sentence.
    """
    for choices in _NEEDED:
        found = {name: version for name in choices if (version := _version(name)) is not None}
        new_enough = any(Version(found[name]) >= Version(choices[name]) for name in found)
        if not new_enough:
            wanted = [f'{name}>={version}' for name, version in choices.items()]
            state = ', '.join(f'{name} {version} is too old' for name, version in found.items()) or 'it is missing'
            install = _INSTALL_MMCV if 'mmcv' in choices else 'pip install'
            raise ImportError(f'aurora_mm needs {" or ".join(wanted)} and {state}: {install} "{wanted[0]}"')
    if not _has_operators():
        raise ImportError(
            'aurora_mm needs mmcv with its compiled operators and this mmcv has none: '
            f'{_INSTALL_MMCV} --force-reinstall --no-deps "onedl-mmcv>=2.3.6"'
        )


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _has_operators() -> bool:
    """Whether mmcv's compiled extension is there; looked up, not imported, which takes seconds."""
    spec = find_spec('mmcv')
    folders = [] if spec is None else spec.submodule_search_locations or []
    return any(next(Path(folder).glob('_ext*'), None) is not None for folder in folders)
