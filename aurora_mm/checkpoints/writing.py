"""Functions that write checkpoint files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

import torch

from aurora_mm.checkpoints.sealing import seal
from aurora_mm.files import whole_file

if TYPE_CHECKING:
    from typing_extensions import Buffer


def write_checkpoint(file: str | Path, checkpoint: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically, as tensors and plain values with checksums.

    Args:
        file: Path of the file to write, such as ``averaged.pth``.
        checkpoint: Dict with ``meta``, ``state_dict`` and possibly more keys.

    Raises:
        ConfigError: If the checkpoint contains a Python object. The message says where.
        OutputError: If the file cannot be written.
    """
    content = seal(checkpoint)
    with whole_file(file) as partial, partial.open('wb') as opened:
        stream = _Stream(opened)
        try:
            torch.save(content, cast('IO[bytes]', stream))
        except RuntimeError as error:
            if stream.error is None:
                raise
            raise stream.error from error


class _Stream:
    """Remembers why a file cannot be written, in place of which torch says that it is at an unexpected position.

    Args:
        file: The file.

    Attributes:
        error (OSError | None): The error of the last write, if it failed.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: Buffer) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()
