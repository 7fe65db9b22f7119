"""Faults of every kind are put into clean data, and each is found with its file and row, and nothing else."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.checking import check_data, write_html_page
from aurora_mm.cli.main import main
from aurora_mm.converters.shards import make_shards

HEIGHT, WIDTH, COUNT = 60, 80, 24
TASKS = {
    'organ': ('segmentation', 2),
    'kind': ('classification', 2),
    'nodule': ('detection', 1),
    'axis': ('Regression', 2),
}


def picture(seed: int) -> np.ndarray:
    """A smooth random picture: no two look alike, all are equally bright."""
    noise = np.random.default_rng(seed).integers(0, 256, (9, 12)).astype(np.float32)
    smooth = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth - smooth.mean() + 110, 0, 255).astype(np.uint8)


class Root:
    """A clean data root that a test puts a fault into."""

    def __init__(self, path: Path, splits: tuple[str, ...] = ('train', 'val')) -> None:
        self.path = path
        for number, split in enumerate(splits):
            for task, (kind, outputs) in TASKS.items():
                rows = [self._row(split, task, kind, outputs, i, 1000 * number + i) for i in range(COUNT)]
                self.write(task, rows, split)

    def _row(self, split, task, kind, outputs, i, seed):
        name = f'images/{task}_{i:02d}.png'
        self.save(name, picture(seed + 100 * list(TASKS).index(task)), split)
        row = dict(task_id=task, task_name=kind, num_classes=outputs, image_path=f'../{name}')
        if task == 'organ':
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            mask[20 : 40 + seed // 1000, 10 + i : 50] = 1
            self.save(f'masks/{i:02d}.png', mask, split)
            row['mask_path'] = f'../masks/{i:02d}.png'
        elif task == 'kind':
            row['mask'] = i % 2
        elif task == 'nodule':
            row.update(x_min=10 + i, y_min=12, x_max=50 + i, y_max=40)
        else:
            row.update(point_1_xy=f'[{10 + i}, 20]', point_2_xy=f'[{40 + i}, 45]')
        return row

    def save(self, name: str, pixels: np.ndarray, split: str = 'train') -> Path:
        file = self.path / split / name
        file.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(file), pixels)
        return file

    def file(self, name: str, split: str = 'train') -> Path:
        return self.path / split / name

    def rows(self, task: str, split: str = 'train') -> list[dict]:
        with self.file(f'csv_files/{task}.csv', split).open() as file:
            return list(csv.DictReader(file))

    def write(self, task: str, rows: list[dict], split: str = 'train') -> None:
        file = self.file(f'csv_files/{task}.csv', split)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open('w', newline='') as stream:
            writer = csv.DictWriter(stream, list(dict.fromkeys(key for row in rows for key in row)))
            writer.writeheader()
            writer.writerows(rows)

    def change(self, task: str, **cells: object) -> None:
        """Changes cells of the fourth row, which is line 5 of the file."""
        rows = self.rows(task)
        rows[3].update(cells)
        self.write(task, rows)


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path / 'data')


def found(root: Root) -> dict[str, list[str]]:
    report = check_data(root.path, workers=0)
    return {kind: [problem.message for problem in problems] for kind, problems in report.by_kind().items()}


def bytes_of(root, name, data):
    root.file(name).write_bytes(data)


def cut(root, name):
    bytes_of(root, name, root.file(name).read_bytes()[:-40])


def repeat_row(root, **cells):
    rows = root.rows('kind')
    root.write('kind', [*rows, rows[3] | cells])


def marked(root):
    pixels = cv2.cvtColor(picture(103), cv2.COLOR_GRAY2BGR)
    pixels[10:13, 10:13] = pixels[30:33, 40:43] = (0, 255, 255)
    root.save('images/kind_03.png', pixels)


def grouped(root, split, name_of, count):
    rows = root.rows('kind', split)
    root.write('kind', [row | {'group': name_of(i) if i < count else ''} for i, row in enumerate(rows)], split)


def contradicting_spacing(root, of_file=(0.1, 0.2), of_row='[0.1, 0.2]'):
    sitk = pytest.importorskip('SimpleITK', reason='it writes the MetaImage file')
    image = sitk.GetImageFromArray(picture(103))
    image.SetSpacing(of_file)  # x, y
    sitk.WriteImage(image, str(root.file('images/kind_03.mha')))
    root.change('kind', image_path='../images/kind_03.mha', pixel_spacing=of_row)


def seed_of(task, split, i):
    return 100 * list(TASKS).index(task) + i + (1000 if split == 'val' else 0)


# What is done, the kind that must be found, what its message must name, whether training would stop.
FAULTS = {
    'an image that is text': (
        lambda r: bytes_of(r, 'images/kind_03.png', b'text'),
        'unreadable image',
        'kind.csv, row 5',
        True,
    ),
    'an empty file': (lambda r: bytes_of(r, 'images/kind_03.png', b''), 'unreadable image', 'kind_03.png', True),
    'an image that was cut off': (lambda r: cut(r, 'images/kind_03.png'), 'unreadable image', 'kind_03.png', True),
    'an image that is not there': (
        lambda r: r.file('images/kind_03.png').unlink(),
        'wrong row',
        'kind.csv, row 5',
        True,
    ),
    'a mask that is not there': (lambda r: r.file('masks/03.png').unlink(), 'wrong row', 'organ.csv, row 5', True),
    'a mask of another size': (
        lambda r: r.save('masks/03.png', np.ones((9, 9), np.uint8)),
        'wrong label',
        'organ.csv, row 5',
        True,
    ),
    'a mask value that is no class': (
        lambda r: r.save('masks/03.png', np.full((HEIGHT, WIDTH), 7, np.uint8)),
        'wrong label',
        'organ.csv, row 5',
        True,
    ),
    'a mask of 0 and 255': (
        lambda r: r.save('masks/03.png', np.eye(HEIGHT, WIDTH, dtype=np.uint8) * 255),
        'wrong label',
        '03.png has values',
        True,
    ),
    'an empty mask': (
        lambda r: r.save('masks/03.png', np.zeros((HEIGHT, WIDTH), np.uint8)),
        'empty mask',
        'organ.csv, row 5',
        False,
    ),
    'a full mask': (
        lambda r: r.save('masks/03.png', np.ones((HEIGHT, WIDTH), np.uint8)),
        'full mask',
        'organ.csv, row 5',
        False,
    ),
    'a class that is none': (lambda r: r.change('kind', mask=5), 'wrong row', 'kind.csv, row 5', True),
    'a class that is no number': (lambda r: r.change('kind', mask='x'), 'wrong row', 'kind.csv, row 5', True),
    'a label that is missing': (lambda r: r.change('kind', mask=''), 'wrong row', 'kind.csv, row 5', True),
    'a box that is empty': (lambda r: r.change('nodule', x_max=5), 'wrong row', 'nodule.csv, row 5', True),
    'a box outside of the image': (lambda r: r.change('nodule', x_max=500), 'wrong label', 'nodule.csv, row 5', True),
    'a box that is normalised': (
        lambda r: r.change('nodule', x_min=0.1, y_min=0.2, x_max=0.6, y_max=0.7),
        'wrong label',
        'nodule.csv, row 5',
        True,
    ),
    'a box of two pixels': (lambda r: r.change('nodule', x_max=15), 'tiny box', 'nodule.csv, row 5', False),
    'points that are normalised': (
        lambda r: r.change('axis', point_1_xy='[0.2, 0.3]', point_2_xy='[0.5, 0.6]'),
        'wrong label',
        'axis.csv, row 5',
        True,
    ),
    'a point outside of the image': (
        lambda r: r.change('axis', point_1_xy='[10, 900]'),
        'wrong label',
        'axis.csv, row 5',
        True,
    ),
    'points that coincide': (
        lambda r: r.change('axis', point_1_xy='[10, 20]', point_2_xy='[10, 20]'),
        'points that coincide',
        'axis.csv, row 5',
        False,
    ),
    'an image without a labelled point': (
        lambda r: r.change('axis', point_1_xy='null', point_2_xy='null'),
        'wrong row',
        'axis.csv, row 5',
        True,
    ),
    'a point that is no point': (lambda r: r.change('axis', point_1_xy='[10]'), 'wrong row', 'axis.csv, row 5', True),
    'a row twice': (repeat_row, 'repeated row', 'kind.csv, row 26', False),
    'a row with another label': (lambda r: repeat_row(r, mask=0), 'wrong row', 'kind.csv, row 26', True),
    'another type for a task': (
        lambda r: r.change('kind', task_name='detection'),
        'wrong row',
        'kind.csv, row 5',
        True,
    ),
    'a column that is missing': (
        lambda r: r.write('nodule', [{k: v for k, v in row.items() if k != 'x_max'} for row in r.rows('nodule')]),
        'unusable CSV file',
        'nodule.csv',
        True,
    ),
    'an image twice': (
        lambda r: r.save('images/kind_03.png', picture(seed_of('kind', 'train', 5))),
        'same image twice',
        'kind_05.png',
        False,
    ),
    'an image with two classes': (
        lambda r: r.save('images/kind_03.png', picture(seed_of('kind', 'train', 4))),
        'same image with different labels',
        "[0, 1] for task 'kind'",
        False,
    ),
    'an image of another split': (
        lambda r: r.save('images/kind_03.png', picture(seed_of('kind', 'val', 5))),
        'same image in several splits',
        'in train, val',
        False,
    ),
    'an image of another split, encoded anew': (
        lambda r: r.save('images/kind_03.png', cv2.GaussianBlur(picture(seed_of('kind', 'val', 5)), (3, 3), 0)),
        'alike images in several splits',
        'train/images/kind_03.png',
        False,
    ),
    'a black image': (
        lambda r: r.save('images/kind_03.png', np.zeros((HEIGHT, WIDTH), np.uint8)),
        'empty image',
        'kind_03.png',
        False,
    ),
    'a dark image': (
        lambda r: r.save('images/kind_03.png', picture(seed_of('kind', 'train', 3)) // 20),
        'unusual brightness',
        'kind_03.png',
        False,
    ),
    'a huge image': (
        lambda r: r.save('images/kind_03.png', cv2.resize(picture(seed_of('kind', 'train', 3)), (800, 600))),
        'unusual number of pixels',
        'kind_03.png',
        False,
    ),
    'a spacing that is none': (
        lambda r: r.change('kind', pixel_spacing='[0, 0.1]'),
        'wrong row',
        "kind.csv, row 5: pixel_spacing '[0, 0.1]'",
        True,
    ),
    'a spacing that the file contradicts': (
        contradicting_spacing,
        'another pixel spacing than the file',
        'kind.csv, row 5: pixel_spacing is [0.1, 0.2], but [0.2, 0.1] in the header of ',
        False,
    ),
    'a spacing of a file that is impossible': (
        lambda root: contradicting_spacing(root, (1e9, 0.2), ''),
        'impossible pixel spacing',
        'kind_03.mha cannot have a pixel spacing of [0.2, 1000000000.0] mm',
        False,
    ),
    'a patient of two splits': (
        lambda r: [grouped(r, split, name, 11) for split, name in (('train', 'p{}'.format), ('val', 'p1{}'.format))],
        'same group in several splits',
        "group 'p10' has 2 images, in train, val",
        False,
    ),
    'a patient who is written in two ways': (
        lambda r: [grouped(r, split, name, 1) for split, name in (('train', 'P 7'.format), ('val', 'p007'.format))],
        'groups written alike',
        "groups 'P 7' and 'p007' differ in case, spaces, zeros",
        False,
    ),
    'drawn marks': (marked, 'drawn marks', 'kind_03.png', False),
    'a class without images': (
        lambda r: r.write('kind', [row | {'num_classes': 3} for row in r.rows('kind')]),
        None,
        'kind',
        True,
    ),
    'a class with one image': (
        lambda r: r.write('kind', [row | {'mask': int(i == 3)} for i, row in enumerate(r.rows('kind'))]),
        'class with few images',
        "1 images of class 'class_1'",
        False,
    ),
}


def every_row(task, **cells):
    """Changes cells of every row of both splits; a value may be a function of the row's number."""

    def put(root):
        for split in ('train', 'val'):
            rows = root.rows(task, split)
            for i, row in enumerate(rows):
                row.update({key: value(i) if callable(value) else value for key, value in cells.items()})
            root.write(task, rows, split)

    return put


