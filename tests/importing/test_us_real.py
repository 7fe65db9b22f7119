"""The recipe of the real data set, from trees as its three sources are published to the rows and pixels of the set.

The sources are made from the set itself: outlines from masks, a mask file for each lesion, grey images with three equal
channels, and images beside them that the recipe does not take.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from aurora_mm.cli.main import main
from aurora_mm.importing import read_recipe
from tests.importing import trees

REPO = Path(__file__).resolve().parents[2]
SEVERAL_LESIONS = ('benign_100', 'benign_315')  # the others with several parts have one mask file
SPLITS = ('train', 'val')


@pytest.fixture(scope='module')
def real() -> Path:
    root = os.environ.get('AURORA_REAL_DATA')
    if root is None:
        pytest.skip('AURORA_REAL_DATA names no data set to read')
    return Path(root)


def rows_of(root: Path, split: str, task: str) -> list[dict[str, str]]:
    with (root / split / 'csv_files' / f'{task}.csv').open(newline='') as file:
        return list(csv.DictReader(file))


def grey(file: Path) -> np.ndarray:
    return cv2.imread(str(file), cv2.IMREAD_UNCHANGED)


def link(source: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(source.resolve())


def publish_heads(real: Path, root: Path) -> None:
    """A line of 3 pixels, which the border of the image cuts off."""
    for split in SPLITS:
        for row in rows_of(real, split, 'fetal_head'):
            image, mask = (real / split / 'csv_files' / row[key] for key in ('image_path', 'mask_path'))
            link(image, root / 'training_set' / image.name)
            filled = grey(mask)
            line = filled - cv2.erode(filled, np.ones((5, 5), np.uint8), borderValue=1)
            trees.save(root / 'training_set' / f'{image.stem}_Annotation.png', line * 255)
    for name in ('000_HC', '999_HC'):
        trees.save(root / 'training_set' / f'{name}.png', trees.picture(0))
        trees.save(root / 'training_set' / f'{name}_Annotation.png', cv2.Canny(trees.mask(255), 50, 100))
    trees.save(root / 'test_set' / '662_HC.png', trees.picture(1))
    trees.text(root / 'training_set' / 'training_set_pixel_size_and_HC.csv', 'filename,pixel size(mm)\n')


def publish_breasts(real: Path, root: Path) -> None:
    for split in SPLITS:
        masks = {Path(row['image_path']).stem: row['mask_path'] for row in rows_of(real, split, 'breast_lesion')}
        for number, row in enumerate(rows_of(real, split, 'breast_3cls')):
            image = real / split / 'csv_files' / row['image_path']
            kind, _, index = image.stem.partition('_')
            target = root / kind / f'{kind} ({index}).png'
            if number % 10:
                link(image, target)
            else:
                trees.save(target, cv2.cvtColor(grey(image), cv2.COLOR_GRAY2BGR))
            mask = np.zeros_like(grey(image))
            if image.stem in masks:
                mask = grey(real / split / 'csv_files' / masks[image.stem])
            parts = cv2.connectedComponents(mask)[1] if image.stem in SEVERAL_LESIONS else mask
            for part in range(1, max(parts.max(), 1) + 1):
                end = f'_{part - 1}' if part > 1 else ''
                trees.save(root / kind / f'{kind} ({index})_mask{end}.png', (parts == part).astype(np.uint8) * 255)
    for kind in ('benign', 'malignant', 'normal'):
        trees.save(root / kind / f'{kind} (999).png', trees.picture(2))
        trees.save(root / kind / f'{kind} (999)_mask.png', trees.mask(255))


def publish_nerves(real: Path, root: Path) -> None:
    for split in SPLITS:
        for row in rows_of(real, split, 'nerve_vessel_multi'):
            for key, kind in (('image_path', 'images'), ('mask_path', 'masks')):
                file = real / split / 'csv_files' / row[key]
                link(file, root / 'dataset' / kind / file.name)
    for folder, name in (('', '0003'), ('test/', '0004')):
        trees.save(root / 'dataset' / f'{folder}images' / f'{name}.png', trees.picture(3))
        trees.save(root / 'dataset' / f'{folder}masks' / f'{name}.png', trees.mask(1, 2))


@pytest.fixture(scope='module')
def built(real, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('us_real')
    publish_heads(real, root / 'HC18')
    publish_breasts(real, root / 'Dataset_BUSI_with_GT')
    publish_nerves(real, root / 'nerves')
    folders = [f'hc18={root}/HC18', f'busi={root}/Dataset_BUSI_with_GT', f'usgra-seg={root}/nerves']
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        main(['build-data', 'us_real', str(root / 'out'), '--link', '--source', *folders])
    (root / 'printed.txt').write_text(printed.getvalue())
    return root / 'out'


@pytest.mark.parametrize('split', SPLITS)
@pytest.mark.parametrize('task', sorted(read_recipe('us_real').rows))
def test_rows_and_pixels_are_those_of_the_set(real, built, split, task):
    """All labels are equal, those with a fit too: coordinates are rounded to a tenth of a pixel in both."""
    expected, found = rows_of(real, split, task), rows_of(built, split, task)
    assert len(found) == len(expected) > 0
    for true, row in zip(expected, found, strict=True):
        assert Path(row['image_path']).stem.replace(' (', '_').rstrip(')') == Path(true['image_path']).stem
        for column in true:
            if column in ('image_path', 'mask_path'):
                before, after = real / split / 'csv_files' / true[column], built / split / 'csv_files' / row[column]
                if before.resolve() != after.resolve():
                    np.testing.assert_array_equal(grey(after), grey(before))
            elif column.endswith('_xy'):
                assert json.loads(row[column]) == json.loads(true[column])
            elif column in ('x_min', 'y_min', 'x_max', 'y_max'):
                assert float(row[column]) == float(true[column])
            else:
                assert row[column] == true[column]


def test_the_command_says_that_pixels_are_those_of_the_set(built):
    printed = (built.parent / 'printed.txt').read_text()
    for name in ('hc18', 'busi', 'usgra-seg'):
        assert f'{name}: images and masks are those of the recipe, pixel by pixel' in printed


def test_nothing_else_is_in_it(real, built):
    for split in SPLITS:
        tasks = {file.name for file in (real / split / 'csv_files').iterdir()}
        assert {file.name for file in (built / split / 'csv_files').iterdir()} == tasks
    assert {file.name for file in built.iterdir()} == {*SPLITS, 'tasks.py'}


def test_trainings_begin_the_same(real, built):
    """The first batches are equal, with their augmentation."""
    inputs = []
    for root in (real, built):
        config = Config.fromfile(str(REPO / 'configs' / 'aurora_us_real.py')).train_dataloader
        config.dataset.data_root = str(root)
        config.update(num_workers=0, persistent_workers=False)
        with DefaultScope.overwrite_default_scope('aurora_mm'):
            loader = Runner.build_dataloader(config, seed=0)
            loader.batch_sampler.set_progress({}, {})
            inputs.append([image for batch in itertools.islice(loader, 3) for image in batch['inputs']])
    assert len(inputs[0]) == len(inputs[1]) == 24
    for expected, found in zip(*inputs, strict=True):
        np.testing.assert_array_equal(found, expected)
