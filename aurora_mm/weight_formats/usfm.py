"""USFM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aurora_mm.registry import WEIGHT_FORMATS
from aurora_mm.weight_formats.timm_vit import patches, rest_of_block
from aurora_mm.weight_formats.weight_format import IMAGENET, Part, Sizes, WeightFormat, layer, side_of

_TABLE = 'rel_pos_bias.relative_position_bias_table'
_POOLED_NORM = 'fc_norm.weight'


@WEIGHT_FORMATS.register_module(name='usfm')
class USFM(WeightFormat):
    """The encoder of USFM, a BEiT of base size that was trained by masked image modelling on ultrasound images.

    It has relative positions, one table for all blocks, and no absolute ones. The last norm is ``fc_norm``, or ``norm``
    in files of a model that reads its class token.

    Layout, ``gelu`` and epsilon 1e-6: ``usdsgen/modules/backbone/vision_transformer.py`` and
    ``usdsgen/utils/modelutils.py`` of https://github.com/openmedlab/USFM; mean and std: ``datasets.py`` there. The
    number of heads is that of the table. Paper: https://doi.org/10.1016/j.media.2024.103202.
    """

    model_type = 'beit'
    architecture = 'BeitModel'
    prefixes = ('', 'encoder.', 'module.', 'transformer.')
    patch_embedding = 'patch_embed.proj.weight'
    mlp = 'blocks.0.mlp.fc1.weight'
    block = r'blocks\.(\d+)\.'
    left_out = (r'mask_token', r'(.*\.)?relative_position_index', r'head\..*', r'decoder\..*')
    beside = (r'decoder\..*',)
    mean, std = IMAGENET
    licence = 'CC BY-NC 4.0 by the README of the repository: no commercial use'

    def find_grid(self, shapes: Mapping[str, tuple[int, ...]]) -> float:
        """See :meth:`WeightFormat.find_grid`.

        A grid of n x n patches has (2n - 1) x (2n - 1) distances, and three more for the class token.
        """
        return (side_of(self.shape_of(shapes, _TABLE, 2)[0] - 3) + 1) / 2

    def find_heads(self, shapes: Mapping[str, tuple[int, ...]], width: int) -> int | None:
        """See :meth:`WeightFormat.find_heads`."""
        return self.shape_of(shapes, _TABLE, 2)[1]

    def layout(self, sizes: Sizes, names: Sequence[str]) -> dict[str, Part]:
        """See :meth:`WeightFormat.layout`."""
        width = sizes.width
        pooled = _POOLED_NORM in names
        layout = {
            'cls_token': Part((1, 1, width), ('embeddings.cls_token',)),
            _TABLE: Part(
                ((2 * sizes.grid - 1) ** 2 + 3, sizes.heads),
                ('encoder.relative_position_bias.relative_position_bias_table',),
            ),
            **patches(sizes),
            **(layer('fc_norm', (width,), 'pooler.layernorm') if pooled else layer('norm', (width,), 'layernorm')),
        }
        for i in range(sizes.depth):
            theirs, ours = f'blocks.{i}', f'encoder.layer.{i}'
            attention = f'{ours}.attention.attention'
            layout |= {
                f'{theirs}.attn.qkv.weight': Part(
                    (3 * width, width), tuple(f'{attention}.{part}.weight' for part in ('query', 'key', 'value'))
                ),
                f'{theirs}.attn.q_bias': Part((width,), (f'{attention}.query.bias',)),
                f'{theirs}.attn.v_bias': Part((width,), (f'{attention}.value.bias',)),
                f'{theirs}.gamma_1': Part((width,), (f'{ours}.lambda_1',)),
                f'{theirs}.gamma_2': Part((width,), (f'{ours}.lambda_2',)),
                **rest_of_block(i, sizes),
            }
        return layout

    def config(self, sizes: Sizes, names: Sequence[str]) -> dict[str, Any]:
        """See :meth:`WeightFormat.config`."""
        return super().config(sizes, names) | dict(
            use_shared_relative_position_bias=True,
            use_relative_position_bias=False,
            use_absolute_position_embeddings=False,
            use_mean_pooling=_POOLED_NORM in names,
            layer_scale_init_value=0.1,
        )
