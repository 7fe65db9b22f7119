from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aurora_mm.utils import add_file
from aurora_mm.version import __version__

NAME = 'aurora_mm'
_MOST_LETTERS = 64  # of a value of type LO


@dataclass(frozen=True)
class Equipment:
    """What made a result: the software as its manufacturer and version, the model as the device.

    Args:
        model: Names of the model's files.
        serial_number: SHA-256 of the files, which tells models of one name apart.
    """

    model: str
    serial_number: str

    @classmethod
    def of(cls, files: Sequence[str | Path]) -> Equipment:
        """Describe the model in these files.

        Args:
            files: Its checkpoints; several are an ensemble.
        """
        digest = hashlib.sha256()
        for file in files:
            add_file(digest, file)
        names = '+'.join(Path(file).name.replace('\\', '_') for file in files)
        return cls(names[:_MOST_LETTERS] or NAME, digest.hexdigest())

    @property
    def uid(self) -> str:
        """A UID of the device, the same for the same files: UUID-derived, as PS3.5 B.2 describes."""
        return f'2.25.{int(self.serial_number[:32], 16)}'

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that highdicom's constructors take for it."""
        return dict(
            manufacturer=NAME,
            manufacturer_model_name=self.model,
            software_versions=__version__,
            device_serial_number=self.serial_number,
        )
