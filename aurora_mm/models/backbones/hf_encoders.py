"""transformers' encoders behind one face: maps of chosen blocks, and the order of their layers.

Each class below wraps one way in which transformers hands out feature maps. All share: ``taps`` (blocks or stages,
counted from 0), ``num_blocks``, ``out_channels``, ``strides``, ``size_divisor``, ``layer_of`` (see
:class:`aurora_mm.models.backbones.base_encoder.BaseEncoder`), ``forward`` from images normalised as the encoder was
trained to maps, and ``load``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from transformers import AutoBackbone, AutoModel, PretrainedConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VisionTransformerPretrainedModel

from aurora_mm.errors import WeightsError
from aurora_mm.models.backbones.base_encoder import check_taps
from aurora_mm.models.backbones.visual_weights import load_visual


class HFEncoder(nn.Module):
    """A transformers model and how to get maps out of it.

    Args:
        config: The model's config; its depth is cut to the last tap.
        out_indices: Taps, see :func:`aurora_mm.models.backbones.base_encoder.check_taps`.
    """

    # Start of the names of parameters that no checkpoint has: they are new where the encoder is used as a backbone.
    new_parameters = '\0'
    # Arguments of the model's forward that let it take any size, by transformers' own resampling of positions.
    forward_args: dict[str, bool] = {}
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
        missing = {f'model.{key}' for key in info['missing_keys']} & parameters.keys()
        faults = sorted(key for key in missing if not key.startswith(f'model.{self.new_parameters}'))
        faults += [str(key) for key in info['mismatched_keys']]
        if faults:
            raise WeightsError(f'{source} does not fit {type(self.model).__name__}; missing: {", ".join(faults)}')
        tensors = loaded.state_dict()
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name.removeprefix('model.')])


class PlainViT(HFEncoder):
    """A vision transformer of one stride: the tapped blocks' patch tokens, through its final norm, as maps.

    The final norm brings all taps to one scale; it is how DINOv2's and DINOv3's authors read intermediate blocks.
    """

    def __init__(self, config: PretrainedConfig, out_indices: Sequence[int] | None) -> None:
        super().__init__(config, out_indices)
        self.model = AutoModel.from_config(config)
        root = getattr(self.model, 'vision_model', self.model)
        root.head = root.pooler = None  # they are for whole images
        root.use_head = False
        self._norm = [next(getattr(root, n) for n in ('layernorm', 'post_layernorm', 'norm') if hasattr(root, n))]
        self._blocks = [next(m for m in root.modules() if isinstance(m, nn.ModuleList) and len(m) == self.num_blocks)]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        patch = self.size_divisor
        grid = (x.shape[-2] // patch, x.shape[-1] // patch)
        taps = tapped(self._blocks[0], self.taps, lambda: self._run(x, grid))
        tokens = [self._norm[0](t)[:, -grid[0] * grid[1] :] for t in taps]  # class and register tokens come first
        return tuple(t.transpose(1, 2).unflatten(2, grid) for t in tokens)

    def _run(self, x: Tensor, grid: tuple[int, int]) -> None:
        self.model(x, **self.forward_args)


class ResampledViT(PlainViT):
    """A :class:`PlainViT` that resamples its learned positions when asked to."""

    forward_args = dict(interpolate_pos_encoding=True)


class NaFlexViT(PlainViT):
    """SigLIP 2's tower for any aspect ratio: it takes flat patches and their grid."""

    def _run(self, x: Tensor, grid: tuple[int, int]) -> None:
        patch = self.size_divisor
        x = x.unflatten(3, (grid[1], patch)).unflatten(2, (grid[0], patch))  # (B, 3, H, patch, W, patch)
        x = x.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)  # (B, H * W, patch * patch * 3)
        mask = torch.ones(x.shape[:2], dtype=torch.long, device=x.device)
        shapes = torch.tensor([grid] * len(x), device=x.device)
        self.model(x, pixel_attention_mask=mask, spatial_shapes=shapes)


