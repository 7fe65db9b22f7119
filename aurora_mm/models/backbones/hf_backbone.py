"""The image encoders of transformers as backbones."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import transformers
from torch import Tensor
from transformers import CONFIG_MAPPING, AutoConfig, PretrainedConfig
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.folders import whole_folder
from aurora_mm.models.backbones import hf
from aurora_mm.models.backbones.base_encoder import BaseEncoder, count_recomputed
from aurora_mm.models.backbones.visual_weights import fetch_optional, read_config
from aurora_mm.registry import MODELS

# Mean and std of RGB in [0, 1].
_MeanStd = tuple[Sequence[float], Sequence[float]]
_IMAGENET: _MeanStd = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF: _MeanStd = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_CLIP: _MeanStd = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
# Their keys in the config of an image processor.
_STATS = ('image_mean', 'image_std')

# Parameters that do not affect the maps: mask tokens of the pre-training, and a norm after the last stage.
_UNUSED = ('.mask_token', '.swin.layernorm.weight', '.swin.layernorm.bias')


class _Family(NamedTuple):
    encoder: type[hf.HFEncoder]
    stats: _MeanStd | None  # with which its checkpoints were trained; None if the model itself normalises RGB in [0, 1]


FAMILIES = {
    'dinov2': _Family(hf.PlainViT, _IMAGENET),
    'dinov2_with_registers': _Family(hf.PlainViT, _IMAGENET),
    'dinov3_vit': _Family(hf.PlainViT, _IMAGENET),
    'vit': _Family(hf.ResampledViT, _HALF),
    'vit_mae': _Family(hf.MAEViT, _IMAGENET),
    'beit': _Family(hf.BeitViT, _HALF),
    'clip_vision_model': _Family(hf.ResampledViT, _CLIP),
    'siglip_vision_model': _Family(hf.ResampledViT, _HALF),
    'siglip2_vision_model': _Family(hf.NaFlexViT, _HALF),
    'sam_vision_model': _Family(hf.SamViT, _IMAGENET),
    'radio': _Family(hf.RadioViT, None),
    'swin': _Family(hf.StagedBackbone, _IMAGENET),
    'swinv2': _Family(hf.StagedBackbone, _IMAGENET),
    'convnext': _Family(hf.StagedBackbone, _IMAGENET),
    'convnextv2': _Family(hf.StagedBackbone, _IMAGENET),
    'dinov3_convnext': _Family(hf.StagedBackbone, _IMAGENET),
    'qwen2_5_vl_vision': _Family(hf.Qwen25VL, _CLIP),
}


@MODELS.register_module()
class HFBackbone(BaseEncoder):
    """An image encoder of transformers.

    It may be DINOv2, DINOv3, ViT, MAE, BEiT, CLIP, SigLIP (2), SAM, RADIO, Swin (V2), ConvNeXt (V2) or Qwen2.5-VL.

    Inputs are RGB images scaled to [-1, 1] as for :class:`Qwen3VLBackbone`; they are normalised here as each encoder
    was trained. Plain vision transformers return maps of one stride, hierarchical encoders one map for each stage.

    Args:
        config: Config for random weights: ``model_type``, a key of :data:`FAMILIES`, and other values of that model's
            config in transformers, and optionally ``image_mean`` and ``image_std`` of its image processor. It is
            ignored if ``pretrained`` is given.
        pretrained: A hub id or a folder; of a vision-language model the vision part is used. :meth:`init_weights` loads
            the weights, and all of them must fit.
        out_indices: Indices of the taps, counted from 0: blocks, or stages of a hierarchical encoder. None takes four
            blocks, evenly spaced from the first to the last, or every stage. Blocks of a plain encoder after the last
            tap are not built.
        with_cp: See :class:`Qwen3VLBackbone`; blocks of all stages are counted together.
        frozen_stages: -1 trains the whole encoder, 0 freezes patch and position embeddings, k also the first k blocks,
            counted over all stages.
        lora: See :class:`Qwen3VLBackbone`.
        mean: Mean of each channel, RGB in [0, 1], by which inputs are normalised. None takes the value of
            ``preprocessor_config.json`` of ``pretrained``, or else that of the family's checkpoints.
        std: Standard deviation of each channel; otherwise as ``mean``.
        fit_maps_to_image: Whether maps of images with other sides than multiples of ``size_divisor`` are resampled to
            cover exactly the image, as segmentors of mmseg expect; see :meth:`BaseEncoder.forward`.
        init_cfg: Config of the initialisation, see MMEngine's ``BaseModule``.

    Raises:
        ConfigError: If neither ``config`` nor ``pretrained`` is given, or an argument does not fit the encoder.
        WeightsError: If ``pretrained`` has no config, or one of a model that is not supported.

    Attributes: See :class:`BaseEncoder`.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        pretrained: str | Path | None = None,
        out_indices: Sequence[int] | None = None,
        with_cp: bool | int = False,
        frozen_stages: int = -1,
        lora: Mapping[str, Any] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        fit_maps_to_image: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.fit_maps_to_image = fit_maps_to_image
        if pretrained is not None:
            config = self.resolve(str(pretrained))['config']
        if config is None:
            raise ConfigError("HFBackbone needs `pretrained`, or a `config` such as dict(model_type='dinov2')")
        family = _family(config)
        stats = _stats(config, family)
        self.pretrained = pretrained
        self.encoder = family.encoder(_config(config), out_indices)
        self.out_indices = self.encoder.taps
        self.num_blocks = self.encoder.num_blocks
        self.out_channels = self.encoder.out_channels
        self.strides = self.encoder.strides
        self.size_divisor = self.encoder.size_divisor
        if num_recomputed := count_recomputed(with_cp, self.num_blocks):
            self._recompute(num_recomputed, config['model_type'])
        self.set_normalisation(mean or stats[0], std or stats[1])
        for name, parameter in self.named_parameters():
            if name.endswith(_UNUSED):
                parameter.requires_grad_(False)
        self.tune(frozen_stages, lora)

    def _recompute(self, num_blocks: int, model_type: str) -> None:
        """Have transformers recompute the first blocks in the backward pass."""
        if not self.encoder.model.supports_gradient_checkpointing:
            raise ConfigError(f'{model_type!r} has no gradient checkpointing in transformers: with_cp=False')
        self.encoder.model.gradient_checkpointing_enable(dict(use_reentrant=False))
        for name, module in self.encoder.named_modules():
            if hasattr(module, 'gradient_checkpointing') and self.layer_of(f'{name}.') > num_blocks:
                module.gradient_checkpointing = False

    @classmethod
    def resolve(cls, pretrained: str) -> dict[str, Any]:
        """Return the ``config`` of a checkpoint with mean and std of its images; see :meth:`BaseEncoder.resolve`."""
        try:
            config = _config(_vision_part(read_config(pretrained))).to_diff_dict()
        except ConfigError as error:
            raise WeightsError(f'{pretrained}: {error}') from error
        for unneeded in ('architectures', 'id2label', 'label2id', 'dtype', 'torch_dtype', 'transformers_version'):
            config.pop(unneeded, None)
        has_stats = fetch_optional(pretrained, 'preprocessor_config.json') is not None
        stats = read_config(pretrained, 'preprocessor_config.json') if has_stats else {}
        return dict(config=config | {key: stats[key] for key in _STATS if key in stats})

    def load_pretrained(self, pretrained: str | Path) -> None:
        """See :meth:`BaseEncoder.load_pretrained`."""
        prefix = 'encoder.'
        inside = {name.removeprefix(prefix): parameter for name, parameter in self.plain_parameters().items()}
        self.encoder.load(inside, str(pretrained))

    def save_pretrained(self, folder: Path) -> None:
        """See :meth:`BaseEncoder.save_pretrained`; blocks after the last tap are not part of the result."""
        with whole_folder(Path(folder)) as new:
            self.encoder.model.save_pretrained(new)
            stats = dict(zip(_STATS, self.stats, strict=True))
            (new / 'preprocessor_config.json').write_text(json.dumps(stats, indent=2) + '\n')

    def layer_of(self, name: str) -> int:
        """See :meth:`BaseEncoder.layer_of`."""
        return self.encoder.layer_of(name)

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """See :meth:`BaseEncoder.encode`."""
        return self.encoder(self.normalised(x))


