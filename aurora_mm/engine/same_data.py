"""Check that all processes of a run read the same data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from mmengine.dist import all_gather_object, get_world_size
from mmengine.runner import Runner

from aurora_mm.datasets.image_fingerprints import FINGERPRINTS
from aurora_mm.errors import DataError


def require_same_data(runner: Runner) -> None:
    """Check that the training and validation data have the same images and tasks in all processes.

    Samplers deal the indices of one data set to the processes. With data of another length in one of them, an epoch has
    more steps there, and the processes wait for each other without end; with other rows of the same number, some images
    are seen twice and others never. Each machine may have a copy of its own, which can be an older one.

    Args:
        runner: The runner, before its first step. Every process must call the function.

    Raises:
        DataError: In all processes, if the data differs.
    """
    if get_world_size() == 1:
        return
    loaders = {'training': runner.train_dataloader}
    if runner.val_loop is not None:
        loaders['validation'] = runner.val_loop.dataloader
    first, *others = all_gather_object({name: _facts(loader.dataset) for name, loader in loaders.items()})
    for rank, other in enumerate(others, start=1):
        for name in loaders:
            for fact, value in first[name].items():
                if other[name][fact] != value:
                    raise DataError(
                        f'the processes of this run read different {name} data: {fact} are {value} in process 0 and '
                        f'{other[name][fact]} in process {rank}; give all machines the same data'
                    )


def _facts(dataset: Any) -> dict[str, Any]:
    """Return what is compared, by name: numbers, and checksums of what is long."""
    metainfo: Mapping[str, Any] = getattr(dataset, 'metainfo', None) or {}
    counts = metainfo.get('images_per_task', {})
    packed = metainfo.get(FINGERPRINTS)
    return {
        'rows': len(dataset),
        'images of tasks': ', '.join(f'{name} {count}' for name, count in counts.items()) or 'not known',
        'contents of images': 'not known' if packed is None else hashlib.sha256(packed.encode()).hexdigest()[:12],
    }