def new_task(type_name, outputs, **cells):
    """A task with the images of the task 'kind'."""

    def put(root):
        for split in ('train', 'val'):
            paths = [row['image_path'] for row in root.rows('kind', split)]
            rows = [
                dict(task_id='new', task_name=type_name, num_classes=outputs, image_path=path)
                | {key: value(i) if callable(value) else value for key, value in cells.items()}
                for i, path in enumerate(paths)
            ]
            root.write('new', rows, split)

    return put


def exchanged(root):
    rows = root.rows('organ')
    rows[3]['mask_path'], rows[9]['mask_path'] = rows[9]['mask_path'], rows[3]['mask_path']
    root.write('organ', rows)


def inverted(root, *numbers):
    for number in numbers:
        mask = cv2.imread(str(root.file(f'masks/{number:02d}.png')), cv2.IMREAD_UNCHANGED)
        root.save(f'masks/{number:02d}.png', 1 - mask)


def speck(root):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[0, :4] = 1
    root.save('masks/03.png', mask)


def overlapping(root, second):
    for split in ('train', 'val'):
        for i in range(COUNT):
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            mask[2 + i : 50, 3 : 30 + (split == 'val')] = 1
            root.save(f'masks/x_{i:02d}.png', mask, split)
            root.save(f'masks/y_{i:02d}.png', mask[:, ::-1], split)
    paths = '["../masks/x_{0:02d}.png", {1}]'
    new_task('multi_label_segmentation', 2, mask_paths=lambda i: paths.format(i, second(i)))(root)


