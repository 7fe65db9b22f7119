"""Smaller learning rates for the earlier layers of an encoder."""

from __future__ import annotations

from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from aurora_mm.errors import ConfigError
from aurora_mm.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's constructor with layer-wise decay: layer i of L has the rate ``decay ** (L - 1 - i)`` times ``lr``.

    The encoder numbers its layers; it is any module with mmpretrain's ``get_layer_depth(name, prefix)``. Layer 0 is
    before the first block, layer L - 1 after the last (the rule of ELECTRA and BEiT, https://arxiv.org/abs/2106.08254).
    All else is as in MMEngine: ``paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)})`` sets the learning
    rate of the last layer relative to that of necks and heads. Parameters with the same settings form one group.

    A scheduler must not change the ratios between groups. MMEngine's ``OneCycleLR`` does; ours keeps them.

    Args:
        optim_wrapper_cfg: Config of the wrapper and its optimiser, with ``lr``.
        paramwise_cfg: MMEngine's options, and ``layer_decay`` in (0, 1].

    Raises:
        ConfigError: If ``layer_decay`` is missing or out of range, there is no ``lr``, or no encoder numbers its
            layers.

    Example:
        >>> optim_wrapper = dict(
        ...     constructor='LayerDecayOptimWrapperConstructor',
        ...     optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.05),
        ...     paramwise_cfg=dict(layer_decay=0.8, norm_decay_mult=0.0, bias_decay_mult=0.0),
        ... )
    """

    base_lr: float  # MMEngine's may be None, which is refused

    def __init__(self, optim_wrapper_cfg: dict[str, Any], paramwise_cfg: dict[str, Any] | None = None) -> None:
        paramwise_cfg = dict(paramwise_cfg or {})
        self.layer_decay = paramwise_cfg.pop('layer_decay', None)
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        if self.layer_decay is None or not 0 < self.layer_decay <= 1:
            raise ConfigError(f'paramwise_cfg.layer_decay must be in (0, 1], not {self.layer_decay}')
        if self.base_lr is None:
            raise ConfigError('layer-wise decay needs an lr in optim_wrapper.optimizer')
        self.paramwise_cfg.setdefault('custom_keys', {})  # otherwise MMEngine makes no groups

    def add_params(
        self,
        params: list[dict[str, Any]],
        module: nn.Module,
        prefix: str = '',
        is_dcn_module: int | float | None = None,
    ) -> None:
        """See MMEngine's method; for the whole model, also decay the learning rates and join equal groups."""
        super().add_params(params, module, prefix, is_dcn_module)
        if prefix:
            return
        decays = self._decays(module)
        for group in params:
            group['lr'] = group.get('lr', self.base_lr) * decays.get(id(group['params'][0]), 1.0)
        joined: dict[tuple[Any, ...], dict[str, Any]] = {}
        for group in params:
            settings = {key: value for key, value in group.items() if key != 'params'}
            joined.setdefault(tuple(sorted(settings.items())), settings | dict(params=[]))['params'] += group['params']
        params[:] = joined.values()

    def _decays(self, model: nn.Module) -> dict[int, float]:
        """Return the factor of each parameter of an encoder, by the parameter's id."""
        decays = {}
        encoders = [(name, module) for name, module in model.named_modules() if hasattr(module, 'get_layer_depth')]
        if not encoders:
            raise ConfigError(
                f'layer-wise decay needs an encoder that counts its layers (get_layer_depth); {type(model).__name__} '
                'has none'
            )
        for name, encoder in encoders:
            prefix = f'{name}.' if name else ''
            for parameter_name, parameter in encoder.named_parameters():
                layer, num_layers = encoder.get_layer_depth(prefix + parameter_name, prefix)
                decays[id(parameter)] = self.layer_decay ** (num_layers - 1 - layer)
        return decays
