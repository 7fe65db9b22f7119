"""The Qwen3-VL visual encoder as an OpenMMLab backbone.

The encoder is a plain vision transformer: 16 x 16 patches, learned positions resampled to the grid of patches, axial
rotary positions in every attention layer, global attention and no final norm. transformers runs it on the flat patches
of all images, ordered by blocks of 2 x 2 for the language model. The blocks do not depend on that order, so here they
run on ``(B, H * W, C)`` in raster order: attention is one batched call, and a map is a reshape. Parameters have the
names they have in transformers; tests compare every map with that of transformers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.folders import whole_folder
from aurora_mm.models.backbones.base_encoder import BaseEncoder, check_taps, count_recomputed, token_map
from aurora_mm.models.backbones.compile_blocks import compile_each
from aurora_mm.models.backbones.qwen3_vl_layers import Block, PatchEmbed, axial_rope, patch_side
from aurora_mm.models.backbones.visual_weights import HELP, load_visual, read_config
from aurora_mm.registry import MODELS

_LARGE = dict(depth=24, hidden_size=1024, intermediate_size=4096, num_heads=16)
_SO400M = dict(depth=27, hidden_size=1152, intermediate_size=4304, num_heads=16)
PRESETS: dict[str, dict[str, int]] = {
    '2b': _LARGE,
    '4b': _LARGE,
    '8b': _SO400M,
    '32b': _SO400M,
    'tiny': dict(depth=6, hidden_size=192, intermediate_size=768, num_heads=3),
}

_ROPE_THETA = 10000.0
# Prefixes of tensors in the published checkpoint that only the language model reads.
_NOT_OURS = ('merger.', 'deepstack_merger_list.')


@MODELS.register_module()
class Qwen3VLBackbone(BaseEncoder):
    """The visual encoder of Qwen3-VL, which returns the maps of some of its blocks.

    Legend: B images, h x w pixels of the input, H x W tokens (``h / 16`` x ``w / 16``), C channels.

    Args:
        preset: Size of the encoder: a key of :data:`PRESETS` or a dict of ``Qwen3VLVisionConfig`` values. It is ignored
            if ``pretrained`` is given.
        pretrained: None for random weights, or a hub id or folder of a Qwen3-VL model. Its ``config.json`` gives the
            size. :meth:`init_weights` loads the weights of its visual part.
        out_indices: Indices of the taps, blocks counted from 0, in ascending order. None takes four, evenly spaced from
            the first to the last. Blocks after the last tap are not built.
        with_cp: Gradient checkpointing, which saves memory: True recomputes every block in the backward pass, k the
            first k blocks, False none.
        frozen_stages: -1 trains the whole encoder, 0 freezes patch and position embeddings, k also the first k blocks.
        lora: None, or arguments of :func:`aurora_mm.models.backbones.lora.add_lora`. Everything is then frozen except
            low-rank updates of linear layers; ``dict(r=8)`` adds them to those of every block.
        compile_blocks: True compiles each block by ``torch.compile`` when it first runs; a dict gives arguments of
            ``torch.compile``. Names of parameters do not change, so checkpoints fit both ways.
        fit_maps_to_image: Whether maps of images with other sides than multiples of ``size_divisor`` are resampled to
            cover exactly the image, as segmentors of mmseg expect; see :meth:`BaseEncoder.forward`.
        init_cfg: Config of the initialisation, see MMEngine's ``BaseModule``.

    Raises:
        ConfigError: If an argument does not fit the encoder's size, or ``compile_blocks`` would record CUDA graphs.
        WeightsError: If ``pretrained`` has no config, or one of another model.

    Attributes: See :class:`BaseEncoder`; C is the same for each map, the stride 16.
    """

    def __init__(
        self,
        preset: str | Mapping[str, int] = '2b',
        pretrained: str | Path | None = None,
        out_indices: Sequence[int] | None = None,
        with_cp: bool | int = False,
        frozen_stages: int = -1,
        lora: Mapping[str, Any] | None = None,
        compile_blocks: bool | Mapping[str, Any] = False,
        fit_maps_to_image: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.fit_maps_to_image = fit_maps_to_image
        config = _vision_config(preset if pretrained is None else self.resolve(str(pretrained))['preset'])
        self.config = config
        self.pretrained = pretrained
        self.out_indices = check_taps(out_indices, config.depth)
        self.num_blocks = self.out_indices[-1] + 1
        self.num_recomputed = count_recomputed(with_cp, self.num_blocks)
        self.patch_side = patch_side(config)
        self.size_divisor = self.patch_side * config.spatial_merge_size
        self.strides = [self.patch_side] * len(self.out_indices)
        self.out_channels = [config.hidden_size] * len(self.out_indices)

        self.patch_embed = PatchEmbed(config)
        self.pos_embed = nn.Embedding(config.num_position_embeddings, config.hidden_size)
        self.blocks = nn.ModuleList(Block(config) for _ in range(self.num_blocks))
        if pretrained is None:
            self.apply(self._init_module)
        self.tune(frozen_stages, lora)
        if compile_blocks:
            compile_each(self.blocks, {} if compile_blocks is True else compile_blocks)

    @classmethod
    def resolve(cls, pretrained: str) -> dict[str, Any]:
        """Return ``preset`` with the sizes of a checkpoint's encoder; see :meth:`BaseEncoder.resolve`."""
        values = read_config(pretrained)
        values = values.get('vision_config', values)
        if not str(values.get('model_type', '')).startswith('qwen3_vl'):
            raise WeightsError(
                f'{pretrained} holds a {values.get("model_type")!r} encoder, not one of Qwen3-VL. {HELP}'
            )
        config = Qwen3VLVisionConfig.from_dict(values)
        sizes = ('depth', 'hidden_size', 'intermediate_size', 'num_heads', 'num_position_embeddings', 'hidden_act')
        return dict(preset={name: getattr(config, name) for name in sizes})

    def _init_module(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
            nn.init.trunc_normal_(module.weight, std=self.config.initializer_range)
            if isinstance(bias := getattr(module, 'bias', None), Tensor):
                nn.init.zeros_(bias)

    def load_pretrained(self, pretrained: str | Path) -> None:
        """See :meth:`BaseEncoder.load_pretrained`."""
        unused_blocks = tuple(f'blocks.{i}.' for i in range(self.num_blocks, self.config.depth))
        load_visual(self.plain_parameters(), pretrained, _NOT_OURS + unused_blocks)

    def save_pretrained(self, folder: Path) -> None:
        """See :meth:`BaseEncoder.save_pretrained`; blocks after the last tap are not part of the result."""
        tensors = {name: parameter.detach().cpu().contiguous() for name, parameter in self.plain_parameters().items()}
        values = self.config.to_dict() | dict(depth=self.num_blocks)
        with whole_folder(Path(folder)) as new:
            save_file(tensors, new / 'model.safetensors', metadata={'format': 'pt'})
            (new / 'config.json').write_text(json.dumps(values, indent=2) + '\n')

    def layer_of(self, name: str) -> int:
        """See :meth:`BaseEncoder.layer_of`."""
        block = re.match(r'blocks\.(\d+)\.', name)
        return int(block[1]) + 1 if block else 0

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute one map ``(B, C, H, W)`` for each tap; h and w are multiples of 32."""
        grid = (x.shape[-2] // self.patch_side, x.shape[-1] // self.patch_side)
        x = self.patch_embed(x)  # (B, H * W, C)
        x = x + self._positions(grid).to(x.dtype)
        head_dim = self.config.hidden_size // self.config.num_heads
        rope = axial_rope(grid, head_dim, _ROPE_THETA, x.device)
        maps = []
        for i, block in enumerate(self.blocks):
            if i < self.num_recomputed and torch.is_grad_enabled():
                x = checkpoint(block, x, rope, use_reentrant=False)
            else:
                x = block(x, rope)
            if i in self.out_indices:
                maps.append(token_map(x, grid))
        return tuple(maps)

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        """Resample the learned positions of a square grid bilinearly, with aligned corners, to ``(1, H * W, C)``."""
        side = round(self.config.num_position_embeddings**0.5)
        square = self.pos_embed.weight.T.reshape(1, -1, side, side)
        return F.interpolate(square, size=grid, mode='bilinear', align_corners=True).flatten(2).transpose(1, 2)


def _vision_config(preset: str | Mapping[str, int]) -> Qwen3VLVisionConfig:
    if isinstance(preset, str):
        if preset not in PRESETS:
            raise ConfigError(f'preset {preset!r} is none of {", ".join(PRESETS)}')
        preset = PRESETS[preset]
    return Qwen3VLVisionConfig.from_dict(dict(preset))