def without(root, split, task):
    root.file(f'csv_files/{task}.csv', split).unlink()


# What is done, all kinds that are found with their number, and what the message of the first must name.
FINDINGS = {
    'an inverted mask': (lambda r: inverted(r, 3), {'masks that may be inverted': 1}, 'organ.csv, row 5: the classes'),
    'inverted masks': (lambda r: inverted(r, *range(COUNT)), {'masks that may be inverted': 24}, 'organ.csv, row 2'),
    'a stray pixel': (speck, {'tiny mask': 1}, 'organ.csv, row 5: class 1 has 4 pixels in the mask'),
    'two masks that were exchanged': (
        exchanged,
        {'mask named after another image': 2},
        'organ.csv, row 5: the mask {train}/masks/09.png is named after another image than {train}/images/organ_03.png',
    ),
    'one mask for two images': (
        lambda r: r.change('organ', mask_path='../masks/09.png'),
        {'one mask of several images': 1, 'mask named after another image': 1},
        'organ.csv, row 5 and {train}/csv_files/organ.csv, row 11: 2 different images',
    ),
    'a class that no mask has': (
        every_row('organ', num_classes=3),
        {'class without images': 2},
        "no image of class 'class_2' of task 'organ' in train",
    ),
    'a class that no box has': (
        new_task(
            'multi_object_detection', 3, boxes=lambda i: f'[[1, 2, 30, {9 + i}]]', box_labels=lambda i: f'[{i % 2}]'
        ),
        {'class without images': 2},
        "no image of class 'class_2' of task 'new' in train",
    ),
    'a point that no image has': (
        every_row('axis', point_2_xy='null'),
        {'point without images': 2},
        "no image of point 'point_2' of task 'axis' in train",
    ),
    'a class that no mask of overlapping classes has': (
        lambda r: overlapping(r, lambda i: 'null'),
        {'class without images': 2},
        "no image of class 'class_1' of task 'new' in train",
    ),
    'one mask for two classes': (
        lambda r: overlapping(r, lambda i: f'"../masks/{"x" if i == 3 else "y"}_{i:02d}.png"'),
        {'classes that coincide': 2},
        'new.csv, row 5: classes 0 and 1 have one mask',
    ),
    'a box of the whole image': (
        lambda r: r.change('nodule', x_min=0, y_min=0, x_max=WIDTH, y_max=HEIGHT),
        {'box of the whole image': 1},
        'nodule.csv, row 5: the box is the image, 80 x 60 pixels',
    ),
    'a point at 0, 0': (
        lambda r: r.change('axis', point_2_xy='[0, 0]'),
        {'point at 0, 0': 1, 'points in an unusual order': 1},
        'axis.csv, row 5: a point is [0, 0]',
    ),
    'two points that were exchanged': (
        lambda r: r.change('axis', point_1_xy='[43, 45]', point_2_xy='[13, 20]'),
        {'points in an unusual order': 1},
        'axis.csv, row 5: points [[43.0, 45.0], [13.0, 20.0]] of ',
    ),
    'one value for all': (
        new_task('scalar_regression', 1, value=3),
        {'one answer for all images': 1},
        "all 48 images of task 'new' have the value 3.0",
    ),
    'one box for all': (
        every_row('nodule', x_min=1, y_min=2, x_max=30, y_max=40),
        {'one answer for all images': 1},
        "'nodule' have the bbox [1.0, 2.0, 30.0, 40.0]",
    ),
    'the same pixels with two boxes': (
        lambda r: r.save('images/nodule_03.png', picture(seed_of('nodule', 'train', 5))),
        {'same image twice': 1, 'same image with different labels': 1},
        'different answers for task',
    ),
    'the same pixels with two masks': (
        lambda r: r.save('images/organ_03.png', picture(seed_of('organ', 'train', 5))),
        {'same image twice': 1, 'same image with different labels': 1},
        "different answers for task 'organ'",
    ),
    'a mirrored image of another split': (
        lambda r: r.save('images/kind_03.png', picture(seed_of('kind', 'val', 5))[:, ::-1]),
        {'alike images in several splits': 1},
        'look alike, one of them mirrored, in train and val',
    ),
    'a spacing in other units': (
        every_row('kind', pixel_spacing=lambda i: '[0.9, 0.9]' if i == 3 else '[0.1, 0.1]'),
        {'unusual pixel spacing': 2},
        "kind_03.png: pixel spacing [0.9, 0.9] is far from that of the other images of 'kind'",
    ),
    'a spacing with its sides exchanged': (
        every_row('kind', pixel_spacing=lambda i: '[0.2, 0.1]' if i == 3 else '[0.1, 0.2]'),
        {'unusual proportions of pixels': 2},
        'kind_03.png: proportions of pixels [0.2, 0.1]',
    ),
    'a spacing in micrometres': (
        every_row('kind', pixel_spacing='[100, 100]'),
        {'impossible pixel spacing': 48},
        'kind.csv, row 2: {train}/images/kind_00.png cannot have a pixel spacing of [100.0, 100.0] mm: it would',
    ),
    'groups of some images': (
        every_row('kind', group=lambda i: f'p{i}' if i < 20 else ''),
        {'images without a group': 1, 'same group in several splits': 20},
        "8 images of task 'kind' have no group and 40 have one",
    ),
    'a column of patients under another name': (
        every_row('kind', Patient_ID=lambda i: f'p{i}'),
        {'column that is not read': 2},
        "{train}/csv_files/kind.csv, row 1: column 'Patient_ID' is not read, so a split may divide its images",
    ),
    'a column of spacings under another name': (
        every_row('kind', pixel_spacing_mm='[0.1, 0.1]'),
        {'column that is not read': 2},
        "column 'pixel_spacing_mm' is not read, but 'pixel_spacing' is",
    ),
    'a task without validation images': (
        lambda r: without(r, 'val', 'kind'),
        {'task without images in a split': 1},
        "task 'kind' has no image in val, but some in train",
    ),
    'a task without training images': (
        lambda r: without(r, 'train', 'kind'),
        {'task without images in a split': 1},
        "task 'kind' has no image in train, but some in val; those in train are ",
    ),
}


