"""Muon for matrices beside AdamW for everything else, as one optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from aurora_mm.errors import ConfigError
from aurora_mm.registry import OPTIMIZERS

# Coefficients of the Newton-Schulz iteration, and the number that the norm of a gradient is kept above:
# https://kellerjordan.github.io/posts/muon/
_A, _B, _C = 3.4445, -4.7750, 2.0315
_EPS = 1e-7


@OPTIMIZERS.register_module()
class MuonWithAdamW(torch.optim.AdamW):
    """Updates matrices by Muon and all other parameters by AdamW, with one learning rate and weight decay for both.

    Muon (https://kellerjordan.github.io/posts/muon/) replaces the momentum of a matrix by the nearest matrix with
    orthogonal rows or columns, which a few Newton-Schulz steps approximate. The update is scaled by
    ``0.2 * sqrt(max(rows, columns))``, so that its root mean square is about that of AdamW, and rates and weight decays
    found for AdamW can be kept (Moonshot's "Muon is Scalable for LLM Training", https://arxiv.org/abs/2502.16982).
    Results are those of ``torch.optim.Muon(adjust_lr_fn='match_rms_adamw')``, which takes matrices alone, except for
    the dtype of the iteration on a CPU.

    Muon is for weights of linear layers and for kernels of convolutions, which are flattened to
    ``(out_channels, in_channels * height * width)``. Vectors, kernels of depthwise convolutions and matrices with a
    single row or column go to AdamW. An optimiser does not know which matrix is an embedding or the last layer of a
    head, for which Muon is not meant. Their groups say so by ``use_muon=False``, which ``paramwise_cfg`` of a config
    sets::

        paramwise_cfg=dict(custom_keys={'embed': dict(use_muon=False), 'outputs.layers': dict(use_muon=False)})

    Args:
        params: Parameters or parameter groups. A group may have ``use_muon``; each is split into one group of matrices
            and one of other parameters.
        lr: Learning rate of both.
        betas: Of AdamW.
        eps: Of AdamW.
        weight_decay: Decoupled weight decay of both.
        momentum: Of Muon.
        nesterov: Whether Muon uses Nesterov's momentum.
        ns_steps: Number of Newton-Schulz steps.
        use_muon: Whether matrices of groups that do not say otherwise are updated by Muon.
        fused: Whether AdamW updates all parameters of a group in one kernel, see ``torch.optim.AdamW``.

    Raises:
        ConfigError: If an argument is out of range, or a matrix is sharded (FSDP).
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_steps: int = 5,
        use_muon: bool = True,
        fused: bool | None = None,
    ) -> None:
        if not 0 <= momentum < 1 or ns_steps < 1:
            raise ConfigError(f'MuonWithAdamW needs a momentum in [0, 1) and ns_steps >= 1, not {momentum}, {ns_steps}')
        muon = dict(momentum=momentum, nesterov=nesterov, ns_steps=ns_steps)
        super().__init__(
            _split_groups(params, use_muon, muon),
            lr=lr,
            betas=(betas[0], betas[1]),
            eps=eps,
            weight_decay=weight_decay,
            fused=fused,
        )
        # A gradient scaler would leave the division by its scale to a fused AdamW, and Muon would not know of it.
        self._step_supports_amp_scaling = False

    def _init_group(self, group: dict[str, Any], *args: Any, **kwargs: Any) -> bool:
        """Collect the parameters that AdamW updates: none of a group of matrices."""
        collect: Callable[..., bool] = super()._init_group
        return not group['use_muon'] and collect(group, *args, **kwargs)

    def step(self, closure: Any = None) -> Any:
        """Update all parameters that have a gradient.

        Args:
            closure: None, or a function that computes the loss and the gradients once more.

        Returns:
            The loss of ``closure``.
        """
        loss = super().step(closure)
        with torch.no_grad():
            for group in self.param_groups:
                if group['use_muon']:
                    for parameter in group['params']:
                        if parameter.grad is not None:
                            self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: nn.Parameter, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state['step'] = torch.zeros(())  # AdamW reads it of every parameter when a state is restored
            state['momentum_buffer'] = torch.zeros_like(grad)
        state['step'] += 1
        momentum = state['momentum_buffer'].lerp_(grad, 1 - group['momentum'])
        update = grad.lerp(momentum, group['momentum']) if group['nesterov'] else momentum
        update = orthogonalised(update.flatten(1), group['ns_steps'])
        scale = 0.2 * max(update.shape) ** 0.5
        parameter.mul_(1 - group['lr'] * group['weight_decay'])
        parameter.add_(update.view_as(parameter).to(parameter.dtype), alpha=-group['lr'] * scale)


def orthogonalised(matrix: Tensor, steps: int) -> Tensor:
    """Approximate ``U @ V.T`` of the singular value decomposition ``U @ S @ V.T`` by Newton-Schulz steps.

    The singular values of the result lie about 1, between .5 and 1.5, which is as good for training as 1. The steps are
    computed in bfloat16, on a CPU in fp32, since many emulate bfloat16.

    Args:
        matrix: ``(rows, columns)``.
        steps: Number of steps.

    Returns:
        ``(rows, columns)``, contiguous.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.to(torch.float32 if matrix.device.type == 'cpu' else torch.bfloat16)
    x = x.T if is_tall else x
    x = x / x.norm().clamp(min=_EPS)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return (x.T if is_tall else x).contiguous()


def is_matrix(parameter: Tensor) -> bool:
    """Whether a parameter is a weight that Muon can update, see :class:`MuonWithAdamW`."""
    return parameter.ndim >= 2 and min(len(parameter), parameter[0].numel()) > 1 and not _is_depthwise(parameter)


def _is_depthwise(parameter: Tensor) -> bool:
    return parameter.ndim > 2 and parameter.shape[1] == 1


def _split_groups(
    params: Iterable[Tensor] | Iterable[dict[str, Any]], use_muon: bool, muon: dict[str, Any]
) -> list[dict[str, Any]]:
    """Split each group into the parameters that Muon updates and the others."""
    groups = []
    given: list[Any] = list(params)
    for group in given if given and isinstance(given[0], dict) else [dict(params=given)]:
        inside: Any = group['params']
        inside = [inside] if isinstance(inside, Tensor) else list(inside)
        matrices = [p for p in inside if group.get('use_muon', use_muon) and is_matrix(p)]
        if any(isinstance(p, DTensor) for p in matrices):
            raise ConfigError('MuonWithAdamW cannot update sharded matrices: take AdamW or Adafactor with FSDP')
        chosen = {id(p) for p in matrices}
        others = [p for p in inside if id(p) not in chosen]
        if matrices:
            groups.append({**muon, **group, 'params': matrices, 'use_muon': True})
        if others:
            groups.append({**group, 'params': others, 'use_muon': False})
    return groups
