"""The base of all encoders of transformers: maps of chosen blocks, and the numbers of their layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from aurora_mm.errors import WeightsError
from aurora_mm.models.backbones.base_encoder import check_taps


class HFEncoder(nn.Module):
    """A model of transformers and the way to get maps from it; ``forward`` takes images normalised as in its training.

    Args:
        config: Config of the model; its depth is reduced to the last tap.
        out_indices: Indices of the taps, see :func:`aurora_mm.models.backbones.base_encoder.check_taps`.

    Attributes:
        model (PreTrainedModel): The model of transformers.
        taps (list[int]): Indices of the blocks, or stages, whose maps are returned.
        num_blocks (int): See :class:`aurora_mm.models.backbones.base_encoder.BaseEncoder`.
        out_channels (list[int]): See :class:`aurora_mm.models.backbones.base_encoder.BaseEncoder`.
        strides (list[int]): See :class:`aurora_mm.models.backbones.base_encoder.BaseEncoder`.
        size_divisor (int): See :class:`aurora_mm.models.backbones.base_encoder.BaseEncoder`.
    """

    model: PreTrainedModel

    # Prefixes of parameters that no checkpoint has, because they are new where the encoder is used as a backbone.
    new_parameters: tuple[str, ...] = ()
    # Name of the number of blocks in the config.
    depth_key = 'num_hidden_layers'

    def __init__(self, config: PretrainedConfig, out_indices: Sequence[int] | None) -> None:
        super().__init__()
        self.taps = check_taps(out_indices, getattr(config, self.depth_key))
        self.num_blocks = self.taps[-1] + 1
        setattr(config, self.depth_key, self.num_blocks)
        self.out_channels = [config.hidden_size] * len(self.taps)
        self.strides = [config.patch_size] * len(self.taps)
        self.size_divisor = config.patch_size

    def layer_of(self, name: str) -> int:
        """See :class:`aurora_mm.models.backbones.base_encoder.BaseEncoder`."""
        block = re.search(r'\b(?:layers?|blocks)\.(\d+)\.', name)
        if block:
            return int(block[1]) + 1
        return self.num_blocks + 1 if re.search(r'(layernorm|\bnorm)\.\w+$', name) else 0

    @torch.no_grad()
    def load(self, parameters: Mapping[str, Tensor], source: str) -> None:
        """Load parameters from a folder or hub id.

        Args:
            parameters: The parameters to fill, by their names without LoRA.
            source: A folder or a hub id.

        Raises:
            WeightsError: If the weights cannot be read, or tensors are missing or have another shape. The message names
                them.
        """
        kind: Any = type(self.model)  # by its annotation, from_pretrained never returns the information
        try:
            loaded, info = kind.from_pretrained(source, config=self.model.config, output_loading_info=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise WeightsError(f'cannot load {kind.__name__} from {source!r} ({error})') from error
        missing = {key for key in info['missing_keys'] if not key.startswith(self.new_parameters)}
        missing = {f'model.{key}' for key in missing} & parameters.keys()
        misshaped = {str(key) for key in info['mismatched_keys']}
        if missing or misshaped:
            faults = [
                f'{what}: {", ".join(sorted(keys))}'
                for what, keys in (('missing', missing), ('of another shape', misshaped))
                if keys
            ]
            raise WeightsError(f'{source} does not fit {kind.__name__}; {"; ".join(faults)}')
        tensors = loaded.state_dict()
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name.removeprefix('model.')])


def tapped(blocks: nn.ModuleList, taps: Sequence[int], run: Callable[[], None]) -> list[Tensor]:
    """Return the outputs of some blocks while ``run()`` runs.

    Args:
        blocks: All blocks.
        taps: Indices of the blocks whose outputs are returned.
        run: Runs the model.
    """
    outputs: list[Tensor] = []
    hooks = [
        blocks[i].register_forward_hook(lambda _m, _i, out: outputs.append(out[0] if isinstance(out, tuple) else out))
        for i in taps
    ]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return outputs
