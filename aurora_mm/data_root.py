"""Finds the CSV files of a data root, and the splits that it has."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aurora_mm.errors import ConfigError, DataError

CSV_FILES = 'csv_files'
SIDES = ('train', 'val', 'test')
_DEMO = '; `aurora-mm make-demo-data OUT` generates data to try with'

# A scheme has two letters or more: C:/ is a drive. Path makes s3:/ of s3://.
_URL = re.compile(r'[A-Za-z][A-Za-z0-9+.-]+:/')


@dataclass(frozen=True)
class DataRoot:
    """A folder that contains ``csv_files/``, or folders ``train``, ``val`` and ``test`` that do.

    Args:
        folder: Path of the folder on this machine.
        sides: Names of the splits that have a folder, in the order of :data:`SIDES`. Empty for data that is not split.
        place: The folder or URL that the user gave, for error messages.
    """

    folder: Path
    sides: tuple[str, ...]
    place: str

    @classmethod
    def find(cls, root: str | Path, place: str | None = None) -> DataRoot:
        """Find the splits of a folder.

        Args:
            root: Path of the folder.
            place: The URL that ``root`` is a copy of. None if it is not a copy.

        Raises:
            ConfigError: If ``root`` is a URL.
            DataError: If there is no data, or data that is split and data that is not.
        """
        if is_url(root):
            raise ConfigError(
                f'{root} is a URL, which training, testing and check-data read through a shard_cache; here the data '
                'must be on this machine: copy it first'
            )
        folder = Path(root)
        place = str(root) if place is None else place
        try:
            if not folder.is_dir():
                raise DataError('is no folder' if folder.exists() else f'no such folder{_DEMO}', file=place)
            sides = sides_of(place, lambda name: (folder / name).is_dir(), lambda: _hint(folder))
        except (OSError, ValueError) as error:  # no permission; a null character
            raise DataError(f'cannot be read ({error})', file=place) from error
        return cls(folder, sides, place)

    @property
    def is_a_side(self) -> bool:
        """Whether the folder is that of one split of the data root above it."""
        folder = self.folder.absolute()
        return folder.name in SIDES and any(
            (folder.parent / side / CSV_FILES).is_dir() for side in SIDES if side != folder.name
        )

    def folder_of(self, split: str) -> Path:
        """Return the folder that contains the ``csv_files`` of a split.

        Args:
            split: Name of the split; ``'all'`` for all rows of data that is not split.

        Raises:
            DataError: If the data is split, but has no folder of this split.
        """
        if not self.sides:
            return self.folder
        if split in self.sides:
            return self.folder / split
        others = _others(self.folder)
        misnamed = f'; {_listed(others)}: a folder with data is named one of {", ".join(SIDES)}' if others else ''
        sides = ', '.join(self.sides)
        raise DataError(f'no split {split!r}: the data is divided into {sides}{misnamed}', file=self.place)

    def folders(self) -> dict[str, Path]:
        """Return all folders that contain ``csv_files``, by split: ``'all'`` for data that is not split.

        Raises:
            DataError: If a folder with another name contains ``csv_files``, because its rows would be left out.
        """
        if not self.sides:
            return {'all': self.folder}
        for name in _others(self.folder):
            raise DataError(
                f'contains {CSV_FILES}, but is named none of {", ".join(SIDES)}: rename it', file=self.folder / name
            )
        return {side: self.folder / side for side in self.sides}


def is_url(root: str | Path) -> bool:
    """Return whether a data root is a URL, such as ``s3://bucket/data``."""
    return _URL.match(str(root)) is not None


def sides_of(place: str, has: Callable[[str], bool], hint: Callable[[], str] = lambda: '') -> tuple[str, ...]:
    """Return the splits that have a folder in a data root; an empty tuple for data that is not split.

    Args:
        place: The data root, for error messages.
        has: Returns whether a folder, relative to the data root, exists.
        hint: Returns what is added to the message if there is no data.

    Raises:
        DataError: If there is no data, or data that is split and data that is not.
    """
    sides = tuple(side for side in SIDES if has(f'{side}/{CSV_FILES}'))
    if has(CSV_FILES):
        if sides:
            raise DataError(
                f'contains {CSV_FILES} and {sides[0]}/{CSV_FILES}: data is divided into splits or not, so remove one',
                file=place,
            )
        return ()
    if not sides:
        looked_for = ', '.join(f'{side}/{CSV_FILES}' for side in SIDES)
        raise DataError(f'no data: there is neither {CSV_FILES} nor one of {looked_for} in it{hint()}', file=place)
    return sides


def _hint(folder: Path) -> str:
    if folder.absolute().name == CSV_FILES:
        return '; give the folder above it'
    if others := _others(folder):
        return f', but {_listed(others)}: give one of these folders, or name them {", ".join(SIDES)}'
    return _DEMO


def _others(folder: Path) -> list[str]:
    """Return the names of folders that contain ``csv_files`` and are not named like a split."""
    return sorted(found.parent.name for found in folder.glob(f'*/{CSV_FILES}') if found.parent.name not in SIDES)


def _listed(names: list[str]) -> str:
    shown = ', '.join(f'{name}/{CSV_FILES}' for name in names[:3])
    return f'there is {shown}' if len(names) <= 3 else f'there are {shown} and {len(names) - 3} more'
