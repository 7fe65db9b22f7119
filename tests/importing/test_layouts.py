"""Each published layout, from a tiny tree to a data root that training reads."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import DataError
from aurora_mm.importing import ImportOptions, find_tasks, table_of, write_tasks
from aurora_mm.importing.layouts import hc18
from aurora_mm.importing.masks import mask_values_of
from aurora_mm.json_files import read_json_value
from aurora_mm.tables import console_text
from tests.importing import trees

HEAD = ('fetal_head', 'fetal_head_det', 'fetal_head_axes')
SHAPES = {'src_point': 'landmark', 'src_polygon': 'segmentation', 'src_rectangle': 'detection'}
# Layout, how it is called, its tasks with their types, rows by split, options.
CASES = {
    'busi': (
        'BUSI',
        {
            'breast_lesion': 'segmentation',
            'breast_lesion_det': 'multi_object_detection',
            'breast_2cls': 'classification',
            'breast_3cls': 'classification',
        },
        {'': 27},
        {},
    ),
    'hc18': ('HC18', dict(zip(HEAD, ('segmentation', 'detection', 'landmark'), strict=True)), {'': 12}, {}),
    'camus': ('CAMUS', {'cardiac_multi': 'segmentation'}, {'': 6}, {}),
    'tn3k': ('TN3K', {'thyroid_nodule': 'segmentation'}, {'train': 3, 'test': 3}, {}),
    'usgra_seg': ('usgra-seg', {'nerve_vessel_multi': 'segmentation'}, {'train': 3, 'test': 3}, {}),
    'ddti': ('images and masks', {'src': 'segmentation'}, {'': 3}, dict(mask_values=(0, 255))),
    'fh_ps_aop': ('FH-PS-AOP', {'head_symphysis_multi': 'segmentation'}, {'': 3}, {}),
    'pocus': ('a folder for each class', {'src': 'classification'}, {'': 9}, {}),
    'split_class_folders': ('a folder for each class', {'src': 'classification'}, {'train': 6, 'val': 6}, {}),
    'coco': ('COCO', {'src': 'segmentation'}, {'train': 3, 'val': 3}, {}),
    'coco_landmarks': ('COCO', {'src': 'landmark'}, {'train': 3, 'val': 3}, {}),
    'roboflow_coco': ('COCO', {'src': 'detection'}, {'train': 3, 'val': 3}, {}),
    'label_studio_coco': ('COCO', {'src': 'segmentation'}, {'': 3}, {}),
    'fiftyone_coco': ('COCO', {'src': 'detection'}, {'': 3}, {}),
    'cvat_coco': ('COCO', {'src': 'detection'}, {'': 3}, {}),
    'yolo': ('YOLO', {'src': 'detection'}, {'train': 3, 'val': 3}, {}),
    'roboflow_yolo': ('YOLO', {'src': 'detection'}, {'train': 3, 'val': 3}, {}),
    'labelme': ('LabelMe', SHAPES, {'': 9}, {}),
    'via': ('VIA', SHAPES, {'': 9}, {}),
    'via_json': ('VIA', SHAPES, {'train': 9, 'val': 9}, {}),
    'via_csv': ('VIA', SHAPES, {'': 9}, {}),
    'cvat': ('CVAT', SHAPES | {'src_class': 'classification'}, {'': 12}, {}),
    'cvat_masks': ('images and masks', {'src': 'segmentation'}, {'': 3}, {}),
    'label_studio': ('Label Studio', SHAPES | {'src_diagnosis': 'classification'}, {'': 12}, {}),
    'yolo_polygons': ('YOLO', {'src': 'segmentation'}, {'train': 3, 'val': 3}, {}),
    'yolo_points': ('YOLO', {'src': 'landmark'}, {'train': 3, 'val': 3}, {}),
    'pascal_voc': ('Pascal VOC', {'src': 'detection'}, {'train': 3, 'val': 3}, {}),
    'mmseg': ('images and masks', {'src': 'segmentation'}, {'train': 3, 'val': 3}, {}),
    'nnunet': ('nnU-Net raw', {'Nerve': 'segmentation'}, {'': 3}, {}),
    'nnunet_volumes': ('nnU-Net raw', {'Prostate': 'segmentation'}, {'': 6}, {}),
    'table': ('images and a table of labels', {'src': 'classification'}, {'': 6}, {}),
    'masks_beside': ('images and masks', {'src': 'segmentation'}, {'': 3}, {}),
}


def read(root: Path, split: str) -> FMCUIADataset:
    return FMCUIADataset(str(root), split or 'all', test_mode=True)


@pytest.mark.parametrize('layout', CASES)
def test_from_a_folder_to_rows(layout, tmp_path):
    name, tasks, splits, options = CASES[layout]
    getattr(trees, layout)(tmp_path / 'src')
    found_layout, found = find_tasks(tmp_path / 'src', ImportOptions(**options))
    assert found_layout.name == name
    assert {item.task.name: item.task.type for item in found} == tasks
    assert Counter(row.split for item in found for row in item.rows) == splits
    assert all(item.task.name in console_text(table_of(found)) for item in found)

    write_tasks(found, tmp_path / 'out')
    for split in splits:
        rows = read(tmp_path / 'out', split).load_data_list()
        assert len(rows) == splits[split]
        for row in rows:
            _check_answer(row, layout)


def _check_answer(row, layout):
    """What every tree shows: an object in one box, by the eye of another reader."""
    import cv2

    from aurora_mm.images.reading import read_image

    x1, y1, x2, y2 = trees.BOX
    assert read_image(row['img_path']).pixels.shape == (trees.HEIGHT, trees.WIDTH, 3)
    if layout == 'hc18':
        return  # its own test
    if 'seg_map_path' in row:
        stored = cv2.imread(row['seg_map_path'], cv2.IMREAD_UNCHANGED)
        inside = stored[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1]
        assert inside.min() == inside.max()
        assert stored.max() < 8
        assert stored[:5].max() == 0
    elif 'bbox' in row:
        np.testing.assert_allclose(row['bbox'], trees.BOX, atol=1e-3)
    elif 'bboxes' in row:
        np.testing.assert_allclose(row['bboxes'][0], trees.BOX, atol=1e-3)
    elif 'points' in row:
        np.testing.assert_allclose(row['points'], [[x1, y1], [x2, y2]], atol=1e-6)
    else:
        assert row['gt_label'] in (0, 1, 2)


def test_lesions_of_one_image_are_one_mask(tmp_path):
    import cv2

    trees.busi(tmp_path / 'src')
    write_tasks(find_tasks(tmp_path / 'src')[1], tmp_path / 'out')
    rows = {
        Path(row['img_path']).name: row for row in read(tmp_path / 'out', '').load_data_list() if 'seg_map_path' in row
    }
    assert set(rows) == {f'{kind} ({i}).png' for kind in ('benign', 'malignant') for i in (1, 2, 3)}
    np.testing.assert_array_equal(cv2.imread(rows['benign (1).png']['seg_map_path'], -1), trees.mask(1, 1))
    np.testing.assert_array_equal(cv2.imread(rows['benign (2).png']['seg_map_path'], -1), trees.mask(1, 0))


@pytest.mark.parametrize(
    ('objects', 'boxes'),
    [
        ('all', {1: [trees.BOX, (40, 32, 50, 36)], 2: [trees.BOX], 3: []}),
        ('largest', {1: [trees.BOX], 2: [trees.BOX]}),
        ('single', {2: [trees.BOX]}),
    ],
)
def test_each_mask_file_of_a_breast_is_a_box(tmp_path, objects, boxes):
    """The third mask is empty, and a lesion may have several parts."""
    trees.busi(tmp_path / 'src')
    trees.save(tmp_path / 'src' / 'benign' / 'benign (3)_mask.png', trees.mask(0))
    write_tasks(find_tasks(tmp_path / 'src', ImportOptions(objects=objects))[1], tmp_path / 'out')
    rows = {
        Path(row['img_path']).stem: [tuple(box) for box in row.get('bboxes', [row.get('bbox')])]
        for row in read(tmp_path / 'out', '').load_data_list()
        if row['task'] == 'breast_lesion_det'
    }
    one_each = {f'malignant ({i})': [trees.BOX] for i in (1, 2, 3)}
    assert rows == one_each | {f'benign ({i})': found for i, found in boxes.items()}


def test_breasts_without_masks(tmp_path):
    """Without any mask there are classes alone; a single mask that is missing is an error."""
    trees.busi(tmp_path / 'src')
    (tmp_path / 'src' / 'malignant' / 'malignant (2)_mask.png').unlink()
    with pytest.raises(DataError, match=r'malignant \(2\)\.png: this image has no mask'):
        find_tasks(tmp_path / 'src')
    for file in tmp_path.glob('src/*/*_mask*.png'):
        file.unlink()
    assert [item.task.name for item in find_tasks(tmp_path / 'src')[1]] == ['breast_2cls', 'breast_3cls']


def test_nerves_whose_masks_have_other_values(tmp_path):
    """The folder may be `dataset` itself."""
    trees.usgra_seg(tmp_path)
    for file in tmp_path.glob('dataset/**/masks/*.png'):
        trees.save(file, trees.mask(128, 255))
    (item,) = find_tasks(tmp_path / 'dataset')[1]
    with pytest.raises(
        DataError, match=r'0000\.png: .* values 0 128 255, .* 3 classes; .*mask_values among the options'
    ):
        item.rows[0].answer()
    (item,) = find_tasks(tmp_path / 'dataset', ImportOptions(mask_values=(0, 128, 255)))[1]
    for row in item.rows:
        np.testing.assert_array_equal(row.answer()['mask'], trees.mask(1, 2))


def test_heads(tmp_path, monkeypatch):
    """The ellipse was drawn with half-axes 20 and 12 around (30, 20); half of its line lies outside."""
    import cv2

    trees.hc18(tmp_path / 'src')
    outlines = []
    monkeypatch.setattr(hc18, 'mask_values_of', lambda file: outlines.append(file) or mask_values_of(file))
    write_tasks(find_tasks(tmp_path / 'src')[1], tmp_path / 'out')
    assert len(outlines) == len(set(outlines)) == 4  # each is read once for three tasks
    rows = FMCUIADataset(str(tmp_path / 'out'), 'all', group_column='group', test_mode=True).load_data_list()
    assert Counter(row['group'] for row in rows if row['task'] == 'fetal_head') == {'000': 2, '001': 1, '002': 1}
    points = next(row['points'] for row in rows if 'points' in row)
    np.testing.assert_allclose(points, [[8, 20], [52, 20], [30, 6], [30, 34]], atol=0.5)
    mask = cv2.imread(next(row['seg_map_path'] for row in rows if 'seg_map_path' in row), -1)
    assert set(np.unique(mask)) == {0, 1}
    assert mask[20, 30] == 1
    box = next(row['bbox'] for row in rows if 'bbox' in row)
    x, y, width, height = cv2.boundingRect(mask)
    assert box == [x, y, x + width, y + height]


SIZES = 'training_set_pixel_size_and_HC.csv'
HEADER = 'filename,pixel size(mm),head circumference (mm)'


def test_heads_have_the_pixel_size_of_their_table(tmp_path):
    """As text that a spreadsheet wrote, with a byte order mark; an image that is not listed has no spacing."""
    trees.hc18(tmp_path / 'src')
    (tmp_path / 'src' / SIZES).write_text(f'{HEADER}\n000_HC.png,0.0690,44.3\n001_HC.png,0.0896,56.8\n', 'utf-8-sig')
    write_tasks(find_tasks(tmp_path / 'src')[1], tmp_path / 'out')
    rows = FMCUIADataset(str(tmp_path / 'out'), 'all', test_mode=True).load_data_list()
    found = {(row['task'], Path(row['img_path']).name): row.get('pixel_spacing') for row in rows}
    assert len(found) == 12
    sizes = {'000_HC.png': (0.069, 0.069), '001_HC.png': (0.0896, 0.0896)}
    assert found == {(task, image): sizes.get(image) for task, image in found}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (f'{HEADER}\n000_HC.png,0,44.3\n', r"HC\.csv, row 2: pixel size\(mm\) of '000_HC\.png' is '0', not a positive"),
        (f'{HEADER}\n001_HC.png,0.1,4\n000_HC.png,?,4\n', r"HC\.csv, row 3: .* is '\?', not a positive number"),
        (f'{HEADER}\n000_HC.png\n', r'HC\.csv, row 2: .* is None, not a positive number'),
        ('filename,size\n', r"HC\.csv: has no column 'pixel size\(mm\)'"),
        ('', r"HC\.csv: has no column 'filename'"),
    ],
)
def test_a_bad_table_of_pixel_sizes_is_named(tmp_path, text, message):
    trees.hc18(tmp_path / 'src', 1)
    (tmp_path / 'src' / SIZES).write_text(text)
    with pytest.raises(DataError, match=message):
        find_tasks(tmp_path / 'src')


def test_two_tables_of_pixel_sizes_are_refused(tmp_path):
    trees.hc18(tmp_path / 'src', 1)
    trees.text(tmp_path / 'src' / 'copy' / SIZES, HEADER)
    with pytest.raises(DataError, match='holds sizes of pixels, and so does'):
        find_tasks(tmp_path / 'src')


@pytest.mark.parametrize('centre', [(30, 20), (30, 8), (30, 32), (50, 20), (8, 20), (52, 34)])
def test_heads_that_the_image_cuts_off(tmp_path, centre):
    """The mask is the filled ellipse, whether or not the line around it is closed."""
    import cv2

    trees.hc18(tmp_path / 'src', 1)
    outline, filled = np.zeros((2, trees.HEIGHT, trees.WIDTH), np.uint8)
    for canvas, width in ((outline, 3), (filled, 3), (filled, cv2.FILLED)):
        cv2.ellipse(canvas, centre, (20, 12), 0, 0, 360, 255, width)
    trees.save(tmp_path / 'src' / 'training_set' / '000_HC_Annotation.png', outline)
    (row, *_) = find_tasks(tmp_path / 'src')[1][0].rows[1:]
    np.testing.assert_array_equal(row.answer()['mask'], filled > 0)


def test_hearts_keep_patients_and_spacing(tmp_path):
    from aurora_mm.images.reading import read_image

    trees.camus(tmp_path / 'src')
    write_tasks(find_tasks(tmp_path / 'src')[1], tmp_path / 'out')
    rows = FMCUIADataset(str(tmp_path / 'out'), 'all', group_column='group', test_mode=True).load_data_list()
    assert Counter(row['group'] for row in rows) == {f'patient{i:04d}': 2 for i in (1, 2, 3)}
    assert read_image(rows[0]['img_path']).pixel_spacing == pytest.approx((0.2, 0.3))


def test_slices_that_are_colours(tmp_path):
    from aurora_mm.images.reading import read_image

    trees.fh_ps_aop(tmp_path / 'src')
    write_tasks(find_tasks(tmp_path / 'src')[1], tmp_path / 'out')
    pixels = read_image(tmp_path / 'out' / 'images' / '00001.png').pixels
    red = trees.picture(1)
    np.testing.assert_array_equal(pixels, np.stack([red // 3, red // 2, red], axis=-1))


def test_slices_of_a_volume_are_rows_of_one_group(tmp_path):
    import cv2

    trees.nnunet_volumes(tmp_path / 'src')
    write_tasks(find_tasks(tmp_path / 'src')[1], tmp_path / 'out', link=True)
    rows = FMCUIADataset(str(tmp_path / 'out'), 'all', group_column='group', test_mode=True).load_data_list()
    assert Counter(row['group'] for row in rows) == {'case_0': 2, 'case_1': 2, 'case_2': 2}
    first, second = (row for row in rows if row['group'] == 'case_0')
    assert first['img_path'].endswith('#frame=0')
    np.testing.assert_array_equal(cv2.imread(first['seg_map_path'], -1), trees.mask(1, 0))
    np.testing.assert_array_equal(cv2.imread(second['seg_map_path'], -1), trees.mask(0, 1))


def test_what_nnunet_leaves_out_is_told(tmp_path, monkeypatch):
    src = tmp_path / 'src'
    trees.nnunet(src)
    folder = src / 'Dataset042_Nerve'
    trees.save(folder / 'imagesTr' / 'case_0_0001.png', trees.picture(7))
    trees.save(folder / 'labelsTr' / 'case_9.png', trees.mask())
    told = []
    monkeypatch.setattr('aurora_mm.importing.tree.print_log', lambda text, **_: told.append(text.partition(': ')[2]))
    find_tasks(src)
    assert told == [
        '1 files of other channels than _0000 are left out, such as Dataset042_Nerve/imagesTr/case_0_0001.png',
        '1 masks without an image are left out, such as Dataset042_Nerve/labelsTr/case_9.png',
        '3 images of imagesTs, which have no masks, are left out, such as Dataset042_Nerve/imagesTs/case_50_0000.png',
    ]


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ('{"background": 0, "nerve": 1, "ignore": 2}', r'has the label ignore \(2\)'),
        ('{"background": 0, "whole": [1, 2], "nerve": 1}', "has the region 'whole' of several labels"),
    ],
)
def test_labels_of_nnunet_that_are_no_classes(tmp_path, labels, message):
    trees.nnunet(tmp_path)
    trees.text(tmp_path / 'Dataset042_Nerve' / 'dataset.json', f'{{"labels": {labels}}}')
    with pytest.raises(DataError, match=rf'dataset\.json: {message}'):
        find_tasks(tmp_path)


def _volumes(root: Path, direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1), slices: int = 2) -> None:
    import SimpleITK as sitk

    spacing = (0.3, 0.2, 1.0)
    trees.volume(root / 'images' / 'a.mha', np.stack([trees.picture(i) for i in range(2)]), spacing)
    masks = np.stack([trees.mask(1), trees.mask(0, 2), trees.mask(0)])[:slices]
    trees.volume(root / 'masks' / 'a.mha', masks, spacing)
    image = sitk.ReadImage(str(root / 'masks' / 'a.mha'))
    image.SetDirection(direction)
    sitk.WriteImage(image, str(root / 'masks' / 'a.mha'))


def test_volumes_in_folders_of_images_and_masks(tmp_path):
    _volumes(tmp_path)
    (item,) = find_tasks(tmp_path)[1]
    assert item.task.classes == ('background', 'class_1', 'class_2')
    assert [(row.path, row.group) for row in item.rows] == [
        (f'images/a.mha#frame={frame}', 'images/a.mha') for frame in range(2)
    ]
    np.testing.assert_array_equal([row.answer()['mask'] for row in item.rows], [trees.mask(1), trees.mask(0, 2)])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(direction=(-1, 0, 0, 0, 1, 0, 0, 0, 1)), 'lies in the directions -1 0 0 0 1 0 0 0 1, but its image'),
        (dict(slices=1), 'has 1 slices, but its image .* has 2'),
        (dict(slices=3), 'has 3 slices, but its image .* has 2'),
    ],
)
def test_masks_of_volumes_that_do_not_lie_on_them(tmp_path, change, message):
    _volumes(tmp_path, **change)
    with pytest.raises(DataError, match=rf'masks/a\.mha: this mask {message}'):
        find_tasks(tmp_path)


def test_images_in_other_folders_are_told(tmp_path, monkeypatch):
    trees.ddti(tmp_path)
    trees.save(tmp_path / 'more' / 'x.png', trees.picture(3))
    told = []
    monkeypatch.setattr('aurora_mm.importing.tree.print_log', lambda text, **_: told.append(text.partition(': ')[2]))
    find_tasks(tmp_path, ImportOptions(mask_values=(0, 255)))
    assert told == ['1 images in other folders are left out, such as more/x.png']


def test_real_heads_are_labelled_as_they_were(tmp_path):
    """Outlines of real heads, as HC18 draws them, give the masks, boxes and points of the real data set."""
    import csv
    import json
    import os

    import cv2

    root = os.environ.get('AURORA_REAL_DATA')
    if root is None:
        pytest.skip('AURORA_REAL_DATA names no data set to read')
    known = {}
    for task in HEAD:
        with Path(f'{root}/val/csv_files/{task}.csv').open() as file:
            known[task] = {Path(row['image_path']).name: row for row in list(csv.DictReader(file))[:6]}
    for name, row in known['fetal_head'].items():
        mask = cv2.imread(f'{root}/val/csv_files/{row["mask_path"]}', cv2.IMREAD_UNCHANGED)
        outline = mask - cv2.erode(mask, np.ones((5, 5), np.uint8), borderValue=0)
        trees.save(tmp_path / 'src' / name.replace('.png', '_Annotation.png'), outline * 255)
        trees.save(tmp_path / 'src' / name, mask)
    write_tasks(find_tasks(tmp_path / 'src')[1], tmp_path / 'out')
    for row in read(tmp_path / 'out', '').load_data_list():
        true = known[row['task']][Path(row['img_path']).name]
        if row['task'] == 'fetal_head':
            stored = cv2.imread(row['seg_map_path'], cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(stored, cv2.imread(row['img_path'], cv2.IMREAD_UNCHANGED))
        elif row['task'] == 'fetal_head_det':
            assert row['bbox'] == [float(true[side]) for side in ('x_min', 'y_min', 'x_max', 'y_max')]
        else:
            points = [json.loads(true[f'point_{i}_xy']) for i in range(1, 5)]
            np.testing.assert_allclose(row['points'], points, atol=0.11)


@pytest.mark.parametrize('name', ['annotations/instances.json', 'some.json'])
def test_a_coco_file_is_read_once(tmp_path, monkeypatch, name):
    read = []
    monkeypatch.setattr(
        'aurora_mm.importing.tree.read_json_value', lambda file: read.append(file) or read_json_value(file)
    )
    monkeypatch.setattr('aurora_mm.datasets.coco_file.read_json', lambda file: pytest.fail('read again'))
    trees.text(tmp_path / name, json.dumps(trees.coco_content(2, 'segmentation')))
    for i in range(2):
        trees.save(tmp_path / 'images' / f'{i}.png', trees.picture(i))
    layout, (found,) = find_tasks(tmp_path)
    assert layout.name == 'COCO'
    assert len(found.rows) == 2
    assert read == [tmp_path / name]
