"""Tells how well the distance of features separates other images from the model's own validation images.

    python benchmarks/unlike_images.py configs/aurora_us_real.py epoch_12.pth --data-root DATA

Prints the AUROC of validation images against phantoms, against photographs, and for each organ against the images of
that organ when the distance is fitted without them; and the share of images beyond the limit that 5 % of validation
images exceed. The encoder itself has seen all organs of its training data.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import DefaultScope
from skimage import data as photographs
from sklearn.datasets import load_sample_images
from sklearn.metrics import roc_auc_score

from aurora_mm.apis import MultiTaskInferencer, adopt_checkpoint, read_config
from aurora_mm.calibration.feature_distance import FeatureDistance, pool
from aurora_mm.fitting.calibrate_checkpoint import FLAGGED
from aurora_mm.phantoms import make_dataset
from aurora_mm.registry import DATASETS
from aurora_mm.tables import markdown_table
from aurora_mm.tasks import TaskTable

NAMES = ('astronaut', 'camera', 'cat', 'coffee', 'coins', 'rocket', 'chelsea', 'immunohistochemistry', 'page', 'moon')


class Features:
    """Computes pooled features of images by a trained model."""

    def __init__(self, checkpoint: str) -> None:
        self.inferencer = MultiTaskInferencer(checkpoint, show_progress=False)
        self.model = self.inferencer.model

    @torch.no_grad()
    def __call__(self, images: list) -> np.ndarray:
        """Return ``(N, D)`` of paths or BGR arrays."""
        task = next(iter(self.inferencer.tasks.values()))
        found = []
        for image in images:
            row = dict(img_path=image) if isinstance(image, str) else dict(img=image, img_path='')
            item = self.inferencer.pipeline(dict(img_id=0, **row, **task.item_fields()))
            inputs = self.model.data_preprocessor(self.inferencer.collate_fn([item]))['inputs']
            found.append(pool(self.model.extract_feat(inputs))[0])
        return np.stack(found)


def images_by_organ(dataset_cfg: dict) -> dict[str, list[str]]:
    """Paths of the images of a data set, each once, by the folder that they lie in."""
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        dataset = DATASETS.build(dict(dataset_cfg) | dict(pipeline=[], test_mode=True, serialize_data=False))
    paths = sorted({info['img_path'] for info in dataset.data_list})
    organs: dict[str, list[str]] = {}
    for path in paths:
        folder = Path(path).parent
        organs.setdefault(folder.parent.name if folder.name == 'img' else folder.name, []).append(path)
    return organs


def photos() -> list[np.ndarray]:
    """Colour and grey photographs that come with scikit-image and scikit-learn, whole and in parts, as BGR."""
    whole = [getattr(photographs, name)() for name in NAMES if name in photographs.__all__]
    whole += load_sample_images().images
    found = []
    for image in whole:
        image = np.stack([image] * 3, axis=2) if image.ndim == 2 else image[..., :3]
        image = np.ascontiguousarray(image[..., ::-1])
        height, width = (side // 2 for side in image.shape[:2])
        found += [image, image[:height, :width], image[height:, width:], image[:height, width:], image[height:, :width]]
    return [np.ascontiguousarray(image) for image in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--data-root', required=True)
    args = parser.parse_args()
    cfg = adopt_checkpoint(read_config(args.config), args.checkpoint, args.data_root)
    features = Features(args.checkpoint)
    parts = {
        name: {organ: features(paths) for organ, paths in images_by_organ(cfg[name].dataset).items()}
        for name in ('train_dataloader', 'val_dataloader')
    }
    train, val = parts['train_dataloader'], parts['val_dataloader']
    rows = []

    def add(name: str, distance: FeatureDistance, own: np.ndarray, other: np.ndarray) -> None:
        inside, outside = distance(own), distance(other)
        auroc = roc_auc_score([0] * len(inside) + [1] * len(outside), [*inside, *outside])
        rows.append((name, str(len(other)), f'{auroc:.3f}', f'{100 * (outside > distance.limit).mean():.0f} %'))

    own = np.concatenate(list(val.values()))
    distance = FeatureDistance.fit(np.concatenate(list(train.values())), own, 1 - FLAGGED)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / 'phantoms'
        make_dataset(root, TaskTable(cfg.tasks), 12)
        files = sorted(str(file) for file in root.rglob('images/*.png'))
        add('phantoms', distance, own, features(files))
    add('photographs', distance, own, features(photos()))
    for organ in train:
        others = np.concatenate([part for name, part in train.items() if name != organ])
        own_others = np.concatenate([part for name, part in val.items() if name != organ])
        without = FeatureDistance.fit(others, own_others, 1 - FLAGGED)
        add(f'{organ}, distance fitted without it', without, own_others, val[organ])
    print(f'{len(own)} validation images')
    print(markdown_table(('images', 'number', 'AUROC', 'flagged'), rows))


if __name__ == '__main__':
    main()
