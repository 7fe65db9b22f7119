"""Images in shards against files of their own, and how many shards an epoch downloads.

    python benchmarks/shards.py data/us_real

Packs a data root in a temporary folder. First reads all images and masks of a split in random order, as bytes and as
decoded images, as files of their own, from shards in a folder, and from shards in a cache that holds all of them. The
ways take turns, and the best round of each counts. Then draws epochs with TaskAwareBatchSampler and reads their images
and masks through a cache that holds a part of the shards.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mmengine.dataset import DefaultSampler

from aurora_mm.converters.shards import make_shards
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.samplers import TaskAwareBatchSampler
from aurora_mm.images.image_files import read_data
from aurora_mm.images.reading import read_image
from aurora_mm.images.shards.shard_cache import ShardCache
from aurora_mm.images.shards.sharded_root import sharded_root_of


def files_of(item: dict) -> list[str]:
    """Return the image and the masks of an item."""
    return [item['img_path'], *([item['seg_map_path']] if 'seg_map_path' in item else [])]


def rate(read: Callable[[str], object], files: list[str], count: int) -> float:
    order = np.random.default_rng(0).integers(len(files), size=count)
    start = time.perf_counter()
    for place in order:
        read(files[place])
    return count / (time.perf_counter() - start)


def downloads(dataset: FMCUIADataset, window: int | None, epochs: int) -> float:
    """Return the mean number of shards that an epoch downloads. The cache is that of the data set."""
    batches = TaskAwareBatchSampler(
        DefaultSampler(dataset, seed=0), 8, dict(type='aurora_mm.SizePolicy', power='sqrt'), 'all', shard_window=window
    )
    batches.set_progress({}, {})
    root = sharded_root_of(dataset.get_data_info(0)['img_path'])
    source = root.source if root is not None else None
    assert isinstance(source, ShardCache)
    for file in source.folder.glob('*.tar'):
        file.unlink()
    before = source.downloads
    for epoch in range(epochs):
        batches.sampler.set_epoch(epoch)
        for batch in batches:
            for index in batch:
                for path in files_of(dataset.get_data_info(int(index))):
                    read_data(path)
    return (source.downloads - before) / epochs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data', type=Path, help='data root')
    parser.add_argument('--rounds', type=int, default=4)
    parser.add_argument('--reads', type=int, default=300, help='files that are decoded in a round (default: 300)')
    parser.add_argument('--shard-mb', type=float, default=1.0)
    parser.add_argument('--epochs', type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_shards(args.data, f'{folder}/shards', args.shard_mb)
        cache = dict(folder=f'{folder}/cache', max_gb=1e3)
        ways = {
            'files': FMCUIADataset(str(args.data)),
            'shards': FMCUIADataset(f'{folder}/shards'),
            'cached shards': FMCUIADataset(f'file://{folder}/shards', shard_cache=cache),
        }
        files = {way: [path for item in data.data_list for path in files_of(item)] for way, data in ways.items()}
        best = {way: [0.0, 0.0] for way in ways}
        for _ in range(args.rounds):
            for way, paths in files.items():
                best[way][0] = max(best[way][0], rate(read_data, paths, 10 * args.reads))
                best[way][1] = max(best[way][1], rate(read_image, paths, args.reads))
        print('| | as bytes, a second | against files | decoded, a second | against files |\n|---|---|---|---|---|')
        for way, (raw, decoded) in best.items():
            ratios = raw / best['files'][0], decoded / best['files'][1]
            print(f'| {way} | {raw:,.0f} | {ratios[0]:.2f} | {decoded:,.0f} | {ratios[1]:.2f} |')
        shards = len(np.unique(ways['cached shards'].shards()))
        print(f'\n{len(ways["files"])} items of {len(ways["files"].tasks)} tasks, images in {shards} shards\n')
        print('| shards in the cache | all shards | ' + ' | '.join(f'window {window}' for window in (1, 2)) + ' |')
        print('|---|---|---|---|')
        for part in (0.25, 0.5, 0.75):
            kept = math.ceil(part * shards)
            cache = dict(folder=f'{folder}/{kept}', max_gb=kept * args.shard_mb / 1e3)
            data = FMCUIADataset(f'file://{folder}/shards', shard_cache=cache)
            found = [downloads(data, window, args.epochs) for window in (None, 1, 2)]
            print(f'| {kept} of {shards} | ' + ' | '.join(f'{count:.0f}' for count in found) + ' |')


if __name__ == '__main__':
    main()
