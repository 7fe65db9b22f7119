"""FMC-UIA -> COCO or mmseg -> FMC-UIA gives the same data; hosts read what was written; bad data is refused whole."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.converters import coco_to_fmc, fmc_to_coco, fmc_to_mmseg, mmseg_to_fmc
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import ConfigError, DataError

NAMES = [
    dict(name='organs', type='segmentation', classes=['background', 'liver', 'vein']),
    dict(name='nodule', type='detection', classes=['nodule'], flip=False),
    dict(name='femur', type='landmark', points=['left', 'right'], swaps=[['left', 'right']]),
]


@pytest.fixture
def root(fmc_root):
    fmc_root.csv('a', [fmc_root.seg_row(index) for index in range(10)])
    fmc_root.csv('b', [fmc_root.cls_row(index) for index in range(10)])
    # Corners that binary fractions do not hold.
    fmc_root.csv('c', [fmc_root.det_row(index, box=(8.1, 10.7, 24.4 + index, 20.3)) for index in range(10)])
    fmc_root.csv('d', [fmc_root.point_row(index) for index in range(10)])
    return fmc_root.path


def rows(root, split, tasks=NAMES):
    """What a data set holds, by task, without the paths that lead to its root."""
    dataset = FMCUIADataset(str(root), split, tasks=tasks)
    found = {}
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        row = {key: info[key] for key in ('image_path', 'mask_path', 'bbox', 'points') if key in info}
        row['image'] = Path(info['img_path']).read_bytes()
        if 'seg_map_path' in info:
            row['mask'] = cv2.imread(info['seg_map_path'], cv2.IMREAD_UNCHANGED).tolist()
        found.setdefault(info['task'], []).append(row)
    return found


@pytest.mark.parametrize('link', [False, True])
def test_coco_and_back(root, tmp_path, link):
    written = fmc_to_coco(root, tmp_path / 'coco', tasks=NAMES, link=link)
    assert [task.name for task in written] == ['organs', 'nodule', 'femur']
    tasks = coco_to_fmc(tmp_path / 'coco', tmp_path / 'back')
    assert {task.name: task.to_config() for task in tasks} == {task.name: task.to_config() for task in written}
    for split in ('train', 'val'):
        before = rows(root, split)
        del before['breast']  # classes of images have no place in COCO
        assert rows(tmp_path / 'back', split) == before


def test_mmseg_and_back(root, tmp_path):
    fmc_to_mmseg(root, tmp_path / 'seg', tasks=NAMES)
    (task,) = mmseg_to_fmc(tmp_path / 'seg', tmp_path / 'back')
    assert task.classes == ('background', 'liver', 'vein')
    for split in ('train', 'val'):
        before, after = rows(root, split)['organs'], rows(tmp_path / 'back', split)['organs']
        for row in (*before, *after):
            del row['mask_path']  # mmseg pairs masks with images by name
        assert after == before


@pytest.mark.skipif('AURORA_REAL_DATA' not in os.environ, reason='AURORA_REAL_DATA names no data set to read')
@pytest.mark.long
def test_a_real_data_set_and_back(tmp_path):
    """Every box, point and mask of it, by both ways."""
    root = Path(os.environ['AURORA_REAL_DATA'])
    known = fmc_to_coco(root, tmp_path / 'coco', link=True)
    coco_to_fmc(tmp_path / 'coco', tmp_path / 'from_coco', link=True)
    fmc_to_mmseg(root, tmp_path / 'seg', link=True)
    mmseg_to_fmc(tmp_path / 'seg', tmp_path / 'from_seg', link=True)
    for split in ('train', 'val'):
        before = rows(root, split, known)
        assert rows(tmp_path / 'from_coco', split, known) == {task.name: before[task.name] for task in known}
        masks = {task.name: before[task.name] for task in known if task.type == 'segmentation'}
        after = rows(tmp_path / 'from_seg', split, known)
        for row in (row for found in (masks, after) for task in found.values() for row in task):
            del row['mask_path']
        assert after == masks


def test_an_image_of_two_tasks_is_copied_once(fmc_root, tmp_path):
    row = fmc_root.seg_row(0)
    box = dict(zip(('x_min', 'y_min', 'x_max', 'y_max'), (1, 2, 3, 4), strict=True))
    shared = dict(task_id='box', task_name='detection', num_classes=1, image_path=row['image_path']) | box
    fmc_root.csv('a', [row | dict(image_path=fmc_root.image(f'Segmentation/{i}.png', i)) for i in range(4)] + [row])
    fmc_root.csv('b', [shared])
    fmc_to_coco(fmc_root.path, tmp_path / 'coco')
    assert len(list((tmp_path / 'coco/images').rglob('*.png'))) == 5


def test_mmdet_reads_the_boxes(root, tmp_path):
    CocoDataset = pytest.importorskip('mmdet.datasets').CocoDataset
    fmc_to_coco(root, tmp_path / 'coco', tasks=NAMES)
    for split in ('train', 'val'):
        expected = rows(root, split)['nodule']
        dataset = CocoDataset(
            ann_file=str(tmp_path / f'coco/annotations/nodule_{split}.json'),
            data_prefix=dict(img=str(tmp_path / f'coco/images/{split}')),
            metainfo=dict(classes=('nodule',)),
        )
        assert len(dataset) == len(expected)
        for index, row in enumerate(expected):
            info = dataset.get_data_info(index)
            assert info['instances'][0]['bbox'] == pytest.approx(row['bbox'])
            assert Path(info['img_path']).read_bytes() == row['image']


def test_mmseg_reads_the_masks(root, tmp_path):
    BaseSegDataset = pytest.importorskip('mmseg.datasets').BaseSegDataset
    fmc_to_mmseg(root, tmp_path / 'seg', tasks=NAMES)
    dataset = BaseSegDataset(
        data_root=str(tmp_path / 'seg/organs'),
        ann_file='val.txt',
        data_prefix=dict(img_path='img_dir/val', seg_map_path='ann_dir/val'),
        img_suffix='.png',
        metainfo=dict(classes=NAMES[0]['classes']),
    )
    expected = rows(root, 'val')['organs']
    assert len(dataset) == len(expected)
    for index, row in enumerate(expected):
        info = dataset.get_data_info(index)
        assert cv2.imread(info['seg_map_path'], cv2.IMREAD_UNCHANGED).tolist() == row['mask']


def test_masks_that_mmseg_would_misread_are_written_anew(fmc_root, tmp_path):
    """Three equal channels are one mask here and an array of three axes there. Brackets in a name are only a name."""
    mask = np.zeros((48, 64), np.uint8)
    mask[10:20, 8:24] = 1
    stored = fmc_root.array('masks/[1].png', np.stack([mask] * 3, axis=-1))
    row = fmc_root.seg_row(0, num_classes=2, mask_path=stored, image_path=fmc_root.image('images/[1].png'))
    fmc_root.csv('a', [row, *(row | dict(image_path=fmc_root.image(f'images/{i}.png', i)) for i in range(2, 6))])
    fmc_to_mmseg(fmc_root.path, tmp_path / 'seg')
    files = list((tmp_path / 'seg').rglob('ann_dir/**/*.png'))
    assert len(files) == 5
    assert all((cv2.imread(str(file), cv2.IMREAD_UNCHANGED) == mask).all() for file in files)
    mmseg_to_fmc(tmp_path / 'seg', tmp_path / 'back')
    found = [row for split in ('train', 'val') for row in rows(tmp_path / 'back', split, [])['organs']]
    assert sorted(Path(row['image_path']).name for row in found) == ['2.png', '3.png', '4.png', '5.png', '[1].png']


def coco_file(folder, annotations, split='train', categories=({'id': 7, 'name': 'nodule'},)):
    image = dict(id=3, file_name='a.png', height=48, width=64)
    content = dict(images=[image], annotations=annotations, categories=list(categories))
    (folder / 'annotations').mkdir(parents=True, exist_ok=True)
    (folder / f'annotations/instances_{split}.json').write_text(json.dumps(content))
    (folder / 'train2017').mkdir(exist_ok=True)
    cv2.imwrite(str(folder / 'train2017/a.png'), np.zeros((48, 64), np.uint8))


def box(*xywh, **more):
    return dict(id=1, image_id=3, category_id=7, bbox=list(xywh)) | more


def test_coco_files_of_others(tmp_path):
    coco_file(tmp_path, [box(8, 10, 16, 10)], split='train2017')
    (task,) = coco_to_fmc(tmp_path, tmp_path / 'out', images='{split}', name='lump', task_type='detection')
    assert task.classes == ('nodule',)
    assert rows(tmp_path / 'out', 'train', [])['lump'][0]['bbox'] == [8, 10, 24, 20]


def test_polygons_become_masks(tmp_path):
    square = [[16.0, 12.0, 32.0, 12.0, 32.0, 24.0, 16.0, 24.0]]
    coco_file(tmp_path, [box(16, 12, 16, 12, segmentation=square)], split='train2017')
    coco_to_fmc(tmp_path, tmp_path / 'out', images='{split}', name='lump', task_type='segmentation')
    mask = np.array(rows(tmp_path / 'out', 'train', [])['lump'][0]['mask'])
    expected = np.zeros((48, 64), int)
    expected[12:24, 16:32] = 1
    assert (mask == expected).all()


@pytest.mark.parametrize(
    ('annotations', 'message'),
    [
        ([], 'has 0 annotations'),
        ([box(1, 1, 5, 5), box(9, 9, 5, 5, id=2)], 'has 2 annotations'),
    ],
)
def test_what_a_csv_cannot_hold_is_refused_whole(tmp_path, annotations, message):
    coco_file(tmp_path, annotations, split='train2017')
    with pytest.raises(DataError, match=rf"instances_train2017\.json: images\[0\]: image 'a.png' {message}"):
        coco_to_fmc(tmp_path, tmp_path / 'out', images='{split}', name='lump', task_type='detection')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['annotations', 'train2017']


def test_overlapping_classes_are_refused(tmp_path):
    square = [[0.0, 0.0, 9.0, 0.0, 9.0, 9.0, 0.0, 9.0]]
    two = [box(0, 0, 9, 9, segmentation=square), box(0, 0, 9, 9, id=2, category_id=8, segmentation=square)]
    coco_file(tmp_path, two, 'train2017', ({'id': 7, 'name': 'a'}, {'id': 8, 'name': 'b'}))
    with pytest.raises(DataError, match='classes overlap in image'):
        coco_to_fmc(tmp_path, tmp_path / 'out', images='{split}', name='lump', task_type='segmentation')


def test_a_path_that_leads_out_is_refused(tmp_path):
    coco_file(tmp_path, [], split='train2017')
    file = tmp_path / 'annotations/instances_train2017.json'
    file.write_text(file.read_text().replace('a.png', '../a.png'))
    with pytest.raises(DataError, match='no path below the image folder'):
        coco_to_fmc(tmp_path, tmp_path / 'out', images='{split}', name='lump', task_type='detection')


@pytest.mark.parametrize('mask_path', ['../../a.png', '/a.png', '../../../a.png'])
def test_a_mask_path_that_leads_out_is_refused(tmp_path, mask_path):
    square = [[16.0, 12.0, 32.0, 12.0, 32.0, 24.0, 16.0, 24.0]]
    coco_file(tmp_path, [box(16, 12, 16, 12, segmentation=square)], split='train2017')
    file = tmp_path / 'annotations/instances_train2017.json'
    content = json.loads(file.read_text())
    content['images'][0]['mask_path'] = mask_path
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match='no path below the image folder'):
        coco_to_fmc(tmp_path, tmp_path / 'out', images='{split}', name='lump', task_type='segmentation')


def test_a_task_without_name_or_of_a_type_that_does_not_fit(root, tmp_path):
    coco_file(tmp_path, [box(1, 1, 5, 5)])
    with pytest.raises(ConfigError, match='give its name and type'):
        coco_to_fmc(tmp_path, tmp_path / 'out')
    with pytest.raises(ConfigError, match=r'COCO cannot hold breast \(classification\)'):
        fmc_to_coco(root, tmp_path / 'out', include=['breast', 'nodule'])
    with pytest.raises(ConfigError, match='not nodule'):
        fmc_to_mmseg(root, tmp_path / 'out', include=['nodule'])
    assert not (tmp_path / 'out').exists()


def test_a_bad_mask_leaves_nothing_behind(fmc_root, tmp_path):
    rows = [fmc_root.seg_row(index) for index in range(4)]
    fmc_root.array('Segmentation/Three/organs/mask/2.png', np.full((48, 64), 9, np.uint8))
    fmc_root.csv('a', rows)
    with pytest.raises(DataError, match=r'a.csv, row 4: mask .* has values \[9\]'):
        fmc_to_mmseg(fmc_root.path, tmp_path / 'out')
    assert [path.name for path in tmp_path.iterdir()] == ['root']
