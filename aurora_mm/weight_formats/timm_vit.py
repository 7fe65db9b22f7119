"""The names of timm's vision transformers, which several published files have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aurora_mm.weight_formats.weight_format import Part, Sizes, WeightFormat, layer, side_of


class TimmViT(WeightFormat):
    """A vision transformer with the names of timm's ``VisionTransformer``: class token and learned positions.

    The layout is that of ``timm/models/vision_transformer.py``
    (https://github.com/huggingface/pytorch-image-models).
    """

    patch_embedding = 'patch_embed.proj.weight'
    mlp = 'blocks.0.mlp.fc1.weight'
    block = r'blocks\.(\d+)\.'

    def find_grid(self, shapes: Mapping[str, tuple[int, ...]]) -> float:
        """See :meth:`WeightFormat.find_grid`; one position is that of the class token."""
        return side_of(self.shape_of(shapes, 'pos_embed', 3)[1] - 1)

    def layout(self, sizes: Sizes, names: Sequence[str]) -> dict[str, Part]:
        """See :meth:`WeightFormat.layout`."""
        width = sizes.width
        layout = {
            'cls_token': Part((1, 1, width), ('embeddings.cls_token',)),
            'pos_embed': Part((1, sizes.grid**2 + 1, width), ('embeddings.position_embeddings',)),
            **patches(sizes),
            **layer('norm', (width,), 'layernorm'),
        }
        for i in range(sizes.depth):
            qkv = [f'encoder.layer.{i}.attention.attention.{part}' for part in ('query', 'key', 'value')]
            layout |= layer(f'blocks.{i}.attn.qkv', (3 * width, width), *qkv) | rest_of_block(i, sizes)
        return layout


def patches(sizes: Sizes) -> dict[str, Part]:
    """Map the patch embedding."""
    kernel = (sizes.width, 3, sizes.patch, sizes.patch)
    return layer('patch_embed.proj', kernel, 'embeddings.patch_embeddings.projection')


def rest_of_block(index: int, sizes: Sizes) -> dict[str, Part]:
    """Map what a block has beside queries, keys and values."""
    width, mlp = sizes.width, sizes.mlp
    theirs, ours = f'blocks.{index}', f'encoder.layer.{index}'
    return {
        **layer(f'{theirs}.norm1', (width,), f'{ours}.layernorm_before'),
        **layer(f'{theirs}.attn.proj', (width, width), f'{ours}.attention.output.dense'),
        **layer(f'{theirs}.norm2', (width,), f'{ours}.layernorm_after'),
        **layer(f'{theirs}.mlp.fc1', (mlp, width), f'{ours}.intermediate.dense'),
        **layer(f'{theirs}.mlp.fc2', (width, mlp), f'{ours}.output.dense'),
    }
