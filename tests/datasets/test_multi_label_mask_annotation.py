"""Masks of classes that may overlap: layouts of files, unlabelled classes, and where they lie after warping."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.class_masks import bit_coded, read_class_masks
from aurora_mm.datasets.geometry import fit_matrix, flip_matrix
from aurora_mm.datasets.pixel_warping import warp_image
from aurora_mm.datasets.transforms import (
    ApplyGeometry,
    FitToSize,
    LoadTaskAnnotations,
    LoadUltrasoundImage,
    PackMultiTaskInputs,
)
from aurora_mm.errors import DataError
from aurora_mm.images.image_header import BadImage
from aurora_mm.splitting import split_data
from tests.fixtures.type_chain import write_csv

TASK = dict(name='parts', type='multi_label_segmentation', classes=['head', 'left', 'right'], swaps=[('left', 'right')])
ROW = dict(task_id='parts', task_name='multi_label_segmentation', num_classes=3, image_path='../1.png')


def overlapping(shape=(48, 64)):
    """A large class, and two that overlap it and each other."""
    masks = np.zeros((3, *shape), np.uint8)
    masks[0, 8:40, 10:50] = 1
    masks[1, 12:30, 4:30] = 1
    masks[2, 20:36, 24:60] = 1
    return masks


def root_with(tmp_path, cell, masks=None):
    """A data root with one image and the files of its masks; returns a function that loads it."""
    masks = overlapping() if masks is None else masks
    cv2.imwrite(str(tmp_path / '1.png'), np.full(masks.shape[1:], 90, np.uint8))
    for number, mask in enumerate(masks):
        cv2.imwrite(str(tmp_path / f'm{number}.png'), mask * (255 if number == 1 else 1))
    write_csv(tmp_path, 'parts', [ROW | dict(mask_paths=cell)])
    return lambda *steps: load(tmp_path, *steps)


def load(root, *steps):
    dataset = FMCUIADataset(
        str(root), 'all', [TASK], pipeline=[LoadUltrasoundImage(), LoadTaskAnnotations(), *steps, PackMultiTaskInputs()]
    )
    (sample,) = dataset[0]['data_samples']
    return sample.gt_class_masks.data.numpy()


def test_a_file_for_each_class(tmp_path):
    read = root_with(tmp_path, json.dumps(['../m0.png', '../m1.png', '../m2.png']))
    assert (read() == overlapping()).all()


def test_a_class_that_is_not_labelled_is_255_everywhere_also_beyond_the_image(tmp_path):
    read = root_with(tmp_path, json.dumps(['../m0.png', None, '../m2.png']))
    assert (read()[1] == 255).all() and (read()[[0, 2]] == overlapping()[[0, 2]]).all()
    warped = read(FitToSize(96, mode='letterbox'), ApplyGeometry())
    assert (warped[1] == 255).all() and set(np.unique(warped[[0, 2]])) == {0, 1}


def save_bits(file, masks):
    cv2.imwrite(str(file), masks[0] + 2 * masks[1] + 4 * masks[2])


def save_palette(file, masks):
    image = Image.fromarray(masks[0] + 2 * masks[1] + 4 * masks[2])
    image.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])
    image.save(file)


def save_channels(file, masks):
    Image.fromarray(np.ascontiguousarray(np.moveaxis(masks, 0, 2) * 255)).save(file)


def save_pages(file, masks):
    first, *others = (Image.fromarray(mask) for mask in masks)
    first.save(file, save_all=True, append_images=others)


@pytest.mark.parametrize(
    'name,save',
    [('a.png', save_bits), ('a.png', save_palette), ('a.png', save_channels), ('a.tif', save_pages)],
    ids=['bits', 'palette', 'channels', 'pages'],
)
def test_one_file_for_all_classes(tmp_path, name, save):
    save(tmp_path / name, overlapping())
    read = root_with(tmp_path, json.dumps([f'../{name}']))
    assert (read() == overlapping()).all()


def test_bits_of_up_to_sixteen_classes(tmp_path):
    rng = np.random.default_rng(0)
    for count in (1, 8, 9, 16):
        masks = (rng.random((count, 7, 5)) < 0.4).astype(np.uint8)
        cv2.imwrite(str(tmp_path / 'a.png'), bit_coded(masks))
        assert (read_class_masks(tmp_path / 'a.png', count)[0] == masks).all()


@pytest.mark.parametrize(
    'picture,told',
    [
        (np.full((4, 4), 8, np.uint8), r'values \[8\], but 3 classes .* values up to 7'),
        (np.full((4, 4, 3), 2, np.uint8), r'has values \[2\]; channel 1 holds 0 outside'),
        (np.dstack([np.eye(4, dtype=np.uint8) * 255] * 2 + [np.zeros((4, 4), np.uint8)] * 2), 'colour image|alpha'),
    ],
)
def test_files_with_other_values_are_refused(tmp_path, picture, told):
    cv2.imwrite(str(tmp_path / 'a.png'), picture)
    with pytest.raises(BadImage, match=told):
        read_class_masks(tmp_path / 'a.png', 3)


def test_files_with_other_pages_are_refused(tmp_path):
    save_pages(tmp_path / 'a.tif', overlapping()[:2])
    with pytest.raises(BadImage, match='2 pages for 3 classes'):
        read_class_masks(tmp_path / 'a.tif', 3)


@pytest.mark.parametrize(
    'cell,told',
    [
        ('["../m0.png", "../m1.png"]', r'row 2: mask_paths has 2 paths for the 3 classes'),
        ('[null, null, null]', 'row 2: mask_paths labels no class'),
        ('["../m0.png", "../m1.png", "../none.png"]', 'row 2: mask_paths .*none.png.*there is no file'),
        ('../m0.png', 'row 2: mask_paths .* is not a JSON list of texts'),
        ('["../m0.png", 1, 2]', 'row 2: mask_paths .* is not a JSON list of texts'),
        ('["../../m0.png"]', 'row 2: .*leads out of the data root'),
    ],
)
def test_bad_cells_are_told_with_their_row(tmp_path, cell, told):
    with pytest.raises(DataError, match=told):
        root_with(tmp_path, cell)()


@pytest.mark.parametrize('value,told', [(3, r'values \[0, 3\]; the mask of one class'), (1, r'\(48, 63\), its image')])
def test_bad_masks_are_told_with_their_row(tmp_path, value, told):
    read = root_with(tmp_path, json.dumps(['../m0.png', '../m1.png', '../bad.png']))
    mask = overlapping()[2] * value
    cv2.imwrite(str(tmp_path / 'bad.png'), mask if value == 3 else mask[:, :63])
    with pytest.raises(DataError, match=rf'row 2: mask .*bad\.png .*{told}'):
        read()


@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize('size', [24, 31, 64, 100])
def test_masks_lie_where_the_pixels_lie_and_names_trade_places_in_a_mirrored_image(flip, size):
    """Discs keep their area and place on average, as pictures of the same discs have them."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :128] + 0.5
    centres, radii = rng.uniform((34, 34), (94, 62), (16, 2)), rng.uniform(15, 33, 16)
    masks = np.stack([np.hypot(x - cx, y - cy) < r for (cx, cy), r in zip(centres, radii, strict=True)])
    matrix = fit_matrix((96, 128), (size, size))
    if flip:
        matrix = flip_matrix((size, size)) @ matrix
    order = [*range(1, 16), 0]
    row = dict(
        gt_class_masks=masks.astype(np.uint8), homography_matrix=matrix, img_shape=(size, size), flip=flip,
        num_outputs=16, flip_indices=order,
    )  # fmt: skip
    ANNOTATIONS['multi_label_segmentation'].warp(row)
    places, shifts = np.arange(size) + 0.5, []
    for warped, original in zip(row['gt_class_masks'], masks[order if flip else range(16)], strict=True):
        exact = warp_image(original * np.uint8(255), matrix, (size, size)).astype(float) / 255
        assert warped.sum() == pytest.approx(exact.sum(), rel=0.07)
        shifts.append([(warped.sum(i) @ places) / warped.sum() - (exact.sum(i) @ places) / exact.sum() for i in (0, 1)])
    assert np.abs(shifts).max() < 0.5
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.06


def test_a_split_leads_to_the_same_masks(tmp_path):
    root = tmp_path / 'data'
    (root / 'img').mkdir(parents=True)
    rows = []
    for number in range(4):
        cv2.imwrite(str(root / 'img' / f'{number}.png'), np.full((48, 64), 40 * number, np.uint8))
        cv2.imwrite(str(root / f'm{number}.png'), overlapping()[0])
        paths = json.dumps([f'../m{number}.png', None, f'../m{number}.png'])
        rows.append(ROW | dict(image_path=f'../img/{number}.png', mask_paths=paths))
    write_csv(root, 'parts', rows)
    split_data(root, tmp_path / 'split', [TASK], ratios=dict(train=0.5, val=0.5))
    for side in ('train', 'val'):
        (file,) = (tmp_path / 'split' / side / 'csv_files').glob('*.csv')
        assert all(json.loads(row['mask_paths'])[1] is None for row in csv.DictReader(file.open()))
        assert (load(tmp_path / 'split' / side)[0] == overlapping()[0]).all()
