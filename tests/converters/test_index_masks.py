"""Masks of 0 and 255 (or any values, one a class) as class indices; nothing else of the data changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from aurora_mm.converters import fmc_to_mmseg, index_masks, mmseg_to_fmc
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import ConfigError, DataError
from tests.fixtures.fmc_root import FmcRoot

MASK = np.zeros((48, 64), np.uint8)
MASK[10:20, 8:24] = 1


def items(root, split='all'):
    dataset = FMCUIADataset(str(root), split, serialize_data=False)
    return [dataset.get_data_info(index) for index in range(len(dataset))]


@pytest.fixture
def root(fmc_root):
    """A task of two classes with 0 and 255 in its masks, and one of every other type."""
    rows = [fmc_root.seg_row(i, num_classes=2, mask_path=fmc_root.array(f'm/{i}.png', MASK * 255)) for i in range(3)]
    fmc_root.csv('a', rows)
    fmc_root.csv('b', [fmc_root.cls_row(i) for i in range(3)])
    fmc_root.csv('c', [fmc_root.det_row(i) for i in range(3)])
    fmc_root.csv('d', [fmc_root.point_row(i) for i in range(3)])
    return fmc_root


@pytest.mark.parametrize('link', [False, True])
def test_values_become_classes(root, tmp_path, link):
    before = items(root.path)
    index_masks(root.path, tmp_path / 'out', [0, 255], link=link)
    after = items(tmp_path / 'out')
    keys = ('task', 'image_path', 'mask_path', 'gt_label', 'bbox', 'points')
    key = lambda item: (item['task'], item['image_path'])  # noqa: E731
    for old, new in zip(sorted(before, key=key), sorted(after, key=key), strict=True):
        assert [old.get(k) for k in keys] == [new.get(k) for k in keys]
    masks = [cv2.imread(item['seg_map_path'], cv2.IMREAD_UNCHANGED) for item in after if 'seg_map_path' in item]
    assert len(masks) == 3
    assert all((mask == MASK).all() for mask in masks)
    source = cv2.imread(str(root.path / 'm/0.png'), cv2.IMREAD_UNCHANGED)
    assert (source == MASK * 255).all()


def test_every_split_is_written(root, tmp_path):
    (tmp_path / 'splits').mkdir()
    root.path.rename(tmp_path / 'splits/train')
    index_masks(tmp_path / 'splits', tmp_path / 'out', [0, 255])
    assert len(items(tmp_path / 'out', 'train')) == 12


def test_tasks_are_chosen_by_their_number_of_classes_or_by_name(root, tmp_path):
    root.csv('e', [root.seg_row(i, task_id='three', image_path=root.image(f'e/{i}.png', i)) for i in range(3, 6)])
    index_masks(root.path, tmp_path / 'out', [0, 255])
    values = {
        item['task']: np.unique(cv2.imread(item['seg_map_path'], cv2.IMREAD_UNCHANGED)).tolist()
        for item in items(tmp_path / 'out')
        if 'seg_map_path' in item
    }
    assert values == {'organs': [0, 1], 'three': [0, 1, 2]}
    for include, said in (
        (['organ'], "no segmentation task 'organ'; tasks are organs"),
        (['breast'], "no segmentation task 'breast'"),
        (['three'], "not one each for the 3 classes of task 'three'"),
    ):
        with pytest.raises(ConfigError, match=said):
            index_masks(root.path, tmp_path / 'other', [0, 255], include=include)


@pytest.mark.parametrize(
    ('mask', 'said'),
    [
        (MASK, r'has values \[1\] besides \[0, 255\]'),
        (MASK * 254, r'has values \[254\] besides'),
        (np.dstack([MASK, MASK, MASK * 0]), 'is a colour image'),
    ],
)
def test_other_values_are_refused(root, tmp_path, mask, said):
    root.array('m/1.png', mask)
    with pytest.raises(DataError, match=rf'a\.csv, row 3: mask .*m/1\.png {said}'):
        index_masks(root.path, tmp_path / 'out', [0, 255])
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('values', [[0], [0, 0], [0, 1, 2, 3]])
def test_values_that_fit_no_task(root, tmp_path, values):
    with pytest.raises(ConfigError, match=r'no segmentation task has|not one each'):
        index_masks(root.path, tmp_path / 'out', values)


class TestMmsegFolders:
    @pytest.fixture
    def source(self, tmp_path):
        return self.folder(tmp_path / 'seg', 'train', MASK * 255)

    @staticmethod
    def folder(source, split, mask, name='x', suffix='.png'):
        for kind, pixels in (('img_dir', MASK * 100), ('ann_dir', mask)):
            (source / kind / split).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(source / kind / split / f'{name}{suffix if kind == "ann_dir" else ".png"}'), pixels)
        return source

    TASK = dict(name='lung', classes=['background', 'lung'])

    def test_mask_values(self, source, tmp_path):
        with pytest.raises(DataError, match=r'ann_dir/train/x\.png: this mask has values \[255\]'):
            mmseg_to_fmc(source, tmp_path / 'out', **self.TASK)
        mmseg_to_fmc(source, tmp_path / 'out', mask_values=[0, 255], **self.TASK)
        (item,) = items(tmp_path / 'out', 'train')
        assert (cv2.imread(item['seg_map_path'], cv2.IMREAD_UNCHANGED) == MASK).all()

    @pytest.mark.parametrize(('name', 'split'), [('valid', 'val'), ('training', 'train'), ('validation', 'val')])
    def test_splits_under_other_names(self, tmp_path, name, split):
        """They were left out, and the tool said 'wrote'."""
        mmseg_to_fmc(self.folder(tmp_path / 'seg', name, MASK), tmp_path / 'out', **self.TASK)
        assert len(items(tmp_path / 'out', split)) == 1

    def test_a_folder_that_is_no_split(self, tmp_path):
        source = self.folder(tmp_path / 'seg', 'train', MASK)
        self.folder(source, 'holdout', MASK)
        with pytest.raises(DataError, match='ann_dir/holdout: is no folder of a split: train, training'):
            mmseg_to_fmc(source, tmp_path / 'out', **self.TASK)

    @pytest.mark.parametrize('suffix', ['.PNG', '.tif'])
    def test_a_mask_that_would_be_passed_over(self, tmp_path, suffix):
        source = self.folder(tmp_path / 'seg', 'train', MASK)
        self.folder(source, 'train', MASK, 'y', suffix)
        with pytest.raises(DataError, match=rf"y\{suffix}: is no mask: their names end with '\.png'"):
            mmseg_to_fmc(source, tmp_path / 'out', **self.TASK)

    def test_a_mask_of_another_size(self, tmp_path):
        source = self.folder(tmp_path / 'seg', 'train', MASK[:, :-1])
        with pytest.raises(DataError, match=r'x\.png: this mask has \(height, width\) \(48, 63\) .* \(48, 64\)'):
            mmseg_to_fmc(source, tmp_path / 'out', **self.TASK)

    def test_a_list_that_names_an_image_twice(self, tmp_path):
        source = self.folder(tmp_path / 'seg', 'train', MASK)
        (source / 'train.txt').write_text('x\nx\n')
        with pytest.raises(DataError, match=r"train\.txt: lists 'x' twice"):
            mmseg_to_fmc(source, tmp_path / 'out', **self.TASK)
        (source / 'train.txt').write_bytes(b'\xff\xfe')
        with pytest.raises(DataError, match=r'train\.txt: cannot be read as UTF-8'):
            mmseg_to_fmc(source, tmp_path / 'out', **self.TASK)

    @pytest.mark.parametrize(
        'text', ['', '[]', '{}', '{"name": "../x", "type": "segmentation", "classes": ["a", "b"]}']
    )
    def test_a_description_of_no_task(self, tmp_path, text):
        source = self.folder(tmp_path / 'seg', 'train', MASK)
        (source / 'task.json').write_text(text)
        with pytest.raises(DataError, match=r'task\.json: '):
            mmseg_to_fmc(source, tmp_path / 'out')


def test_images_of_16_bits_and_turned_ones_become_what_mmseg_reads_alike(fmc_root, tmp_path):
    """mmseg would read 12 bits nearly black, and turn neither image nor mask."""
    ramp = (np.arange(48 * 64).reshape(48, 64) * 255 // (48 * 64 - 1)).astype(np.uint8)
    rows = [fmc_root.seg_row(0, image_path=fmc_root.array('deep.png', ramp.astype(np.uint16) << 4))]
    exif = Image.Exif()
    exif[0x0112] = 3
    mask = np.zeros((48, 64), np.uint8)
    mask[:5, :9] = 2
    for name, pixels in (('turned.png', ramp), ('turned_mask.png', mask)):
        Image.fromarray(pixels).save(fmc_root.path / name, exif=exif)
    rows.append(fmc_root.seg_row(1, image_path='../turned.png', mask_path='../turned_mask.png'))
    fmc_root.path.joinpath('csv_files').rmdir()
    train = FmcRoot(fmc_root.path / 'train')
    for file in fmc_root.path.iterdir():
        if file.name != 'train':
            file.rename(train.path / file.name)
    train.csv('a', rows)
    fmc_to_mmseg(fmc_root.path, tmp_path / 'out')
    folder = tmp_path / 'out/organs'
    for name, expected in (('deep', ramp), ('turned', ramp[::-1, ::-1])):
        image = cv2.imread(str(folder / f'img_dir/train/{name}.png'), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(image, expected)
    stored = cv2.imread(str(folder / 'ann_dir/train/turned.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, mask[::-1, ::-1])
