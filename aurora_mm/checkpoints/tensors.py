"""Reads files of weights that other programs wrote."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from aurora_mm.checkpoints.other_files import other_file
from aurora_mm.checkpoints.reading import load_checkpoint_file
from aurora_mm.errors import WeightsError


def load_tensors(file: str | Path, containers: Collection[str] = ()) -> dict[str, Tensor]:
    """Load the tensors of a file of weights to the CPU. Nothing of the file is executed.

    Args:
        file: A ``.safetensors`` file, or a file of ``torch.save``, see
            :func:`aurora_mm.checkpoints.load_checkpoint_file`.
        containers: Keys such as ``'model'`` or ``'state_dict'`` under which the tensors may be kept in the file. The
            first that the file has is used. Without one, the file itself must map names to tensors.

    Returns:
        The tensors by name.

    Raises:
        WeightsError: If the file cannot be read, or does not map names to tensors.
    """
    file = Path(file)
    if not file.exists():
        raise WeightsError(f'{file} is no file of weights: it does not exist')
    content: Mapping[str, Any] = _safetensors(file) if file.suffix == '.safetensors' else load_checkpoint_file(file)
    inside = next((content[key] for key in containers if isinstance(content.get(key), Mapping)), content)
    others = [str(name) for name, value in inside.items() if not isinstance(value, Tensor)]
    if others or not inside:
        found = f'{", ".join(others[:5])} of it are no tensors' if others else 'it is empty'
        raise WeightsError(f'{file} does not map names to tensors: {found}')
    return {str(name): value for name, value in inside.items()}


def _safetensors(file: Path) -> dict[str, Tensor]:
    try:
        if fault := other_file(file):
            raise WeightsError(f'{file} is no file of weights: {fault}')
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f'{file} is no file of weights ({str(error).splitlines()[0]})') from error
