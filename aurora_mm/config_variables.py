"""Variables of a config that several of its parts depend on.

MMEngine reads a config file once: a variable that is set later, on the command line or in a child config, changes
nothing that was made from it. Here such a variable reaches its parts, or the config is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

from aurora_mm.errors import ConfigError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def set_image_size(cfg: Config, size: int | Sequence[int]) -> Config:
    """Sets the network's input size in every pipeline of a config.

    Args:
        cfg: Changed in place: ``img_size`` and every ``FitToSize``.
        size: One side of a square, or (height, width), in pixels.
    """
    cfg.img_size = size
    for step in _fitting_steps(cfg):
        step['size'] = size
    return cfg


def check_image_size(cfg: Config) -> None:
    """Checks that a config's ``img_size``, if it has one, is the size of at least one of its pipelines.

    Raises:
        ConfigError: If it is the size of none, as in a child config that sets ``img_size`` alone.
    """
    size = cfg.get('img_size')
    sizes = {_pair(step['size']) for step in _fitting_steps(cfg) if 'size' in step}
    if size is not None and sizes and _pair(size) not in sizes:
        found = ', '.join(f'{height} x {width}' for height, width in sorted(sizes))
        raise ConfigError(
            f'img_size is {size}, but FitToSize in the pipelines says {found}: MMEngine reads a variable when it '
            'parses the file that the pipelines are in. Repeat the pipelines where img_size is changed, or give '
            '--cfg-options img_size=N, which reaches all of them'
        )


def _fitting_steps(cfg: Config) -> Iterator[dict[str, Any]]:
    """Every ``FitToSize`` of a config."""
    for key in LOADERS:
        dataset = (cfg.get(key) or {}).get('dataset') or {}
        for part in (dataset, *dataset.get('datasets', ())):
            yield from _of(part.get('pipeline') or ())
    yield from _of(cfg.get('tta_pipeline') or ())


def _of(steps: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for step in steps:
        if isinstance(step, Mapping):
            if str(step.get('type')).rsplit('.', 1)[-1] == 'FitToSize':
                yield step
            for options in step.get('transforms', ()):  # TestTimeAug has lists of them
                yield from _of(options if isinstance(options, list) else [options])


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])
