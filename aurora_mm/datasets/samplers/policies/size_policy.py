"""A sampling policy by the number of images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aurora_mm.datasets.samplers.policies.sampling_policy import SamplingPolicy, TaskProgress
from aurora_mm.errors import ConfigError
from aurora_mm.registry import DATA_SAMPLERS

POWERS = dict(uniform=0.0, sqrt=0.5, proportional=1.0)


@DATA_SAMPLERS.register_module()
class SizePolicy(SamplingPolicy):
    """``p(task) ~ images^power``.

    Args:
        power: A number; or ``'uniform'`` for 0, ``'sqrt'`` for 0.5, or ``'proportional'`` for 1, with which an epoch
            uses each image once.
        temperature: Temperature T of ``images^(1 / T)``, as in mT5 (https://arxiv.org/abs/2010.11934), instead of
            ``power``. It must be above 0.

    Raises:
        ConfigError: If not exactly one of the two arguments is given, a name is unknown, or the temperature is not
            above 0.
    """

    def __init__(self, power: float | str | None = None, temperature: float | None = None) -> None:
        if (power is None) == (temperature is None):
            raise ConfigError(f'SizePolicy takes power or temperature, not {power!r} and {temperature!r}')
        if temperature is not None:
            if temperature <= 0:
                raise ConfigError(f'SizePolicy: temperature {temperature} is not above 0')
            power = 1 / temperature
        if isinstance(power, str):
            if power not in POWERS:
                raise ConfigError(f'SizePolicy: power {power!r} is no number and none of {", ".join(POWERS)}')
            power = POWERS[power]
        self.power = power

    def log_weights(self, tasks: Sequence[TaskProgress]) -> np.ndarray:
        """See :class:`SamplingPolicy`."""
        return self.power * np.log([task.images for task in tasks])
