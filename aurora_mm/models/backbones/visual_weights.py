"""Read the visual part of a vision-language checkpoint without the rest.

Most of such a checkpoint is the language model. An index in the safetensors format names the tensors, so only the
shards with visual tensors are opened (or downloaded), and only these tensors are read, one at a time. Memory holds the
encoder and a few tensors, never a whole file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from aurora_mm.checkpoints.other_files import other_file
from aurora_mm.errors import WeightsError

# Prefixes of the encoder's tensors in checkpoints: as transformers 4.52 and later save the whole model; as earlier
# versions do, and as the model without its language head is saved; the encoder alone.
PREFIXES = ('model.visual.', 'visual.', '')
ANCHOR = 'patch_embed.proj.weight'
HELP = (
    'Give a folder or hub id of a Qwen3-VL model (for instance Qwen/Qwen3-VL-8B-Instruct, downloaded with '
    '`hf download Qwen/Qwen3-VL-8B-Instruct --local-dir DIR`), or train from random weights: '
    '`aurora-mm train CONFIG --pretrained none`'
)
# The pages of a mapped file that were read count as memory in use, so the file is mapped again after this many bytes.
_REMAP_BYTES = 16 * 2**20


class _Place(NamedTuple):
    shard: str  # file name within the checkpoint
    name: str  # the tensor's name in that file


def fetch(source: str | Path, filename: str) -> Path:
    """Return the local path of a file of a checkpoint; it is downloaded if ``source`` is a hub id.

    Args:
        source: A folder or a hub id.
        filename: Name of the file.

    Raises:
        WeightsError: If the file or the model does not exist, or the hub cannot be reached.
    """
    path = fetch_optional(source, filename)
    if path is not None:
        return path
    if Path(source).is_dir():
        raise WeightsError(f'{source} has no {filename}. {HELP}')
    raise WeightsError(f'cannot fetch {filename} of {str(source)!r}: no such file there, or no connection. {HELP}')


def fetch_optional(source: str | Path, filename: str) -> Path | None:
    """Return the path as :func:`fetch` does, or None if the file is missing.

    Offline, a missing file cannot be told from one that was not downloaded.

    Raises:
        WeightsError: If the model does not exist, or the hub cannot be reached.
    """
    if Path(source).is_dir():
        path = Path(source) / filename
        return path if path.is_file() else None
    try:
        return Path(hf_hub_download(str(source), filename))
    except EntryNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise WeightsError(f'cannot fetch {filename} of {str(source)!r} ({_first_line(error)}). {HELP}') from error


def read_config(source: str | Path, filename: str = 'config.json') -> dict[str, Any]:
    """Return the values of a checkpoint's ``config.json``, or of another file with a JSON object.

    Args:
        source: A folder or a hub id.
        filename: Name of the file.

    Raises:
        WeightsError: If there is no such file, or it holds no JSON object.
    """
    path = fetch_optional(source, filename)
    if path is None:
        if (Path(source) / 'encoder').is_dir():  # of the work dir of a pretraining
            raise WeightsError(f'no model config at {str(source)!r}; did you mean {str(Path(source) / "encoder")!r}?')
        raise WeightsError(
            f'no model config at {str(source)!r}, be it a folder or a hub id that can be reached. {HELP}'
        )
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise WeightsError(f'{path} is no JSON ({error})') from error
    if not isinstance(values, dict):
        raise WeightsError(f'{path} is no model config but a {type(values).__name__}')
    return values


class VisualCheckpoint:
    """The visual tensors of a checkpoint, by their names in the encoder, such as ``blocks.0.attn.qkv.weight``.

    Args:
        source: A folder or hub id with ``model.safetensors``, or with shards and their index.

    Attributes:
        shapes (dict[str, tuple[int, ...]]): Shape of every visual tensor, read from the headers of the files.

    Raises:
        WeightsError: If there is no safetensors checkpoint or no visual encoder in it, or a file is damaged.
    """

    def __init__(self, source: str | Path) -> None:
        self.source = source
        self._files: dict[str, Path] = {}
        self._places = self._find()
        self.shapes: dict[str, tuple[int, ...]] = {}
        for shard, names in self._by_shard(self._places).items():
            with _opened(self._file(shard)) as file:
                for name in names:
                    self.shapes[name] = _shape(file, self._places[name], self._file(shard))

    def _find(self) -> dict[str, _Place]:
        index = fetch_optional(self.source, 'model.safetensors.index.json')
        if index is not None:
            try:
                shard_of = json.loads(index.read_text())['weight_map']
            except (ValueError, KeyError, TypeError) as error:
                raise WeightsError(f'{index} is no index of safetensors shards ({error!r})') from error
        else:
            with _opened(self._file('model.safetensors')) as file:
                shard_of = dict.fromkeys(file.keys(), 'model.safetensors')
        prefix = next((p for p in PREFIXES if p + ANCHOR in shard_of), None)
        if prefix is None:
            raise WeightsError(f'{self.source} has no visual encoder: no tensor named *{ANCHOR}. {HELP}')
        return {
            name.removeprefix(prefix): _Place(shard, name)
            for name, shard in shard_of.items()
            if name.startswith(prefix)
        }

    def _file(self, shard: str) -> Path:
        if shard not in self._files:
            self._files[shard] = fetch(self.source, shard)
        return self._files[shard]

    def _by_shard(self, names: Iterable[str]) -> dict[str, list[str]]:
        shards: dict[str, list[str]] = {}
        for name in names:
            shards.setdefault(self._places[name].shard, []).append(name)
        return shards

    def tensors(self, names: Iterable[str] | None = None) -> Iterator[tuple[str, Tensor]]:
        """Iterate over names and tensors, one shard after the other.

        A tensor is a view of the mapped file, which stays mapped as long as the tensor is kept.

        Args:
            names: Names of the tensors; all by default.
        """
        for shard, inside in self._by_shard(self._places if names is None else names).items():
            while inside:
                mapped = 0
                with _opened(self._file(shard)) as file:
                    while inside and mapped < _REMAP_BYTES:
                        tensor = file.get_tensor(self._places[inside[0]].name)
                        mapped += tensor.nbytes
                        yield inside.pop(0), tensor
                        del tensor

    def check(self, wanted: Mapping[str, tuple[int, ...]], unused: tuple[str, ...] = ()) -> None:
        """Compare names and shapes with those of an encoder.

        Args:
            wanted: Shapes of the encoder's tensors by name.
            unused: Prefixes of tensors that the encoder does not use.

        Raises:
            WeightsError: If a tensor is missing, has another shape or is unknown. The message names each.
        """
        missing = [name for name in wanted if name not in self.shapes]
        unknown = [name for name in self.shapes if name not in wanted and not name.startswith(unused)]
        faults = [f'missing: {", ".join(missing)}'] * bool(missing)
        faults += [
            f'{name} is {self.shapes[name]} and not {tuple(shape)}'
            for name, shape in wanted.items()
            if name in self.shapes and self.shapes[name] != tuple(shape)
        ]
        faults += [f'unknown: {", ".join(unknown)}'] * bool(unknown)
        if faults:
            raise WeightsError(f'{self.source} does not fit the encoder; {"; ".join(faults)}')


@torch.no_grad()
def load_visual(parameters: Mapping[str, Tensor], source: str | Path, unused: tuple[str, ...] = ()) -> None:
    """Fill an encoder's parameters in place from a checkpoint. Nothing changes unless all of them fit.

    A convolution over time and space can be loaded into one over space: a still image is the same in every frame, so
    the sum of the kernel over time gives the same result.

    Args:
        parameters: The encoder's tensors by their names in the checkpoint.
        source: See :class:`VisualCheckpoint`.
        unused: Prefixes of tensors that the encoder does not use.

    Raises:
        WeightsError: See :class:`VisualCheckpoint` and its ``check``.
    """
    checkpoint = VisualCheckpoint(source)
    shapes = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    kernel = checkpoint.shapes[ANCHOR]
    if len(kernel) == 5 and len(shapes[ANCHOR]) == 4:
        shapes[ANCHOR] = (*shapes[ANCHOR][:2], kernel[2], *shapes[ANCHOR][2:])
    checkpoint.check(shapes, unused)
    for name, tensor in checkpoint.tensors(parameters):
        if tensor.ndim == parameters[name].ndim + 1:
            tensor = tensor.float().sum(dim=2)
        parameters[name].copy_(tensor)


def _opened(path: Path) -> safe_open:
    try:
        return safe_open(path, framework='pt')
    except (SafetensorError, OSError) as error:
        fault = other_file(path) if path.is_file() else None
        raise WeightsError(f'{path} is no whole safetensors file ({fault or _first_line(error)})') from error


def _shape(file: safe_open, place: _Place, path: Path) -> tuple[int, ...]:
    """Read the shape of a tensor from the header of the file."""
    try:
        return tuple(file.get_slice(place.name).get_shape())
    except SafetensorError as error:
        raise WeightsError(f'{path} has no tensor {place.name}, which the index promises') from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
