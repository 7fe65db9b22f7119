"""Removal of folders of shards that no checkpoint needs any more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from aurora_mm.checkpoints.reading import load_checkpoint_file
from aurora_mm.checkpoints.shards import FOLDER, SHARDS, SUFFIX
from aurora_mm.errors import WeightsError


def remove_shards(file: str | Path, keep: str | None = None) -> None:
    """Remove the folders of shards of a checkpoint, unless a copy of it or another checkpoint beside it needs them.

    Args:
        file: Path of the checkpoint.
        keep: Name of a folder to keep.
    """
    for folder in _folders(Path(file).parent):
        if folder.name != keep and _file_of(folder) == Path(file) and not _is_needed(folder):
            shutil.rmtree(folder)


def remove_lost_shards(folder: str | Path) -> None:
    """Remove folders of shards whose checkpoint was not written any more, because the process ended.

    Args:
        folder: Folder of checkpoints that no other process writes to.
    """
    for shards in _folders(Path(folder)):
        if not _is_needed(shards):
            shutil.rmtree(shards)


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.glob(f'*{SUFFIX}')) if path.is_dir() and FOLDER.fullmatch(path.name))


def _file_of(folder: Path) -> Path:
    match = FOLDER.fullmatch(folder.name)
    assert match is not None
    return folder.with_name(match['file'])


def _is_needed(shards: Path) -> bool:
    """Return whether a checkpoint beside a folder of shards names it, be it renamed or a copy, or cannot be read."""
    for file in sorted(shards.parent.glob(f'*{_file_of(shards).suffix}')):
        if not file.is_file():
            continue
        try:
            record = load_checkpoint_file(file, [SHARDS], shards=False).get(SHARDS)
        except WeightsError:
            return True
        if isinstance(record, Mapping) and record.get('folder') == shards.name:
            return True
    return False