def _vision_part(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the config of the image encoder of a model with more than that."""
    vision = values.get('vision_config')
    if vision is None:
        return values
    # Older versions of transformers wrote no `model_type` here.
    return {**vision, 'model_type': vision.get('model_type') or f'{values.get("model_type")}_vision_model'}


def _model_type(values: Mapping[str, Any]) -> str | None:
    kind = values.get('model_type')
    return 'qwen2_5_vl_vision' if kind == 'qwen2_5_vl' else kind  # its names in transformers 4 and 5


def _family(values: Mapping[str, Any]) -> _Family:
    kind = _model_type(values)
    if kind is None or kind not in FAMILIES:
        raise ConfigError(f'HFBackbone has no encoder of model_type {kind!r}; it has {", ".join(FAMILIES)}')
    return FAMILIES[kind]


def _stats(values: Mapping[str, Any], family: _Family) -> _MeanStd:
    if family.stats is None:
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return values.get('image_mean', family.stats[0]), values.get('image_std', family.stats[1])


def _config(values: Mapping[str, Any]) -> PretrainedConfig:
    _family(values)
    more = copy.deepcopy({key: value for key, value in values.items() if key not in ('model_type', *_STATS)})
    kind = values['model_type']
    if _model_type(values) == 'qwen2_5_vl_vision':
        return Qwen2_5_VLVisionConfig.from_dict(more)
    try:
        return AutoConfig.for_model(kind, **more)
    except ValueError as error:
        if kind in CONFIG_MAPPING:
            raise
        raise ConfigError(f'transformers {transformers.__version__} has no {kind!r}: install a newer one') from error
