"""`import-data --crop`: what is around the ultrasound goes, and labels are where they were."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.cli.main import main
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import ConfigError
from aurora_mm.images.reading import read_image
from aurora_mm.importing import find_tasks, write_tasks
from aurora_mm.importing.answers import extent_of, shifted
from aurora_mm.importing.cropping import crop_tasks
from tests.importing import trees

SHAPE = (200, 300)
TISSUE = (60, 30, 260, 180)  # xyxy
OBJECT = (100, 60, 150, 120)


def screen(seed: int = 0) -> np.ndarray:
    pixels = np.zeros(SHAPE, np.uint8)
    cv2.putText(pixels, 'MI 1.1 TIs 0.3', (4, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255)
    x1, y1, x2, y2 = TISSUE
    pixels[y1:y2, x1:x2] = np.random.default_rng(seed).integers(20, 200, (y2 - y1, x2 - x1))
    return pixels


def mask_of(box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 1
    return mask


def labelme(root: Path, count: int = 2, point: tuple[float, float] = (140.5, 80.25)) -> None:
    """One image with a mask, a box and a point; the image is a JPEG file."""
    x1, y1, x2, y2 = OBJECT
    shapes = [
        dict(label='lesion', shape_type='polygon', points=[[x1, y1], [x2, y1], [x2, y2], [x1, y2]]),
        dict(label='lesion', shape_type='rectangle', points=[[x1, y1], [x2, y2]]),
        dict(label='tip', shape_type='point', points=[point]),
    ]
    for i in range(count):
        trees.save(root / f'{i}.jpg', screen(i))
        content = dict(shapes=shapes, imagePath=f'{i}.jpg', imageHeight=SHAPE[0], imageWidth=SHAPE[1], imageData=None)
        trees.text(root / f'{i}.json', json.dumps(content))


def rows_of(root: Path, task: str) -> list[dict[str, str]]:
    return list(csv.DictReader((root / 'csv_files' / f'{task}.csv').open()))


@pytest.fixture
def src(tmp_path):
    return tmp_path / 'src'


def test_labels_of_a_crop_moved_back_are_those_of_the_image(src, tmp_path):
    labelme(src)
    found = find_tasks(src)[1]
    write_tasks(found, tmp_path / 'whole')
    write_tasks(crop_tasks(found)[0], tmp_path / 'crop')
    for item in found:
        assert item.task.type in ('segmentation', 'detection', 'landmark')
        whole, cropped = (FMCUIADataset(str(tmp_path / name), 'all').load_data_list() for name in ('whole', 'crop'))
        for row, other, cells in zip(whole, cropped, rows_of(tmp_path / 'crop', item.task.name) * 3, strict=False):
            x1, y1, x2, y2 = json.loads(cells['crop'])
            assert 0 < x1 <= TISSUE[0] and 0 < y1 <= TISSUE[1] and TISSUE[2] <= x2 < 300 and TISSUE[3] <= y2 < 200
            assert other['image_path'].endswith('.png')
            np.testing.assert_array_equal(
                read_image(other['img_path']).pixels, read_image(row['img_path']).pixels[y1:y2, x1:x2]
            )
            if 'seg_map_path' in row:
                back = np.zeros(SHAPE, np.uint8)
                back[y1:y2, x1:x2] = cv2.imread(other['seg_map_path'], cv2.IMREAD_UNCHANGED)
                original = cv2.imread(row['seg_map_path'], cv2.IMREAD_UNCHANGED)
                assert original.sum() > 2000
                np.testing.assert_array_equal(back, original)
            if 'bbox' in row:
                np.testing.assert_allclose(np.add(other['bbox'], (x1, y1, x1, y1)), row['bbox'])
            if 'points' in row:
                np.testing.assert_allclose(np.add(other['points'], (x1, y1)), row['points'])


def test_a_crop_is_enlarged_for_a_label(src):
    labelme(src, 1, point=(20.5, 190.25))
    tasks, report = crop_tasks(find_tasks(src)[1])
    assert str(report) == 'cropped 1 of 1 image files; 1 crops were enlarged to keep labels'
    for item in tasks:
        x1, _, _, y2 = json.loads(item.rows[0].columns['crop'])
        assert (x1, y2) == (20, 191)


def test_images_without_margins_stay_files(src, tmp_path):
    trees.pocus(src)
    found = find_tasks(src)[1]
    tasks, report = crop_tasks(found)
    assert report.cropped == 0
    assert tasks == found


def test_regions_of_the_header_go_first(src, tmp_path):
    pytest.importorskip('pydicom')
    from tests.fixtures.dicom_files import region, write

    for kind in ('benign', 'malignant'):
        (src / kind).mkdir(parents=True)
        write(src / kind / 'a.dcm', screen(), PatientID='P1', SequenceOfUltrasoundRegions=[region((50, 20, 269, 189))])
    found = find_tasks(src)[1]
    assert str(crop_tasks(found)[1]) == 'cropped 2 of 2 image files, 2 by the regions of their headers'
    write_tasks(crop_tasks(found)[0], tmp_path / 'out')
    for row in rows_of(tmp_path / 'out', 'src'):
        assert row['crop'] == '[50, 20, 270, 190]'
        assert row['pixel_spacing'] == '[0.1, 0.2]'
        image = cv2.imread(str(tmp_path / 'out' / 'csv_files' / row['image_path']), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(image, screen()[20:190, 50:270])


def test_the_frames_of_a_clip_have_one_crop(src, tmp_path):
    """Of the clip of one class; the margin is still, the tissue is not."""
    for kind in ('benign', 'malignant'):
        (src / kind).mkdir(parents=True)
        writer = cv2.VideoWriter(str(src / kind / 'a.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 5, SHAPE[::-1], False)
        for seed in range(3):
            writer.write(screen(seed))
        writer.release()
    write_tasks(crop_tasks(find_tasks(src)[1])[0], tmp_path / 'out')
    rows = rows_of(tmp_path / 'out', 'src')
    assert {row['image_path'] for row in rows} >= {'../benign/a_00000.png', '../malignant/a_00002.png'}
    assert len({row['crop'] for row in rows if 'benign' in row['image_path']}) == 1
    assert len(rows) == 6


def test_two_images_of_one_stem_keep_their_own_names(src, tmp_path):
    for kind in ('benign', 'malignant'):
        trees.save(src / kind / 'a.jpg', screen(1))
        trees.save(src / kind / 'a.bmp', screen(2))
        trees.save(src / kind / 'a.png', trees.picture(1))  # no margin: it stays, and keeps its name
    write_tasks(crop_tasks(find_tasks(src)[1])[0], tmp_path / 'out')
    names = [row['image_path'] for row in rows_of(tmp_path / 'out', 'src')]
    assert names[:3] == ['../benign/a.bmp.png', '../benign/a.jpg.png', '../benign/a.png']


def test_colours_cropped_from_slices(src, tmp_path):
    """FH-PS-AOP: the pixels come from the layout, which joins three slices to colours."""
    trees.fh_ps_aop(src)
    found = find_tasks(src)[1]
    tasks, _ = crop_tasks(found)
    assert [row.pixels().shape for row in tasks[0].rows] == [row.pixels().shape for row in found[0].rows]


def test_labels_by_hand():
    mask = mask_of(OBJECT)
    assert extent_of(dict(mask=mask)) == OBJECT
    assert extent_of(dict(mask=0 * mask)) is None
    assert extent_of(dict(gt_label=1)) is None
    assert extent_of(dict(bboxes=[], bboxes_labels=[])) is None
    assert extent_of(dict(bboxes=[[5, 6, 7, 8], [1, 9, 2, 10]], bboxes_labels=[0, 1])) == (1, 6, 7, 10)
    crop = (10, 20, 200, 150)
    assert shifted(dict(gt_label=1), crop) == dict(gt_label=1)
    assert shifted(dict(bbox=[30, 40.5, 50, 60]), crop) == dict(bbox=[20, 20.5, 40, 40])
    assert shifted(dict(bboxes=[[30, 40, 50, 60]], bboxes_labels=[2]), crop) == dict(
        bboxes=[[20, 20, 40, 40]], bboxes_labels=[2]
    )
    assert shifted(dict(points=[[10, 20], [11.5, 25]]), crop) == dict(points=[[0, 0], [1.5, 5]])
    assert shifted(dict(points=[None, [11.5, 25]]), crop) == dict(points=[None, [1.5, 5]])
    assert extent_of(dict(points=[None, [11.5, 25], [9, 30]])) == (9, 25, 11.5, 30)
    unlabelled = np.full_like(mask, 255)
    assert extent_of(dict(class_masks=np.stack([unlabelled, mask]))) == OBJECT
    x1, y1, x2, y2 = crop
    np.testing.assert_array_equal(
        shifted(dict(class_masks=np.stack([unlabelled, mask])), crop)['class_masks'],
        np.stack([unlabelled, mask])[:, y1:y2, x1:x2],
    )
    for move in (extent_of, partial(shifted, crop=crop)):
        with pytest.raises(ConfigError, match="labels of the kind 'curves' cannot be cropped"):
            move(dict(curves=mask[None]))


def test_the_command_says_what_it_cropped(src, tmp_path, capsys):
    labelme(src)
    main(['import-data', str(src), str(tmp_path / 'out'), '--crop'])
    assert 'cropped 2 of 2 image files' in capsys.readouterr().out
