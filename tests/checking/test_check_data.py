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
            mask[20:40, 10 + i : 50] = 1
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


def contradicting_spacing(root):
    sitk = pytest.importorskip('SimpleITK', reason='it writes the MetaImage file')
    image = sitk.GetImageFromArray(picture(103))
    image.SetSpacing((0.1, 0.2))  # x, y
    sitk.WriteImage(image, str(root.file('images/kind_03.mha')))
    root.change('kind', image_path='../images/kind_03.mha', pixel_spacing='[0.1, 0.2]')


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
    related = {'same image twice', 'unusual brightness', 'class with few images'}
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
