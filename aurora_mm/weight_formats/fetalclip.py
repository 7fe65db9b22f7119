"""FetalCLIP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aurora_mm.registry import WEIGHT_FORMATS
from aurora_mm.weight_formats.weight_format import CLIP, Part, Sizes, WeightFormat, layer, side_of

_HEAD_WIDTH = 64  # `head_width` of open_clip's vision models


@WEIGHT_FORMATS.register_module(name='fetalclip')
class FetalCLIP(WeightFormat):
    """The image encoder of FetalCLIP, and of any other ViT of open_clip with a class token and learned positions.

    FetalCLIP is a ViT-L/14 that was trained on fetal ultrasound images with text. Its activation is ``gelu``, not the
    ``quick_gelu`` of OpenAI's CLIP, since its config does not set ``quick_gelu`` of open_clip.

    Layout, heads of 64 channels and epsilon 1e-5: ``open_clip/transformer.py`` and ``open_clip/model.py`` of
    https://github.com/mlfoundations/open_clip, which https://github.com/BioMedIA-MBZUAI/FetalCLIP loads its weights
    with; mean and std are open_clip's, as the config of FetalCLIP names no others. Paper:
    https://arxiv.org/abs/2502.14807.
    """

    model_type = 'clip_vision_model'
    architecture = 'CLIPVisionModel'
    containers = ('state_dict', 'model')
    prefixes = ('visual.', 'module.visual.')
    patch_embedding = 'conv1.weight'
    mlp = 'transformer.resblocks.0.mlp.c_fc.weight'
    block = r'transformer\.resblocks\.(\d+)\.'
    left_out = (r'proj',)
    beside = (
        r'(module\.)?(transformer|token_embedding|ln_final|text)\..*',
        r'(module\.)?(positional_embedding|text_projection|logit_scale|logit_bias|attn_mask)',
    )
    eps = 1e-5
    mean, std = CLIP
    licence = 'none is named in the repository: ask its authors'

    def find_grid(self, shapes: Mapping[str, tuple[int, ...]]) -> float:
        """See :meth:`WeightFormat.find_grid`; one position is that of the class token."""
        return side_of(self.shape_of(shapes, 'positional_embedding', 2)[0] - 1)

    def find_heads(self, shapes: Mapping[str, tuple[int, ...]], width: int) -> int | None:
        """See :meth:`WeightFormat.find_heads`."""
        return width // _HEAD_WIDTH if width % _HEAD_WIDTH == 0 else None

    def layout(self, sizes: Sizes, names: Sequence[str]) -> dict[str, Part]:
        """See :meth:`WeightFormat.layout`."""
        width, mlp = sizes.width, sizes.mlp
        root = 'vision_model'
        layout = {
            'class_embedding': Part((width,), (f'{root}.embeddings.class_embedding',)),
            'positional_embedding': Part((sizes.grid**2 + 1, width), (f'{root}.embeddings.position_embedding.weight',)),
            'conv1.weight': Part((width, 3, sizes.patch, sizes.patch), (f'{root}.embeddings.patch_embedding.weight',)),
            **layer('ln_pre', (width,), f'{root}.pre_layrnorm'),
            **layer('ln_post', (width,), f'{root}.post_layernorm'),
        }
        for i in range(sizes.depth):
            theirs, ours = f'transformer.resblocks.{i}', f'{root}.encoder.layers.{i}'
            qkv = [f'{ours}.self_attn.{part}_proj' for part in 'qkv']
            layout |= {
                **layer(f'{theirs}.ln_1', (width,), f'{ours}.layer_norm1'),
                f'{theirs}.attn.in_proj_weight': Part((3 * width, width), tuple(f'{part}.weight' for part in qkv)),
                f'{theirs}.attn.in_proj_bias': Part((3 * width,), tuple(f'{part}.bias' for part in qkv)),
                **layer(f'{theirs}.attn.out_proj', (width, width), f'{ours}.self_attn.out_proj'),
                **layer(f'{theirs}.ln_2', (width,), f'{ours}.layer_norm2'),
                **layer(f'{theirs}.mlp.c_fc', (mlp, width), f'{ours}.mlp.fc1'),
                **layer(f'{theirs}.mlp.c_proj', (width, mlp), f'{ours}.mlp.fc2'),
            }
        return layout
