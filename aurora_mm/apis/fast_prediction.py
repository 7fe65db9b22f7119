"""Switches that make predictions faster: ``torch.compile``, and bfloat16 in the encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from aurora_mm.errors import ConfigError
from aurora_mm.models import EnsembleModel, MultiTaskModel
from aurora_mm.models.utils.cuda_graphs import refuse_cuda_graphs
from aurora_mm.models.utils.unwrap_model import unwrap_model


def speed_up(model: nn.Module, compile: bool | Mapping[str, Any] = False, amp: bool = False) -> None:
    """Change a model, on its device, such that it predicts faster.

    Necks run compiled but in fp32, and heads, codecs and all that follows stay as they are: this is where rounding
    would move boxes and points.

    Args:
        model: A :class:`aurora_mm.models.MultiTaskModel` or an ensemble of them, which may be inside of a wrapper of
            MMEngine or average over views.
        compile: True compiles encoder, detail branch and necks by ``torch.compile`` when they first run, which takes
            up to some minutes; a dict gives arguments of ``torch.compile``.
        amp: Whether encoder and detail branch run in bfloat16 where torch's autocast deems it safe. Their maps are
            converted to fp32.

    Raises:
        ConfigError: If this machine cannot compile, ``compile`` would record CUDA graphs, or the device has no
            bfloat16.
    """
    whole = unwrap_model(model)
    members: Sequence[MultiTaskModel] = list(whole.members) if isinstance(whole, EnsembleModel) else [whole]
    if amp:
        require_bfloat16(next(model.parameters()).device)
        for member in members:
            member.encoder_dtype = torch.bfloat16
    if compile is not False:
        options = {} if compile is True else dict(compile)
        refuse_cuda_graphs(options, 'compile')
        require_compiler(next(model.parameters()).device, options)
        for member in members:
            parts: list[nn.Module | None] = [member.backbone, member.detail, *member.necks.values()]
            for part in parts:
                if part is not None:
                    part.compile(**options)


def require_bfloat16(device: torch.device) -> None:
    """Check that a device computes in bfloat16.

    Args:
        device: Device of the model.

    Raises:
        ConfigError: If it does not.
    """
    try:
        with torch.autocast(device.type, torch.bfloat16):
            pass
        works = device.type != 'cuda' or torch.cuda.is_bf16_supported(including_emulation=False)
    except RuntimeError:
        works = False
    if not works:
        raise ConfigError(f'--amp (amp=True) needs bfloat16, which the device {device} does not have: leave it out')


def require_compiler(device: torch.device, options: Mapping[str, Any]) -> None:
    """Check that ``torch.compile`` works here, by compiling a function of one line.

    Args:
        device: Device of the model.
        options: Arguments of ``torch.compile``.

    Raises:
        ConfigError: If it does not work. The message has the reason of torch.
    """
    try:
        torch.compile(_line, **options)(torch.ones(4, device=device))
    except (torch._dynamo.exc.TorchDynamoException, RuntimeError, ImportError, OSError, TypeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f'--compile (compile=True) does not work on this machine ({reason}): torch.compile needs a C++ compiler, '
            'such as g++, on a CPU, and Triton on a GPU. Leave it out, or install one'
        ) from error


def _line(x: torch.Tensor) -> torch.Tensor:
    return x.sin() + 1
