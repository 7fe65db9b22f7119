"""The software that a model was published with."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import aurora_mm
from aurora_mm.version import __version__

# Packages whose version can change predictions; the maintained OpenMMLab packages and the original ones.
_PACKAGES = (
    'torch', 'transformers', 'peft', 'numpy', 'opencv-python', 'opencv-python-headless', 'onedl-mmengine', 'onedl-mmcv',
    'onedl-mmdetection', 'onedl-mmsegmentation', 'mmengine', 'mmcv', 'mmcv-lite', 'mmdet', 'mmsegmentation',
)  # fmt: skip


def software() -> dict[str, Any]:
    """Describe the installed software.

    Returns:
        A dict with ``aurora_mm``, the version; ``git_revision`` of its source, None if it was installed from a wheel;
        ``python``; and ``packages``, the version by name.
    """
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return dict(aurora_mm=__version__, git_revision=git_revision(), python=platform.python_version(), packages=packages)


def git_revision() -> str | None:
    """Return the commit of the source of aurora_mm, with ``-changed`` if files differ; None without a repository."""
    root = Path(aurora_mm.__file__).parent
    try:
        # The package must be a tracked part of the repository, and not installed somewhere below another one.
        _git(root, 'ls-files', '--error-unmatch', '__init__.py')
        commit, changes = _git(root, 'rev-parse', 'HEAD'), _git(root, 'status', '--porcelain', '--', '.')
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ('-changed' if changes else '')


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(['git', *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()
