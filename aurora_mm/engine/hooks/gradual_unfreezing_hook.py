"""Training of an encoder from its last layers to its first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from aurora_mm.console import show
from aurora_mm.engine.optim import GradientSurgeryOptimWrapper
from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones import BaseEncoder
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class GradualUnfreezingHook(Hook):
    """Freezes the encoder at first, and lets its layers learn from the last to the first (ULMFiT, ACL 2018).

    The encoder is any backbone with ``frozen_stages``: an encoder of this package, which counts layers, or one of mmdet
    or mmseg, which counts stages. Build it with ``frozen_stages=-1``, so that the optimiser knows all parameters. Those
    that are frozen get no gradient, so the optimiser neither changes nor decays them, and its state of each begins with
    its first update. Their BatchNorm keeps its statistics. What is frozen follows from the epoch alone, so a
    resumed run goes on as an unbroken one.

    On several ranks ``model_wrapper_cfg`` needs ``find_unused_parameters=True``, as the configs of this package have
    it. With ``torch.compile`` each change compiles once more.

    Args:
        stages: Pairs ``(begin, frozen_stages)`` with rising ``begin``: the epochs done before the value of
            ``frozen_stages`` holds, as in MMEngine's ``param_scheduler``. The first begins at 0. For EfficientNet-Lite0
            with 16 blocks, ``[(0, 16), (1, 11), (2, 5), (3, -1)]`` trains without the encoder in the first epoch and
            with all of it from the fourth on.

    Raises:
        ConfigError: If ``stages`` are not such pairs; when training begins, if the backbone has no ``frozen_stages``,
            or the optimiser does not have all its parameters.

    Example:
        >>> custom_hooks = [dict(type='GradualUnfreezingHook', stages=[(0, 16), (2, 8), (4, -1)])]
    """

    def __init__(self, stages: Sequence[tuple[int, int]]) -> None:
        begins = [begin for begin, _ in stages]
        if not begins or begins[0] != 0 or any(later <= sooner for sooner, later in pairwise(begins)):
            raise ConfigError(f'stages of GradualUnfreezingHook must begin at 0 and at later epochs, not at {begins}')
        self.stages = [(begin, frozen) for begin, frozen in stages]
        self._learned: list[nn.Parameter] = []  # the backbone's parameters that learn when nothing is frozen
        self._frozen: int | None = None

    def before_train(self, runner: Runner) -> None:
        """Check that everything can be unfrozen, and freeze what is frozen at this epoch."""
        backbone = _backbone(runner)
        if not self._learned:
            self._learned = [parameter for parameter in backbone.parameters() if parameter.requires_grad]
        known = {id(p) for group in runner.optim_wrapper.optimizer.param_groups for p in group['params']}
        if not self._learned or any(id(parameter) not in known for parameter in self._learned):
            raise ConfigError(
                'GradualUnfreezingHook needs a backbone whose parameters the optimiser has: build it with '
                "frozen_stages=-1, and leave it out of the model's `frozen`"
            )
        if getattr(backbone, 'frozen_stages', -1) >= 0:
            raise ConfigError('GradualUnfreezingHook sets frozen_stages itself: build the backbone with -1')
        if isinstance(runner.optim_wrapper, GradientSurgeryOptimWrapper):
            runner.optim_wrapper.await_parameters(self._learned)
        self._freeze(runner, backbone)

    def before_train_epoch(self, runner: Runner) -> None:
        """Unfreeze what learns from this epoch on."""
        self._freeze(runner, _backbone(runner))

    def after_train(self, runner: Runner) -> None:
        """Let everything learn again, so that the model can be trained further."""
        for parameter in self._learned:
            parameter.requires_grad_(True)

    def _freeze(self, runner: Runner, backbone: Any) -> None:
        frozen = next(value for begin, value in reversed(self.stages) if begin <= runner.epoch)
        if frozen == self._frozen:
            return
        self._frozen = frozen
        for parameter in self._learned:
            parameter.requires_grad_(True)
        if isinstance(backbone, BaseEncoder):
            backbone.freeze(frozen)
        else:
            backbone.frozen_stages = frozen
        backbone.train(backbone.training)  # frozen BatchNorm goes to eval mode; mmdet's backbones freeze here
        count = sum(parameter.requires_grad for parameter in self._learned)
        show(runner.logger, f'frozen_stages {frozen}: {count} of {len(self._learned)} parameters of the encoder learn')


def _backbone(runner: Runner) -> Any:
    backbone = getattr(unwrap_model(runner.model), 'backbone', None)
    if not isinstance(backbone, BaseEncoder) and not hasattr(backbone, 'frozen_stages'):
        raise ConfigError(f'GradualUnfreezingHook needs a backbone with frozen_stages, not {type(backbone).__name__}')
    return backbone
