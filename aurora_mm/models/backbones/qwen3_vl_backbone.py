"""The Qwen3-VL visual encoder as an OpenMMLab backbone.

The encoder is a plain vision transformer: 16 x 16 patches, learned positions resampled to the grid, axial rotary
positions in every attention, global attention, no final norm. transformers runs it on flat patches of all images,
ordered by 2 x 2 merge blocks for the language model. Nothing in the blocks depends on that order, so here they run in
raster order on ``(B, H * W, C)``: one batched attention call, and a map is a plain reshape. Parameters carry
transformers' names; tests hold every map equal to transformers' own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models.backbones.base_encoder import BaseEncoder, check_taps, count_recomputed, token_map
from aurora_mm.models.backbones.compile_blocks import compile_each
from aurora_mm.models.backbones.qwen3_vl_layers import Block, PatchEmbed, axial_rope
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
# Parts of the published checkpoint that only the language model reads.
_NOT_OURS = ('merger.', 'deepstack_merger_list.')


@MODELS.register_module()
class Qwen3VLBackbone(BaseEncoder):
    """Maps of four blocks of the Qwen3-VL visual encoder.

    Legend: B images, h x w pixels of the input, H x W tokens (``h / 16`` x ``w / 16``), C channels.

    Args:
        preset: The encoder's size: a key of :data:`PRESETS` or a dict of ``Qwen3VLVisionConfig`` values. Overruled
            by the config of ``pretrained``.
        pretrained: None for random weights, or a hub id or folder of a Qwen3-VL model. Its ``config.json`` gives the
            size; of its weights the visual part alone is read, when :meth:`init_weights` is called.
        out_indices: Blocks to tap, counted from 0, rising. None taps four, evenly spaced from the first to the
            last. Blocks after the last tap are not built.
        with_cp: Saves memory by gradient checkpointing: True recomputes every block in the backward pass, k the first
            k blocks, False none.
        frozen_stages: -1 trains all of it; 0 freezes patches and positions, k also the first k blocks.
        lora: None, or arguments of :func:`aurora_mm.models.backbones.lora.add_lora`: then all is frozen but low-rank
            updates of linear layers, ``dict(r=8)`` for those of every block.
        compile_blocks: True compiles each block by ``torch.compile`` when it first runs, a dict does so with these
            arguments of ``torch.compile``. Names of parameters stay as they are, so that checkpoints fit both ways.

    Raises:
        ConfigError: If an argument does not fit the encoder's size.
        WeightsError: If ``pretrained`` has no config, or that of another model.

    Attributes: See :class:`BaseEncoder`; C is the same for each map, the stride 16.
    """

    def __init__(
        self,
        preset: str | Mapping[str, int] = '2b',
        pretrained: str | Path | None = None,
        out_indices: Sequence[int] | None = None,
        with_cp: bool | int = False,
        frozen_stages: int = -1,
        lora: Mapping | None = None,
        compile_blocks: bool | Mapping = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        config = _vision_config(preset if pretrained is None else self.resolve(str(pretrained))['preset'])
        self.config = config
        self.pretrained = pretrained
        self.out_indices = check_taps(out_indices, config.depth)
        self.num_blocks = self.out_indices[-1] + 1
        self.num_recomputed = count_recomputed(with_cp, self.num_blocks)
        self.size_divisor = config.patch_size * config.spatial_merge_size
        self.strides = [config.patch_size] * len(self.out_indices)
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
    def resolve(cls, pretrained: str) -> dict:
        """``preset`` with the sizes of a checkpoint's encoder, see :meth:`BaseEncoder.resolve`."""
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
            if getattr(module, 'bias', None) is not None:
                nn.init.zeros_(module.bias)

    def init_weights(self) -> None:
        """Loads ``pretrained``, strictly.

        Raises:
            WeightsError: If a tensor is missing, of another shape, or unknown; the message names each.
        """
        super().init_weights()
        if self.pretrained is not None:
            unused_blocks = tuple(f'blocks.{i}.' for i in range(self.num_blocks, self.config.depth))
            load_visual(self.plain_parameters(), self.pretrained, _NOT_OURS + unused_blocks)

    def layer_of(self, name: str) -> int:
        """See :meth:`BaseEncoder.layer_of`."""
        block = re.match(r'blocks\.(\d+)\.', name)
        return int(block[1]) + 1 if block else 0

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """One ``(B, C, H, W)`` map a tap, in raster order; h and w are multiples of 32."""
        patch = self.config.patch_size
        grid = (x.shape[-2] // patch, x.shape[-1] // patch)
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
        """Learned positions of a square grid, resampled bilinearly with their corners aligned: (1, H * W, C)."""
        side = round(self.config.num_position_embeddings**0.5)
        square = self.pos_embed.weight.T.reshape(1, -1, side, side)
        return F.interpolate(square, size=grid, mode='bilinear', align_corners=True).flatten(2).transpose(1, 2)


def _vision_config(preset: str | Mapping[str, int]) -> Qwen3VLVisionConfig:
    if isinstance(preset, str):
        if preset not in PRESETS:
            raise ConfigError(f'preset {preset!r} is none of {", ".join(PRESETS)}')
        preset = PRESETS[preset]
    return Qwen3VLVisionConfig(**preset)