@pytest.mark.parametrize('name', FINDINGS)
def test_what_is_worth_a_look(root, name):
    put, kinds, place = FINDINGS[name]
    put(root)
    problems = check_data(root.path, workers=0).by_kind()
    assert {kind: len(some) for kind, some in problems.items()} == kinds
    place = place.replace('{train}', str(root.path / 'train'))
    assert any(place in problem.message for some in problems.values() for problem in some), problems
    stops = {kind for kind, some in problems.items() if some[0].stops_training}
    assert stops == ({'task without images in a split'} if name == 'a task without training images' else set())


def test_most_masks_of_a_task_are_inverted(root):
    for split in ('train', 'val'):
        for i in range(COUNT):
            mask = cv2.imread(str(root.file(f'masks/{i:02d}.png', split)), cv2.IMREAD_UNCHANGED)
            root.save(f'masks/{i:02d}.png', 1 - mask, split)
    (problem,) = check_data(root.path, workers=0).problems
    assert problem.message.startswith("in 48 of 48 masks of task 'organ' the classes have the border of the image")


def test_points_that_a_task_orders(root):
    axis = dict(name='axis', type='landmark', points=['left', 'right'], ordered=[('x', 'left', 'right')])
    assert check_data(root.path, [axis], workers=0).problems == []
    root.change('axis', point_1_xy='[43, 20]', point_2_xy='[13, 45]')
    problems = check_data(root.path, [axis], workers=0).by_kind()
    assert set(problems) == {'points in another order', 'points in an unusual order'}
    (problem,) = problems['points in another order']
    assert (
        'axis.csv, row 5: points 1 and 2, [43.0, 20.0] and [13.0, 45.0], are not in the order of x' in problem.message
    )