class StagedBackbone(HFEncoder):
    """A hierarchical encoder through AutoBackbone: one map a stage, each of half the size of the one before."""

    new_parameters = 'hidden_states_norms.'

    def __init__(self, config: PretrainedConfig, out_indices: Sequence[int] | None) -> None:
        nn.Module.__init__(self)
        self.taps = check_taps(range(len(config.depths)) if out_indices is None else out_indices, len(config.depths))
        config.out_features = [f'stage{i + 1}' for i in self.taps]
        self.model = AutoBackbone.from_config(config)
        self.depths = list(config.depths)
        self.num_blocks = sum(self.depths)
        self.out_channels = list(self.model.channels)
        self.strides = [config.patch_size * 2**i for i in self.taps]
        self.size_divisor = config.patch_size * 2 ** (len(self.depths) - 1)

    def layer_of(self, name: str) -> int:
        if norm := re.search(r'hidden_states_norms\.stage(\d+)\.', name):
            return sum(self.depths[: int(norm[1])])
        place = re.search(r'encoder\.(?:layers|stages)\.(\d+)\.(?:(?:blocks|layers)\.(\d+)\.)?', name)
        if place is None:
            return self.num_blocks + 1 if re.search(r'layernorm\.\w+$', name) and 'embeddings' not in name else 0
        stage, block = int(place[1]), place[2]
        before = sum(self.depths[:stage])
        if block is not None:
            return before + int(block) + 1
        # What halves the map between stages: ConvNeXt has it at a stage's start, Swin at its end.
        return before + 1 if 'downsampling_layer' in name else before + self.depths[stage]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.model(x).feature_maps)


class Qwen25VL(HFEncoder):
    """Qwen2.5-VL's tower: its tokens stand in merge blocks of 2 x 2, and these in windows; both are undone."""

    depth_key = 'depth'

    def __init__(self, config: PretrainedConfig, out_indices: Sequence[int] | None) -> None:
        depth = config.depth
        super().__init__(config, out_indices)
        self.not_ours = ('merger.', *(f'blocks.{i}.' for i in range(self.num_blocks, depth)))
        self.merge = config.spatial_merge_size
        self.size_divisor = config.patch_size * self.merge
        self.frames = config.temporal_patch_size
        self.window = config.window_size // self.merge // config.patch_size  # merge blocks along a window's side
        self.model = Qwen2_5_VisionTransformerPretrainedModel._from_config(config)
        self.model.merger = nn.Identity()  # only the language model reads it

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        b, _, h, w = x.shape
        patch, merge = self.model.config.patch_size, self.merge
        grid = (h // patch, w // patch)
        # Flat patches in merge blocks, a still image in every temporal slot.
        x = x.unflatten(3, (grid[1] // merge, merge, patch)).unflatten(2, (grid[0] // merge, merge, patch))
        x = x.permute(0, 2, 5, 3, 6, 1, 4, 7)  # (B, H / 2, W / 2, 2, 2, 3, patch, patch)
        x = x.unsqueeze(6).expand(*[-1] * 6, self.frames, -1, -1).reshape(b * grid[0] * grid[1], -1)
        grid_thw = torch.tensor([[1, *grid]] * b, device=x.device)
        tokens = tapped(self.model.blocks, self.taps, lambda: self.model(x, grid_thw=grid_thw))
        raster = window_order(grid, merge, self.window).argsort().to(x.device)
        return tuple(t.unflatten(0, (b, -1))[:, raster].transpose(1, 2).unflatten(2, grid) for t in tokens)

    def load(self, parameters: Mapping[str, Tensor], source: str) -> None:
        """As :meth:`HFEncoder.load`; of the checkpoint the visual part alone is read."""
        inside = {name.removeprefix('model.'): parameter for name, parameter in parameters.items()}
        load_visual(inside, source, self.not_ours)


def window_order(grid: tuple[int, int], merge: int, window: int) -> Tensor:
    """The raster index of each token of Qwen2.5-VL, ``(H * W,)``: windows, in them merge blocks, in them tokens.

    Args:
        grid: H, W tokens. merge: Tokens along a merge block's side. window: Merge blocks along a window's side.
    """
    index = torch.arange(grid[0] * grid[1]).view(grid[0] // merge, merge, grid[1] // merge, merge)
    blocks = index.permute(0, 2, 1, 3).flatten(2)  # (H / merge, W / merge, merge * merge)
    windows = [cell.flatten() for rows in blocks.split(window, 0) for cell in rows.split(window, 1)]
    return torch.cat(windows)


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
