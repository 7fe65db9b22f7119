"""The models of timm as backbones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.folders import whole_folder
from aurora_mm.models.backbones.base_encoder import BaseEncoder, check_taps
from aurora_mm.models.backbones.timm_models import WEIGHTS, create_timm_model, import_timm, load_timm_weights
from aurora_mm.registry import MODELS

# Encoders with several strides give their maps from this one on.
_FIRST_STRIDE = 4


@MODELS.register_module()
class TimmBackbone(BaseEncoder):
    """An encoder of timm (https://github.com/huggingface/pytorch-image-models), convolutional or a transformer.

    Inputs are RGB images scaled to [-1, 1] as for :class:`Qwen3VLBackbone`; they are normalised here by the mean and
    std that timm gives for the weights. Plain vision transformers return maps of one stride, through their final norm,
    hierarchical encoders one map for each stage. Classifiers and layers after the last tap are not built.

    The layers for freezing and layer-wise decay are those of timm's own ``group_matcher``. A final norm belongs to the
    last of them. Names of parameters are timm's, after ``model.``.

    It needs ``pip install 'aurora_mm[timm]'``.

    Args:
        model_name: Name of the model in timm, such as ``'convnext_tiny'``. The tag of its weights, as in
            ``'vit_small_patch16_224.augreg_in21k'``, sets mean and std and what ``pretrained='timm'`` downloads.
        pretrained: None for random weights; ``'timm'`` for those that timm downloads; a ``.safetensors`` or ``.pth``
            file or a folder with ``model.safetensors``. :meth:`init_weights` loads them, and all of them must fit.
        out_indices: Indices of the taps, counted from 0 in timm's ``feature_info``: blocks of a plain transformer, or
            stages, of which many networks have one of stride 2 first. None takes four blocks, evenly spaced from the
            first to the last, or every stage from stride 4 on.
        model_args: More arguments of the model's class, such as ``dict(drop_path_rate=0.1)``, or
            ``dict(img_size=448)`` for a model of a fixed size. Transformers that can take images of any size do so.
        with_cp: Whether blocks are recomputed in the backward pass, which saves memory; all or none.
        frozen_stages: -1 trains the whole encoder, 0 freezes what is before the first block, k also the first k blocks,
            counted over all stages.
        norm_eval: Whether BatchNorm uses and keeps its running statistics in training too; see
            :class:`EfficientNetLite`. False is right for random weights. BatchNorm of frozen layers always does.
        lora: See :class:`Qwen3VLBackbone`.
        mean: Mean of each channel, RGB in [0, 1], by which inputs are normalised. None takes timm's for the weights.
        std: Standard deviation of each channel; otherwise as ``mean``.
        fit_maps_to_image: See :class:`HFBackbone`.
        init_cfg: Config of the initialisation, see MMEngine's ``BaseModule``.

    Raises:
        ConfigError: If timm cannot be imported or has no such model, or an argument does not fit the model.

    Attributes: See :class:`BaseEncoder`.
    """

    def __init__(
        self,
        model_name: str,
        pretrained: str | Path | None = None,
        out_indices: Sequence[int] | None = None,
        model_args: Mapping[str, Any] | None = None,
        with_cp: bool = False,
        frozen_stages: int = -1,
        norm_eval: bool = True,
        lora: Mapping[str, Any] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        fit_maps_to_image: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.model_name = model_name
        self.pretrained = pretrained
        self.model_args = dict(model_args or {})
        self.norm_eval = norm_eval
        self.fit_maps_to_image = fit_maps_to_image
        model: Any = create_timm_model(model_name, self.model_args)
        if not hasattr(model, 'forward_intermediates'):
            raise ConfigError(f'{model_name!r} of timm cannot return the maps of its layers (forward_intermediates)')
        self._read_maps(list(model.feature_info), out_indices)
        model.prune_intermediate_layers(self.out_indices, prune_norm=not self.normalises)
        self.model = model
        self._layers = _numbers_of_layers(model)
        self.num_blocks = max(self._layers.values())
        if with_cp:
            self._recompute()
        stats = model.pretrained_cfg
        self.set_normalisation(mean or stats['mean'], std or stats['std'])
        self.tune(frozen_stages, lora)

    def _read_maps(self, infos: list[dict[str, Any]], out_indices: Sequence[int] | None) -> None:
        """Set the taps and what is declared of their maps from timm's ``feature_info``."""
        strides = [info['reduction'] for info in infos]
        is_plain = len(strides) > 1 and len(set(strides)) == 1
        if out_indices is None and not is_plain:
            out_indices = [i for i, stride in enumerate(strides) if stride >= _FIRST_STRIDE]
        self.out_indices = sorted(set(check_taps(out_indices, len(infos))))
        self.out_channels = [infos[i]['num_chs'] for i in self.out_indices]
        self.strides = [strides[i] for i in self.out_indices]
        self.size_divisor = max(strides[: self.out_indices[-1] + 1])
        # What comes last in SAM is a neck with channels of its own.
        self.normalises = is_plain and not any('num_chs_norm' in info for info in infos)

    def _recompute(self) -> None:
        try:
            self.model.set_grad_checkpointing(True)
        except (AssertionError, AttributeError) as error:  # how timm says that a model cannot
            raise ConfigError(f'{self.model_name!r} of timm has no gradient checkpointing: with_cp=False') from error

    @classmethod
    def resolve(cls, pretrained: str) -> dict[str, Any]:
        """Return no arguments, since ``model_name`` gives the sizes; see :meth:`BaseEncoder.resolve`."""
        return {}

    def load_pretrained(self, pretrained: str | Path) -> None:
        """See :meth:`BaseEncoder.load_pretrained`."""
        load_timm_weights(self._timm_state(), self.model_name, self.model_args, str(pretrained))

    def save_pretrained(self, folder: Path) -> None:
        """See :meth:`BaseEncoder.save_pretrained`; layers after the last tap are not part of the result."""
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self._timm_state().items()}
        with whole_folder(Path(folder)) as new:
            save_file(state, new / WEIGHTS, metadata={'format': 'pt'})

    def _timm_state(self) -> dict[str, Tensor]:
        """Return parameters and persistent buffers by their names in timm's model, without those of LoRA."""
        buffers = set(self.state_dict()) & {name for name, _ in self.named_buffers()}
        state = self.plain_parameters() | {name: self.get_buffer(name) for name in buffers}
        return {name.removeprefix('model.'): tensor for name, tensor in state.items()}

    def layer_of(self, name: str) -> int:
        """See :meth:`BaseEncoder.layer_of`."""
        path = name.removeprefix('model.')
        while path:  # a parameter of LoRA is in the layer of the module that has it
            if path in self._layers:
                return self._layers[path]
            path = path.rpartition('.')[0]
        return 0

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """See :meth:`BaseEncoder.encode`."""
        maps = self.model.forward_intermediates(
            self.normalised(x),
            indices=self.out_indices,
            norm=self.normalises,
            output_fmt='NCHW',
            intermediates_only=True,
        )
        return tuple(level.contiguous() for level in maps)


def _numbers_of_layers(model: nn.Module) -> dict[str, int]:
    """Return the layer of each parameter and of each module with parameters, as timm groups them, by name."""
    import_timm()
    from timm.models import group_parameters

    matcher: Any = model
    layers: dict[str, int] = group_parameters(model, matcher.group_matcher(coarse=False), reverse=True)
    for name, layer in list(layers.items()):
        module = name.rpartition('.')[0]
        layers.setdefault(module, layer)
    return layers