def test_points_at_any_angle_have_no_usual_order(root):
    every_row(
        'axis', point_1_xy=lambda i: f'[{40 + 9 * (-1) ** i}, 20]', point_2_xy=lambda i: f'[40, {20 + (-1) ** i}]'
    )(root)
    assert found(root) == {}


def test_clean_data_has_no_problem(root):
    assert found(root) == {}


def test_names_of_left_and_right_that_no_one_swaps(root):
    axis = dict(name='axis', type='landmark', points=['left', 'right'])
    (problem,) = check_data(root.path, [axis], workers=0).problems
    assert (problem.kind, problem.task, problem.stops_training) == ('left and right', 'axis', False)
    assert check_data(root.path, [axis | dict(swaps=[('left', 'right')])], workers=0).problems == []


@pytest.mark.slow
def test_real_data_can_be_trained_on_and_its_leaks_are_found():
    path = os.environ.get('AURORA_REAL_DATA')
    if path is None:
        pytest.skip('AURORA_REAL_DATA names no data set to read')
    report = check_data(path)
    assert not report.stops_training
    assert sum(report.rows.values()) == 1195
    assert set(report.by_kind()) <= {
        'alike images',
        'alike images in several splits',
        'same image twice',
        'same image with different labels',
        'points in an unusual order',
        'unusual number of pixels',
        'unusual brightness',
    }
    leaks = [p.images for p in report.by_kind()['alike images in several splits']]
    assert any({Path(a).name, Path(b).name} == {'benign_249.png', 'benign_204.png'} for a, b in leaks)


