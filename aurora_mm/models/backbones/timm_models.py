"""Models of timm: how they are made, and how their weights are read."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aurora_mm.checkpoints import load_tensors
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.extras import require_extra

# The source of weights that timm itself downloads.
RELEASE = 'timm'
# The file of weights in a folder.
WEIGHTS = 'model.safetensors'
# Arguments of `timm.create_model` that read files and addresses; timm may read a file as a Python pickle.
_SOURCES = ('pretrained', 'pretrained_cfg', 'pretrained_cfg_overlay', 'checkpoint_path', 'cache_dir')
# Keys under which a training of timm keeps its weights; the running mean comes first, as in timm.
_CONTAINERS = ('state_dict_ema', 'model_ema', 'state_dict', 'model')


def import_timm() -> Any:
    """Return the module ``timm``.

    Raises:
        ConfigError: If timm is not installed or cannot be imported.
    """
    require_extra('timm', 'TimmBackbone', 'timm', 'torchvision')
    try:
        import timm
    except (ImportError, RuntimeError, OSError) as error:  # a torchvision made for another torch raises any of these
        raise ConfigError(
            f'TimmBackbone needs timm, which cannot be imported ({error}). timm imports torchvision, which must be the '
            f"release made for torch {torch.__version__}: pip install 'aurora_mm[timm]'"
        ) from error
    return timm


def create_timm_model(name: str, model_args: Mapping[str, Any]) -> nn.Module:
    """Return a model of timm with random weights and without a classifier.

    Where the class of the model has ``dynamic_img_size``, it is switched on, so that images may have any size.

    Args:
        name: Name of the model, with or without the tag of its weights.
        model_args: Arguments of the model's class.

    Raises:
        ConfigError: If timm is missing, or has no such model or weights, or an argument names a source of weights.
    """
    if found := [key for key in _SOURCES if key in model_args]:
        raise ConfigError(f'model_args of TimmBackbone have {found}: weights come from its argument pretrained alone')
    timm = import_timm()
    if not timm.is_model(name):
        near = ', '.join(get_close_matches(name.split('.')[0], timm.list_models(), 3))
        hint = f'; near it: {near}' if near else ''
        raise ConfigError(f'timm {timm.__version__} has no model {name!r}{hint}')
    base, _, tag = name.partition('.')
    if tag and name not in timm.list_pretrained(f'{base}.*'):
        tags = ', '.join(timm.list_pretrained(f'{base}.*')) or 'none'
        raise ConfigError(f'timm {timm.__version__} has no weights {name!r} of {base}; it has {tags}')
    with torch.device('meta'):  # takes neither time nor memory
        parameters = inspect.signature(type(timm.create_model(name, num_classes=0, **model_args)).__init__).parameters
    more = dict(dynamic_img_size=True) if 'dynamic_img_size' in parameters else {}
    model: nn.Module = timm.create_model(name, num_classes=0, **more | dict(model_args))
    return model


@torch.no_grad()
def load_timm_weights(state: Mapping[str, Tensor], name: str, model_args: Mapping[str, Any], source: str) -> None:
    """Fill tensors in place. Nothing changes unless all of them fit.

    A file whose names or shapes are not those of the model, such as a checkpoint of the model's authors or one with
    positions for another ``img_size``, is converted by timm. Then it must hold the whole model with its classifier.

    Args:
        state: The tensors to fill, by their names in the model of timm.
        name: Name of the model.
        model_args: Arguments of the model's class.
        source: ``'timm'`` for the weights that timm downloads, a ``.safetensors`` file or a file of ``torch.save``, or
            a folder with ``model.safetensors``. Nothing of a file is executed.

    Raises:
        WeightsError: If the weights cannot be read or do not fit.
    """
    if source == RELEASE:
        tensors = _converted(name, model_args, None)
    else:
        path = Path(source)
        tensors = load_tensors(path / WEIGHTS if path.is_dir() else path, _CONTAINERS)
        if _faults(state, tensors):
            tensors = _converted(name, model_args, tensors)
    if faults := _faults(state, tensors):
        raise WeightsError(f'{source} does not fit {name!r} of timm; {"; ".join(faults[:5])}')
    for key, tensor in state.items():
        tensor.copy_(tensors[key])


def _faults(state: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> list[str]:
    missing = [key for key in state if key not in tensors]
    return [f'missing: {", ".join(missing[:5])}'] * bool(missing) + [
        f'{key} is {tuple(tensors[key].shape)} and not {tuple(tensor.shape)}'
        for key, tensor in state.items()
        if key in tensors and tensors[key].shape != tensor.shape
    ]


def _converted(name: str, model_args: Mapping[str, Any], tensors: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
    """Return the weights of a model that timm filled, from its download if ``tensors`` is None.

    The model has its classifier, since without one timm would ignore missing tensors.
    """
    overlay = None if tensors is None else dict(state_dict=dict(tensors))
    try:
        model = import_timm().create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **model_args)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        what = 'cannot download the weights' if tensors is None else 'the file does not fit'
        raise WeightsError(f'{what} of {name!r} of timm ({" ".join(str(error).split())[:500]})') from error
    converted: dict[str, Tensor] = model.state_dict()
    return converted
