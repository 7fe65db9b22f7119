"""transformers' encoders behind one face: maps of chosen blocks, and the order of their layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig

from aurora_mm.errors import WeightsError
from aurora_mm.models.backbones.base_encoder import check_taps


class HFEncoder(nn.Module):
    """A transformers model and one way of getting maps out of it; ``forward`` takes images as it was trained to.

    Args:
        config: The model's config; its depth is cut to the last tap.
        out_indices: Taps, see :func:`aurora_mm.models.backbones.base_encoder.check_taps`.

    Attributes:
        model: The transformers model.
        taps (list[int]): Blocks, or stages, whose maps are given.
        num_blocks, out_channels, strides, size_divisor: See
            :class:`aurora_mm.models.backbones.base_encoder.BaseEncoder`.
    """

    model: nn.Module

    # What the names of parameters begin with that no checkpoint has: they are new where the encoder is a backbone.
    new_parameters: tuple[str, ...] = ()
    # The config's name of the number of blocks.
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
        """Fills parameters, given by their names without LoRA, from a folder or hub id.

        Raises:
            WeightsError: If tensors are missing or of another shape, naming them.
        """
        try:
            loaded, info = type(self.model).from_pretrained(source, config=self.model.config, output_loading_info=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise WeightsError(f'cannot load {type(self.model).__name__} from {source!r} ({error})') from error
        missing = {key for key in info['missing_keys'] if not key.startswith(self.new_parameters)}
        missing = {f'model.{key}' for key in missing} & parameters.keys()
        misshaped = {str(key) for key in info['mismatched_keys']}
        if missing or misshaped:
            faults = [
                f'{what}: {", ".join(sorted(keys))}'
                for what, keys in (('missing', missing), ('of another shape', misshaped))
                if keys
            ]
            raise WeightsError(f'{source} does not fit {type(self.model).__name__}; {"; ".join(faults)}')
        tensors = loaded.state_dict()
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name.removeprefix('model.')])


def tapped(blocks: nn.ModuleList, taps: Sequence[int], run: Callable[[], None]) -> list[Tensor]:
    """Outputs of some blocks while ``run()`` runs."""
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