@pytest.mark.parametrize('fault', FAULTS)
def test_a_fault_is_found_and_no_other(root, fault):
    put, kind, place, stops = FAULTS[fault]
    put(root)
    report = check_data(root.path, workers=0)
    kinds = report.by_kind()
    assert report.stops_training == stops
    if kind is None:
        assert any(place in problem.message for problem in report.problems)
        return
    assert kind in kinds
    assert any(place in problem.message for problem in kinds[kind]), kinds[kind]
    related = {'same image twice', 'unusual brightness', 'class with few images', 'images without a group'}
    assert set(kinds) - {kind} <= related, {k: v[0].message for k, v in kinds.items()}


@pytest.mark.slow
def test_workers_find_the_same(root):
    marked(root)
    root.change('kind', mask=5)
    one, two = check_data(root.path, workers=0), check_data(root.path, workers=2)
    assert one.problems == two.problems
    assert one.rows == two.rows


def test_images_with_a_known_spacing_are_counted(root, capsys):
    assert check_data(root.path, workers=0).images_with_spacing == 0
    contradicting_spacing(root)  # one by the column, and a further one by the header of its file
    rows = root.rows('kind')
    rows[4] |= dict(image_path='../images/other.mha')
    root.file('images/other.mha').write_bytes(root.file('images/kind_03.mha').read_bytes())
    root.write('kind', rows)
    assert check_data(root.path, workers=0).images_with_spacing == 2
    main(['check-data', str(root.path), '--workers', '0'])
    assert 'pixel spacing in mm is known of 2 images' in capsys.readouterr().out


def test_a_root_that_is_not_split(tmp_path):
    data = Root(tmp_path / 'data', splits=('',))
    assert check_data(data.path, workers=0).rows == {('all', task): COUNT for task in TASKS}


def test_the_page_shows_pictures_and_escapes_names(root, tmp_path):
    root.save('images/<b>kind.png', picture(seed_of('kind', 'train', 5)))
    root.change('kind', image_path='../images/<b>kind.png')
    write_html_page(check_data(root.path, workers=0), tmp_path / 'check.html')
    html = (tmp_path / 'check.html').read_text()
    assert html.count('data:image/jpeg;base64,') >= 4 * 6
    assert 'same image twice: 1' in html
    assert '&lt;b&gt;kind.png' in html
    assert '<b>kind.png' not in html


def test_the_command(root, tmp_path, capsys):
    arguments = ['check-data', str(root.path), '--workers', '0', '--html', str(tmp_path / 'check.html')]
    main(arguments)
    assert 'training can read all of it' in capsys.readouterr().out
    root.change('kind', mask=5)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 1
    out = capsys.readouterr().out
    assert 'wrong row: 1  (stops training)' in out
    assert 'kind.csv, row 5' in out
    assert (tmp_path / 'check.html').is_file()


def test_a_split_without_a_usable_row_says_why_of_each_row(root):
    for task in TASKS:
        root.write(task, [row | dict(image_path='../gone.png') for row in root.rows(task)])
    problems = found(root)
    assert len(problems.pop('wrong row')) == COUNT * len(TASKS)
    assert not problems


def test_no_data(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(['check-data', str(tmp_path)])
    assert 'no data' in capsys.readouterr().err


def test_shards_at_a_url(root, tmp_path, capsys):
    """What is found is what is found in the loose files."""
    make_shards(root.path, tmp_path / 'shards')
    root_file = f'file://{tmp_path}/shards'
    cache = ['--shard-cache', str(tmp_path / 'cache'), '1']
    main(['check-data', str(root.path), '--workers', '0'])
    loose = capsys.readouterr().out
    main(['check-data', root_file, *cache, '--workers', '0', '--html', str(tmp_path / 'check.html')])
    packed = capsys.readouterr().out
    assert root_file in packed
    assert packed.splitlines()[0].partition(': ')[2] == loose.splitlines()[0].partition(': ')[2]
    assert 'training can read all of it' in packed
    assert 'data:image' in (tmp_path / 'check.html').read_text()
    for wrong, message in [([], 'is a URL'), (['--shard-cache', 'a', 'b'], "'b' is no number of GB")]:
        with pytest.raises(SystemExit) as end:
            main(['check-data', root_file, *wrong])
        assert end.value.code == 2
        assert message in capsys.readouterr().err
