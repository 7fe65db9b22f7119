"""Exports of VIA, CVAT, Label Studio, LabelMe and YOLO: what they say beyond what every layout is tested for."""

from __future__ import annotations

import base64
import json
import shutil
import unicodedata

import cv2
import numpy as np
import pytest

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing import ImportOptions, find_tasks, write_tasks
from aurora_mm.importing.brush_runs import decode_brush
from tests.importing import trees

# Turned by a right angle it reaches from x -10 to 10 and from y 8 to 28.
TURNED = 'xtl="-10.00" ytl="8.00" xbr="10.00" ybr="28.00" rotation="90"'


@pytest.fixture
def src(tmp_path):
    return tmp_path / 'src'


@pytest.fixture
def told(monkeypatch):
    """What the log says, without the folder at the beginning."""
    messages = []

    def print_log(text, **options):
        messages.append(text.partition(': ')[2])

    monkeypatch.setattr('aurora_mm.importing.tree.print_log', print_log)
    return messages


def task_of(source, task_type, **options):
    return next(item for item in find_tasks(source, ImportOptions(**options))[1] if item.task.type == task_type)


def answers(item):
    return [row.answer() for row in item.rows]


def refused(source, message, error=DataError, **options):
    with pytest.raises(error, match=message):
        answers_of_all = [answers(item) for item in find_tasks(source, ImportOptions(**options))[1]]
        assert not answers_of_all


def edit(file, change):
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def edit_text(file, old, new, count=-1):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, count))


def inside_ellipse(cx, cy, rx, ry, degrees):
    """By the equation of an ellipse, at the centres of pixels."""
    y, x = np.mgrid[: trees.HEIGHT, : trees.WIDTH] + 0.5
    turn = np.deg2rad(degrees)
    along = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
    across = -(x - cx) * np.sin(turn) + (y - cy) * np.cos(turn)
    return (along / rx) ** 2 + (across / ry) ** 2 <= 1


def alike(mask, wanted):
    return np.mean(mask != wanted) < 0.01


class TestVia:
    def file(self, src):
        trees.via(src)
        return src / 'via_project.json'

    def region(self, src, number, change):
        def apply(content):
            change(next(iter(content['_via_img_metadata'].values()))['regions'][number])

        edit(src / 'via_project.json', apply)

    def test_ellipses_and_circles_are_areas(self, src):
        self.file(src)
        self.region(src, 0, lambda r: r.update(shape_attributes=dict(name='circle', cx=20, cy=15, r=9)))
        assert alike(answers(task_of(src, 'segmentation'))[0]['mask'], inside_ellipse(20, 15, 9, 9, 0))
        turned = dict(name='ellipse', cx=30, cy=20, rx=18, ry=7, theta=np.pi / 6)
        self.region(src, 0, lambda r: r.update(shape_attributes=turned))
        assert alike(answers(task_of(src, 'segmentation'))[0]['mask'], inside_ellipse(30, 20, 18, 7, 30))

    def test_points_have_the_order_of_the_project(self, src):
        file = self.file(src)
        options = dict(right='', left='', lesion='')
        edit(file, lambda c: c['_via_attributes']['region']['finding'].update(options=options))
        item = task_of(src, 'landmark')
        assert item.task.points == ('right', 'left')
        np.testing.assert_array_equal(answers(item)[0]['points'], [trees.BOX[2:], trees.BOX[:2]])

    def test_the_class_is_the_attribute_that_is_called_so(self, src, told):
        self.file(src)
        for number in range(4):
            self.region(src, number, lambda r: r['region_attributes'].update(quality='good'))
        assert task_of(src, 'segmentation').task.classes == ('background', 'lesion')
        assert told == ['attributes that are not read: quality']
        self.region(src, 0, lambda r: r['region_attributes'].update(category='b'))
        refused(src, 'regions have the attributes finding, quality, category; which of them is the class')

    def test_ticked_boxes(self, src):
        self.file(src)
        self.region(src, 0, lambda r: r['region_attributes'].update(finding=dict(cyst=True, lesion=False)))
        assert task_of(src, 'segmentation').task.classes == ('background', 'lesion', 'cyst')
        self.region(src, 0, lambda r: r['region_attributes'].update(finding=dict(cyst=True, lesion=True)))
        refused(src, "image '0.png' has a region whose attribute 'finding' is .*not one class")

    def test_regions_without_attributes_are_of_one_class(self, src):
        file = self.file(src)

        def bare(content):
            for image in content['_via_img_metadata'].values():
                image['regions'] = [dict(image['regions'][0], region_attributes={})]

        edit(file, bare)
        assert find_tasks(src)[1][0].task.classes == ('background', 'object')

    def test_what_does_not_fit_is_told(self, src, told):
        file = self.file(src)

        def change(content):
            first, second, _ = content['_via_img_metadata'].values()
            first['size'] += 1
            second['regions'] = []

        edit(file, change)
        trees.save(src / 'more.png', trees.picture(9))
        find_tasks(src)
        assert told == [
            '1 images are named by no file of labels and left out, such as more.png',
            '1 images have no region, and are taken as images in which there is nothing',
            '1 image files have another size in bytes than when they were drawn in: if they were scaled, regions lie '
            'elsewhere',
            '1 images without any point are left out of the landmark task',
        ]

    def test_one_image_in_two_files(self, src):
        self.file(src)
        shutil.copy(src / 'via_project.json', src / 'copy.json')
        refused(src, r"via_project\.json: image '0.png' is listed by .*copy\.json too; remove one of the files")

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (dict(name='polyline', all_points_x=[1, 2], all_points_y=[1, 2]), "of the shape 'polyline'"),
            (dict(name='polygon', all_points_x=[1, 2, 3], all_points_y=[1, 2]), 'that VIA does not write'),
            (dict(name='polygon', all_points_x=[1, 2], all_points_y=[1, 2]), 'a polygon of 2 points'),
            (
                dict(name='polygon', all_points_x=[1, 900, 3], all_points_y=[1, 2, 5]),
                "'lesion' far outside of its 60 x",
            ),
            (dict(name='circle', cx=20, cy=15, r=0), 'an ellipse of radii 0 and 0'),
        ],
    )
    def test_regions_that_cannot_be_read(self, src, change, message):
        self.file(src)
        self.region(src, 0, lambda r: r.update(shape_attributes=change))
        refused(src, f"via_project.json: image '0.png' has a .*{message}")

    def test_an_image_that_is_not_there(self, src):
        self.file(src)
        (src / '1.png').unlink()
        refused(src, r"via_project\.json: lists the image '1.png', which is not in ")

    def test_a_table_of_via_1(self, src):
        trees.via_csv(src)
        edit_text(src / 'via_export_csv.csv', 'filename,', '#filename,', 1)
        assert len(task_of(src, 'detection').rows) == 3

    def test_two_images_of_one_name_in_a_table(self, src):
        trees.via_csv(src)
        lines = (src / 'via_export_csv.csv').read_text().splitlines()
        name, size, rest = lines[-1].split(',', 2)
        (src / 'via_export_csv.csv').write_text('\n'.join([*lines, f'{name},{int(size) + 1},{rest}']))
        refused(src, r"via_export_csv\.csv: image '2.png' is listed twice")

    def test_a_name_without_a_folder_is_not_that_of_a_folder_below(self, src):
        self.file(src)
        trees.save(src / 'older' / '0.png', trees.picture(9))
        assert [row.path for row in task_of(src, 'segmentation').rows] == ['0.png', '1.png', '2.png']

    def test_letters_that_macos_takes_apart(self, src):
        file = self.file(src)
        (src / '1.png').rename(src / unicodedata.normalize('NFD', 'Läsion.png'))
        edit_text(file, '"filename": "1.png"', '"filename": "L\\u00e4sion.png"')
        assert len(task_of(src, 'segmentation').rows) == 3

    def test_a_table_row_that_is_not_of_via(self, src):
        trees.via_csv(src)
        edit_text(src / 'via_export_csv.csv', '{""name"": ""rect""', '{""name"": rect', 1)
        refused(src, r'via_export_csv\.csv, row 3: is no row of VIA')


class TestCvat:
    def file(self, src):
        trees.cvat(src)
        return src / 'annotations.xml'

    def test_a_turned_box_is_the_one_around_it(self, src):
        """By a quarter about its centre: sides change places."""
        edit_text(self.file(src), 'z_order="0"/><mask', 'rotation="90.00" z_order="0"/><mask')
        np.testing.assert_allclose(answers(task_of(src, 'detection'))[0]['bbox'], (12, 6, 32, 30), atol=1e-9)

    def test_a_turned_box_is_cut_at_the_edge(self, src):
        self.file(src)
        edit_text(src / 'annotations.xml', 'xtl="10.00" ytl="8.00" xbr="34.00" ybr="28.00"', TURNED)
        assert answers(task_of(src, 'detection'))[0]['bbox'] == pytest.approx([0, 8, 10, 28])

    def test_a_turned_ellipse(self, src):
        text = '<ellipse label="lesion" cx="30.00" cy="20.00" rx="18.00" ry="7.00" rotation="30" z_order="0"/></image>'
        edit_text(self.file(src), '</image>', text, 1)
        mask = answers(task_of(src, 'segmentation'))[0]['mask']
        assert alike(mask, inside_ellipse(30, 20, 18, 7, 30) | (trees.mask() == 1))

    def test_what_lies_above_is_painted_last(self, src):
        cyst = '<polygon label="cyst" points="0,0;60,0;60,40;0,40" z_order="{}"/></image>'
        edit_text(self.file(src), '</image>', cyst.format(-1))
        item = task_of(src, 'segmentation')
        assert item.task.classes == ('background', 'lesion', 'cyst')
        np.testing.assert_array_equal(answers(item)[0]['mask'], 2 - trees.mask())
        edit_text(src / 'annotations.xml', 'z_order="-1"', 'z_order="1"')
        assert (answers(task_of(src, 'segmentation'))[0]['mask'] == 2).all()

    def test_several_points_of_one_element(self, src):
        file = self.file(src)
        edit_text(file, '</image>', '<points label="axis" points="1,2;3,4.5"/></image>')
        item = task_of(src, 'landmark')
        assert item.task.points == ('axis_1', 'axis_2', 'left', 'right')
        np.testing.assert_array_equal(answers(item)[0]['points'][:2], [[1, 2], [3, 4.5]])

    def test_a_joint_that_is_outside_is_not_labelled(self, src, told):
        file = self.file(src)
        edit_text(file, 'label="left" outside="0"', 'label="left" outside="1"', 1)
        assert [answer['points'][0] is None for answer in answers(task_of(src, 'landmark'))] == [True, False, False]
        assert "points are missing in some of 3 images: 'left' in 1" in told
        edit_text(file, 'label="right" outside="0"', 'label="right" outside="1"', 1)
        assert len(task_of(src, 'landmark').rows) == 2

    def test_a_point_that_was_not_drawn(self, src, told):
        edit_text(self.file(src), '<points label="left" outside="0" points="10.00,8.00"/>', '', 1)
        message = (
            r"annotations\.xml: image 'images/0.png' has the points \['right'\], not \['left', 'right'\]; --missing"
        )
        refused(src, message)
        found = answers(task_of(src, 'landmark', missing_points=True))
        assert found[0]['points'] == [None, list(trees.BOX[2:])]
        assert told == ["points are missing in some of 3 images: 'left' in 1"]
        edit_text(src / 'annotations.xml', 'label="left"', 'label="right"', 1)
        refused(src, r"image 'images/1.png' has the points \['right', 'right'\], not .*'right'\]$", missing_points=True)

    def test_several_tags_an_image(self, src):
        edit_text(self.file(src), '<tag label="benign"', '<tag label="malignant"/><tag label="benign"', 1)
        item = task_of(src, 'multi_label_classification')
        assert item.task.classes == ('benign', 'malignant')
        assert [answer['gt_labels'] for answer in answers(item)] == [[0, 1], [1], [0]]

    def test_subsets_are_splits(self, src):
        file = self.file(src)
        for number, subset in enumerate(('Train', 'Validation', 'Validation')):
            edit_text(file, f'name="{number}.png"', f'name="{number}.png" subset="{subset}"')
            (src / 'images' / subset).mkdir(exist_ok=True)
            (src / 'images' / f'{number}.png').rename(src / 'images' / subset / f'{number}.png')
        assert [row.split for row in task_of(src, 'segmentation').rows] == ['train', 'val', 'val']

    def test_one_name_in_two_subsets(self, src):
        file = self.file(src)
        edit_text(file, 'name="0.png"', 'name="1.png" subset="Train"')
        edit_text(file, 'name="1.png" width', 'name="1.png" subset="Test" width')
        edit_text(file, 'name="2.png" width', 'name="2.png" subset="Test" width')
        for name, subset in (('0.png', 'Train/1.png'), ('1.png', 'Test/1.png'), ('2.png', 'Test/2.png')):
            (src / 'images' / subset).parent.mkdir(exist_ok=True)
            (src / 'images' / name).rename(src / 'images' / subset)
        rows = task_of(src, 'segmentation').rows
        assert [row.path for row in rows] == ['images/Train/1.png', 'images/Test/1.png', 'images/Test/2.png']

    def test_what_is_not_read_is_told(self, src, told):
        file = self.file(src)
        edit_text(file, '</skeleton>', '</skeleton><tag label="benign"><attribute name="view">long</attribute></tag>')
        start = file.read_text().index('<image id="2"')
        end = file.read_text().index('</image>', start)
        file.write_text(
            file.read_text()[:start] + '<image name="2.png" width="60" height="40">' + file.read_text()[end:]
        )
        find_tasks(src)
        assert told == [
            'attributes that are not read: view',
            '1 images have no shape, and are taken as images in which there is nothing',
            '1 images without a class are left out of the multi_label_classification task',
            '1 images without any point are left out of the landmark task',
        ]

    @pytest.mark.parametrize(
        ('old', 'new', 'message'),
        [
            ('height="40"', 'height="41"', r'lists \(height, width\) \(41, 60\), but the image'),
            ('height="40"', '', 'has an image without a name or a size'),
            ('<tag label', '<cuboid label', "image 'images/0.png' has a shape of type 'cuboid'"),
            (
                'rle="0, ',
                'rle="7, ',
                "image 'images/0.png' has a mask that CVAT does not write .runs of 487 pixels in 24 x 20",
            ),
            ('left="10"', 'left="50"', 'has a mask that CVAT does not write .it ends at 74, 28'),
            ('xtl="10.00"', 'xtl="ten"', 'has a box that CVAT does not write'),
            ('xtl="10.00"', 'xtl="-2.00"', "image 'images/0.png' has a box at -2, 8, 34, 28, outside of its 60 x 40"),
            ('<meta>', '<track id="0" label="x"></track><meta>', 'a file of "CVAT for video"; export the task as'),
            ('</annotations>', '', 'is no XML file'),
        ],
    )
    def test_what_cannot_be_read(self, src, old, new, message):
        edit_text(self.file(src), old, new, 1)
        refused(src, f'annotations.xml: .*{message}')


class TestLabelStudio:
    def file(self, src):
        trees.label_studio(src)
        return next(src.glob('*.json'))

    def result(self, file, number, **change):
        edit(file, lambda tasks: tasks[0]['annotations'][0]['result'][number].update(change))

    def value(self, file, number, **change):
        edit(file, lambda tasks: tasks[0]['annotations'][0]['result'][number]['value'].update(change))

    def test_brush_bytes_of_all_kinds_of_runs(self):
        """Four sizes of runs, one of different values, and alpha of half and less."""
        mask = np.random.default_rng(0).random((9, 500)) < 0.1
        mask[3] = True
        np.testing.assert_array_equal(decode_brush(trees.brush_bytes(mask), mask.shape), mask)
        bits = f'{8:032b}{7:05b}' + '0010' * 4 + '000111' + ''.join(f'{v:08b}' for v in (9, 9, 9, 127, 9, 9, 9, 128))
        numbers = [int(bits[i : i + 8].ljust(8, '0'), 2) for i in range(0, len(bits), 8)]
        assert decode_brush(numbers, (1, 2)).tolist() == [[False, True]]

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (lambda rle: rle[:-2], 'the bytes end within a run'),
            (lambda rle: [0, 0, 0, 4, *rle[4:]], '4 values are not those of 60 x 40 pixels'),
            (lambda rle: [*rle[:9], 400], 'these are no bytes'),
            (lambda rle: 'abc', 'these are no bytes'),
            (lambda rle: [], 'these are no bytes'),
        ],
    )
    def test_brush_bytes_that_are_none(self, src, change, message):
        file = self.file(src)
        rle = json.loads(file.read_text())[0]['annotations'][0]['result'][1]['value']['rle']
        self.value(file, 1, rle=change(rle))
        refused(src, f"json: image 'images/0.png' has a brush mask that Label Studio does not write .*{message}")

    def test_polygons_and_ellipses(self, src):
        file = self.file(src)
        corners = [[50, 25], [100, 25], [100, 75], [50, 75]]
        self.result(file, 1, type='polygonlabels', value=dict(points=corners, closed=True, polygonlabels=['lesion']))
        mask = answers(task_of(src, 'segmentation'))[0]['mask']
        assert mask[10:30, 30:].all() and mask.sum() == 600
        oval = dict(x=50, y=50, radiusX=30, radiusY=17.5, rotation=30, ellipselabels=['lesion'])
        self.result(file, 1, type='ellipselabels', value=oval)
        assert alike(answers(task_of(src, 'segmentation'))[0]['mask'], inside_ellipse(30, 20, 18, 7, 30))

    def test_a_turned_rectangle_is_the_box_around_it(self, src):
        """By a quarter about its top left corner, clockwise: its height then points to the left."""
        file = self.file(src)
        self.value(file, 0, x=50, y=25, width=20, height=25, rotation=90)  # 30, 10 and 12 x 10 pixels
        np.testing.assert_allclose(answers(task_of(src, 'detection'))[0]['bbox'], (20, 10, 30, 22), atol=1e-9)

    def test_a_box_at_the_edge_of_the_image(self, src):
        """Percentages that add up to a little more than 100."""
        file = self.file(src)
        self.value(file, 0, x=40, y=70, width=60.0000001, height=30.5)
        assert answers(task_of(src, 'detection'))[0]['bbox'] == [24, 28, 60, 40]
        self.value(file, 0, height=40)
        refused(src, "image 'images/0.png' has a box at 24, 28, 60, 44, outside of its 60 x 40 pixels")

    @pytest.mark.parametrize(
        ('name', 'listed'),
        [
            ('0.png', '/data/local-files/?d=scans/0.png'),
            ('0.png', 's3://bucket/scans/images/0.png'),
            ('0.png', 'https://host/scans/0.png?signature=ab%2Fc'),
            ('Läsion 1 (re).png', '/data/upload/3/1a2b3c4d-L%C3%A4sion_1_re.png'),
            ('1a2b3c4d-0.png', '/data/upload/3/1a2b3c4d-0.png'),
            ('a b.png', '/data/local-files/?d=scans/a%20b.png'),
        ],
    )
    def test_images_are_found_by_their_address(self, src, name, listed):
        file = self.file(src)
        (src / 'images' / '0.png').rename(src / 'images' / name)
        edit(file, lambda tasks: tasks[0]['data'].update(image=listed))
        assert task_of(src, 'segmentation').rows[0].path == f'images/{name}'

    def test_images_that_cannot_be_told_apart(self, src):
        file = self.file(src)
        for name in ('a b.png', 'a (b).png'):
            shutil.copy(src / 'images' / '0.png', src / 'images' / name)
        edit(file, lambda tasks: tasks[0]['data'].update(image='/data/upload/3/1a2b3c4d-a_b.png'))
        refused(src, r'task 1 is about /data/upload/3/1a2b3c4d-a_b.png, which is images/a \(b\).png or images/a b.png')
        edit(file, lambda tasks: tasks[0]['data'].update(image='/data/upload/3/1a2b3c4d-none.png'))
        refused(src, 'task 1 is about /data/upload/3/1a2b3c4d-none.png, which is no image in')

    def test_which_annotation_counts(self, src, told):
        file = self.file(src)
        edit(file, lambda tasks: tasks[0]['annotations'].append(dict(result=[], was_cancelled=True)))
        edit(file, lambda tasks: tasks[1]['annotations'][0].update(was_cancelled=True))
        assert len(task_of(src, 'segmentation').rows) == 2
        assert '1 tasks without an annotation are left out' in told
        edit(file, lambda tasks: tasks[0]['annotations'].append(dict(result=[], ground_truth=False)))
        refused(src, 'task 1 has 2 annotations, of which 0 are marked as ground truth; one must be')
        edit(file, lambda tasks: tasks[0]['annotations'][-1].update(ground_truth=True))
        assert not answers(task_of(src, 'segmentation'))[0]['mask'].any()
        assert '1 images have no result, and are taken as images in which there is nothing' in told

    def test_a_class_that_all_images_have_is_no_task(self, src, told):
        file = self.file(src)
        edit(file, lambda tasks: [t['annotations'][0]['result'][4]['value'].update(choices=['done']) for t in tasks])
        assert {item.task.name for item in find_tasks(src)[1]} == {'src_point', 'src_polygon', 'src_rectangle'}
        assert told == ["all images with a class have 'done', of which no task is made"]

    def test_results_that_are_not_read_are_told(self, src, told):
        file = self.file(src)
        note = dict(id='n', from_name='note', to_name='image', type='textarea', value=dict(text=['good']))
        edit(file, lambda tasks: [task['annotations'][0]['result'].append(note) for task in tasks])
        find_tasks(src)
        assert told == ["3 results of type 'textarea' are not read"]

    def test_a_choice_about_a_region_is_no_class_of_the_image(self, src, told):
        file = self.file(src)

        def change(tasks):
            for task in tasks:
                results = task['annotations'][0]['result']
                place = {key: results[0]['value'][key] for key in ('x', 'y', 'width', 'height')}
                results[4] |= dict(id='r0', value=place | results[4]['value'])

        edit(file, change)
        assert {item.task.type for item in find_tasks(src)[1]} == {'landmark', 'segmentation', 'detection'}
        assert told == ["3 results of type 'choices' about single regions are not read"]

    def test_shapes_that_are_not_known(self, src):
        file = self.file(src)
        self.result(file, 0, type='vectorlabels', value=dict(vertices=[], vectorlabels=['lesion']))
        refused(src, "image 'images/0.png' has a shape of the type 'vectorlabels', which is not known")

    def test_two_images_of_a_task(self, src):
        file = self.file(src)
        second = '/data/upload/3/1a2b3c4d-2.png'
        edit(file, lambda tasks: tasks.pop())
        edit(file, lambda tasks: tasks[0].update(data=dict(first=second, image=tasks[0]['data']['image'])))
        assert task_of(src, 'segmentation').rows[0].path == 'images/0.png'
        edit(file, lambda tasks: tasks[0]['annotations'][0].update(result=tasks[1]['annotations'][0]['result'][:0]))
        assert not answers(task_of(src, 'segmentation'))[0]['mask'].any()
        trees.label_studio(src)
        edit(file, lambda tasks: tasks[0]['data'].update(first=second))
        self.result(file, 0, to_name='first')
        refused(src, 'task 1 has several images, .*0.png, .*2.png, and which of them .* not clear .first, image.')

    def test_a_region_and_its_label_as_two_results(self, src):
        """As a tag Rectangle with a tag Labels has it."""
        file = self.file(src)

        def change(tasks):
            for task in tasks:
                results = task['annotations'][0]['result']
                value = {key: results[0]['value'][key] for key in ('x', 'y', 'width', 'height')}
                results[0] |= dict(type='labels', value=value | dict(labels=['lesion']))
                results.append(results[0] | dict(type='rectangle', value=value))

        edit(file, change)
        assert answers(task_of(src, 'detection'))[0]['bbox'] == pytest.approx(trees.BOX)

    @pytest.mark.parametrize(
        ('number', 'change', 'message'),
        [
            (0, dict(image_rotation=90), 'was rotated in Label Studio'),
            (0, dict(original_width=61), 'has results that list .height, width'),
            (0, dict(value=dict(x=1, y=1, width=5, height=5, rectanglelabels=['a', 'b'])), 'it has 2 labels: a, b'),
            (1, dict(value=dict(points=[[1, 1], [2]])), 'that Label Studio does not write'),
        ],
    )
    def test_results_that_cannot_be_read(self, src, number, change, message):
        file = self.file(src)
        self.result(file, number, **change)
        refused(src, f"image 'images/0.png' .*{message}")

    def test_an_image_of_another_size(self, src):
        file = self.file(src)
        edit(file, lambda tasks: [r.update(original_width=120) for r in tasks[0]['annotations'][0]['result'][:4]])
        refused(src, r'lists \(height, width\) \(40, 120\), but the image')

    def test_the_short_form_is_refused(self, src):
        file = self.file(src)
        file.write_text(json.dumps([dict(image='/data/upload/3/0.png', annotator=1, annotation_id=2, label=[])]))
        refused(src, 'task 1 has no list of annotations; export the project as "JSON", not as "JSON-MIN"')


class TestLabelMe:
    def shape(self, src, number, **change):
        edit(src / '0.json', lambda content: content['shapes'][number].update(change))

    def test_circles_and_masks_are_areas(self, src):
        trees.labelme(src)
        self.shape(src, 0, shape_type='circle', points=[[20, 15], [20, 24]])
        assert alike(answers(task_of(src, 'segmentation'))[0]['mask'], inside_ellipse(20, 15, 9, 9, 0))
        x1, y1, x2, y2 = trees.BOX
        picture = base64.b64encode(cv2.imencode('.png', np.ones((y2 - y1, x2 - x1), np.uint8))[1]).decode()
        self.shape(src, 0, shape_type='mask', points=[[x1, y1], [x2 - 1, y2 - 1]], mask=picture)
        np.testing.assert_array_equal(answers(task_of(src, 'segmentation'))[0]['mask'], trees.mask())
        self.shape(src, 0, mask='no picture')
        refused(src, r'0\.json: has a mask that is no picture within its 60 x 40 pixels')

    def test_a_box_outside_of_its_image(self, src):
        trees.labelme(src)
        self.shape(src, 1, points=[[10, 8], [62, 28]])
        refused(src, r'0\.json: has a box at 10, 8, 62, 28, outside of its 60 x 40 pixels')
        self.shape(src, 1, points=[[10, 8], [10, 28]])
        refused(src, r"0\.json: has a box of 'lesion' without an area within its 60 x 40 pixels")

    def test_flags_are_told(self, src, told):
        trees.labelme(src)
        edit(src / '0.json', lambda content: content.update(flags=dict(benign=True, malignant=False)))
        edit(src / '1.json', lambda content: content.update(flags=dict(benign=False)))
        find_tasks(src)
        assert told == ['the flags of 1 images are not read']

    def test_points_with_numbers_have_their_order(self, src):
        trees.labelme(src)
        for i in range(3):
            edit(src / f'{i}.json', lambda c: (c['shapes'][2].update(label='p10'), c['shapes'][3].update(label='p2')))
        assert task_of(src, 'landmark').task.points == ('p2', 'p10')

    def test_classes_of_several_tasks(self, src):
        """One name takes all boxes as one class; several would name the classes of one task."""
        trees.labelme(src)
        found = {item.task.type: item.task for item in find_tasks(src, ImportOptions(classes=('mass',)))[1]}
        assert found['detection'].classes == ('mass',)
        assert found['segmentation'].classes == ('background', 'lesion')
        refused(
            src,
            '--classes names the classes of one task, but .*point, polygon, rectangle',
            ConfigError,
            classes=('a', 'b'),
        )

    def test_what_has_no_other_half_is_told(self, src, told):
        trees.labelme(src)
        (src / '0.json').unlink()
        (src / '1.png').unlink()
        find_tasks(src)
        assert told[:2] == [
            '1 images have no labels and are left out, such as 0.png',
            '1 files of labels have no image and are left out, such as 1.json',
        ]

    def test_a_shape_without_a_type_is_a_polygon(self, src):
        trees.labelme(src)
        self.shape(src, 0, shape_type=None)
        np.testing.assert_array_equal(answers(task_of(src, 'segmentation'))[0]['mask'], trees.mask())


class TestYolo:
    def flat(self, src):
        trees.yolo(src)
        for side in ('images', 'labels'):
            for file in sorted(src.glob(f'{side}/*/*')):
                file.rename(src / side / f'{file.parent.name}_{file.name}')
            (src / side / 'train').rmdir()
            (src / side / 'val').rmdir()

    @pytest.mark.parametrize(('train', 'val'), [('train', 'val'), ('Train', 'Validation')])
    def test_lists_say_the_splits(self, src, told, train, val):
        self.flat(src)
        trees.text(src / f'{train}.txt', 'data/images/train_0.png\n./images/train_1.png\n')
        trees.text(src / f'{val}.txt', 'C:\\me\\images\\val_0.png\r\n')
        (item,) = find_tasks(src)[1]
        assert {row.path[7:]: row.split for row in item.rows} == {
            'train_0.png': 'train',
            'train_1.png': 'train',
            'val_0.png': 'val',
        }
        assert '3 images that no list of a split names are left out' in told
        (src / 'labels' / 'train_1.txt').unlink()
        find_tasks(src)
        assert '1 images have no labels and are left out, such as images/train_1.png' in told
        trees.text(src / f'{val}.txt', 'images/train_0.png\n')
        refused(src, rf'{val}\.txt, row 1: lists images/train_0.png, which {train}.txt lists too')

    def test_a_list_of_one_split_says_nothing(self, src):
        self.flat(src)
        trees.text(src / 'train.txt', 'images/train_0.png\n')
        (item,) = find_tasks(src)[1]
        assert [row.split for row in item.rows] == [''] * 6

    def test_the_description_says_the_splits(self, src):
        trees.yolo(src)
        for side in ('images', 'labels'):
            (src / side / 'train').rename(src / side / 'fold1')
            (src / side / 'val').rename(src / side / 'fold2')
        trees.text(src / 'data.yaml', 'path: ../x\ntrain: ../images/fold1\nval: [images/fold2/]\nnames: [nodule]\n')
        (item,) = find_tasks(src)[1]
        assert [row.split for row in item.rows] == ['train'] * 3 + ['val'] * 3
        trees.text(src / 'data.yaml', 'train: images/fold1\nval: images/fold1\nnames: [nodule]\n')
        assert [row.split for row in find_tasks(src)[1][0].rows] == [''] * 6

    def test_what_has_no_other_half_is_told(self, src, told):
        trees.yolo(src)
        (src / 'labels' / 'train' / '0.txt').unlink()
        (src / 'images' / 'val' / '0.png').unlink()
        trees.text(src / 'labels' / 'train' / 'classes.txt', 'nodule\n')
        find_tasks(src)
        assert told == [
            '1 images have no labels and are left out, such as images/train/0.png',
            '1 files of labels have no image and are left out, such as labels/val/0.txt',
        ]

    def test_a_label_file_of_two_images(self, src):
        trees.yolo(src)
        trees.save(src / 'images' / 'train' / '0.jpg', trees.picture(3))
        refused(src, r'labels/train/0\.txt: may be of images/train/0.jpg or of images/train/0.png; remove one')

    def test_capitals_of_windows(self, src):
        self.flat(src)
        (src / 'images').rename(src / 'Images')
        (src / 'labels').rename(src / 'LABELS')
        (src / 'LABELS' / 'val_0.txt').rename(src / 'LABELS' / 'VAL_0.TXT')
        assert len(find_tasks(src)[1][0].rows) == 6

    def test_the_mark_of_windows_and_other_encodings(self, src):
        trees.yolo(src)
        for file in src.glob('labels/*/*.txt'):
            file.write_bytes(b'\xef\xbb\xbf' + file.read_bytes())
        assert answers(find_tasks(src)[1][0])[0]['bbox'] == pytest.approx(trees.BOX)
        (src / 'data.yaml').unlink()
        (src / 'classes.txt').write_bytes('Gefäß'.encode('cp1252'))
        refused(src, r'classes\.txt: is not in UTF-8')

    def test_rotated_boxes_are_told(self, src, told):
        trees.yolo_polygons(src)
        find_tasks(src)
        assert told == [
            'all polygons have four corners, as rotated boxes do; they are taken as areas, which make a mask'
        ]

    def test_polygons_have_the_names_of_their_list(self, src):
        trees.yolo_polygons(src)
        trees.text(src / 'data.yaml', 'names: [cyst, nodule]\n')
        edit_text(src / 'labels' / 'train' / '0.txt', '0 ', '1 ', 1)
        (item,) = find_tasks(src)[1]
        assert item.task.classes == ('background', 'cyst', 'nodule')
        np.testing.assert_array_equal(answers(item)[0]['mask'], 2 * trees.mask())
        (item,) = find_tasks(src, ImportOptions(classes=('background', 'a', 'b')))[1]
        assert item.task.classes == ('background', 'a', 'b')
        refused(src, 'there is the class 1, but --classes gives 1 names', ConfigError, classes=('background', 'a'))
        (src / 'data.yaml').unlink()
        assert find_tasks(src)[1][0].task.classes == ('background', 'class_0', 'class_1')

    def test_an_empty_file_is_an_empty_mask(self, src):
        trees.yolo_polygons(src)
        (src / 'labels' / 'train' / '1.txt').write_text('')
        assert [answer['mask'].any() for answer in answers(find_tasks(src)[1][0])][:3] == [True, False, True]

    def test_boxes_and_polygons_in_one_folder(self, src):
        trees.yolo_polygons(src)
        trees.text(src / 'labels' / 'val' / '1.txt', '0 .5 .5 .1 .1\n')
        refused(src, r'\.txt: holds polygons, but labels/val/1\.txt holds boxes')

    @pytest.mark.parametrize(
        'line', ['0 .1 .1 .2 .2 .3', '0 .1 .1 .2 .2 .3 x', 'a .1 .1 .2 .2 .3 .3', '0 .1 .1 .2 .2 .3 nan']
    )
    def test_lines_that_are_no_polygons(self, src, line):
        trees.yolo_polygons(src)
        trees.text(src / 'labels' / 'val' / '1.txt', line)
        refused(src, r'1\.txt, row 1: .* is no line of class, x, y, width and height or of class and three')

    def test_corners_in_pixels(self, src):
        trees.yolo_polygons(src)
        trees.text(src / 'labels' / 'val' / '1.txt', '0 1 1 20 1 20 30')
        refused(src, r"1\.txt, row 1: '0 1 1 20 1 20 30' is not normalised")

    def test_points_without_names_or_visibility(self, src):
        trees.yolo_points(src)
        trees.text(src / 'data.yaml', 'names: [head]\nkpt_shape: [2, 2]\n')
        for file in src.glob('labels/*/*.txt'):
            numbers = file.read_text().split()
            file.write_text(' '.join(numbers[:7] + numbers[8:10]))
        item = task_of(src, 'landmark')
        assert item.task.points == ('point_1', 'point_2')
        np.testing.assert_allclose(answers(item)[0]['points'], [trees.BOX[:2], trees.BOX[2:]])
        file = src / 'labels' / 'val' / '1.txt'
        file.write_text(' '.join([*file.read_text().split()[:5], '0', '0', '.5', '.5']))
        assert answers(task_of(src, 'landmark'))[4]['points'] == [None, [30, 20]]

    def test_one_object_with_points_an_image(self, src, told):
        trees.yolo_points(src)
        file = src / 'labels' / 'val' / '1.txt'
        file.write_text(file.read_text() + '0 .5 .5 .02 .02 .5 .5 2 .5 .5 2\n')
        refused(src, r'1\.txt: has 2 objects; a landmark task has one an image')
        places = answers(task_of(src, 'landmark', objects='largest'))[4]['points']
        np.testing.assert_allclose(places, [trees.BOX[:2], trees.BOX[2:]])
        assert len(task_of(src, 'landmark', objects='single').rows) == 5
        assert told == ['1 images without any point are left out of the landmark task']

    @pytest.mark.parametrize('text', ['kpt_shape: [2, 4]', 'kpt_shape: 2', 'kpt_shape: [2, 3]\nkpt_names: [a]'])
    def test_points_that_are_described_wrongly(self, src, text):
        trees.yolo_points(src)
        trees.text(src / 'data.yaml', f'names: [head]\n{text}\n')
        refused(src, r'data\.yaml: kpt_(shape|names) must')


class TestCvatMasks:
    def test_classes_may_be_renamed(self, src):
        trees.cvat_masks(src)
        assert find_tasks(src)[1][0].task.classes == ('background', 'lesion')
        (item,) = find_tasks(src, ImportOptions(classes=('nothing', 'mass')))[1]
        assert item.task.classes == ('nothing', 'mass')
        np.testing.assert_array_equal(answers(item)[0]['mask'], trees.mask())

    @pytest.mark.parametrize(
        ('line', 'message'),
        [('lesion:245,61::', "row 2: 'lesion:245,61::' is no line of name:red,green,blue"), ('a:1,2,3::', 'must name')],
    )
    def test_a_bad_list_of_colours(self, src, line, message):
        trees.cvat_masks(src)
        trees.text(src / 'labelmap.txt', f'# label\n{line}\n')
        refused(src, rf'labelmap\.txt.*{message}')


class TestVoc:
    def test_boxes_of_cvat_are_counted_from_0(self, src, told):
        """CVAT writes decimals, also where a box begins at a whole pixel."""
        trees.pascal_voc(src)
        for file in src.glob('Annotations/*.xml'):
            for side in ('xmin', 'ymin', 'xmax', 'ymax'):
                edit_text(file, f'</{side}>', f'.0</{side}>')
        x1, y1, x2, y2 = trees.BOX
        assert answers(task_of(src, 'detection'))[0]['bbox'] == [x1 + 1, y1 + 1, x2, y2]
        assert told == ['boxes were taken as counted from 0']

    def test_what_has_no_other_half_is_told(self, src, told):
        trees.pascal_voc(src)
        (src / 'Annotations' / '0.xml').unlink()
        (src / 'JPEGImages' / '1.jpg').unlink()
        find_tasks(src)
        assert told[:2] == [
            '1 images have no labels and are left out, such as JPEGImages/0.jpg',
            '1 files of labels have no image and are left out, such as Annotations/1.xml',
        ]

    def test_masks_and_marks_that_are_not_read_are_told(self, src, told):
        trees.pascal_voc(src)
        trees.save(src / 'SegmentationClass' / '0.png', trees.mask())
        for i, text in enumerate(('<difficult>1</difficult>', '<polygon><x1>3</x1></polygon>', '')):
            edit_text(src / 'Annotations' / f'{i}.xml', '<object>', f'<object>{text}')
        assert len(task_of(src, 'detection').rows) == 6
        assert told == [
            '1 images have no labels and are left out, such as SegmentationClass/0.png',
            'boxes were taken as counted from 1',
            '1 objects are marked as difficult, and their boxes are taken like others',
            '1 objects have a polygon, which is not read; their boxes are',
        ]

    def test_lists_of_cvat(self, src):
        trees.pascal_voc(src)
        lists = src / 'ImageSets' / 'Main'
        for file in lists.glob('*.txt'):
            file.unlink()
        trees.text(lists / 'Train.txt', '0\n1\n')
        trees.text(lists / 'Validation.txt', '2\n')
        trees.text(lists / 'lesion_test.txt', '0 1\n1 -1\n2 1\n')
        splits = {row.path: row.split for row in task_of(src, 'detection').rows}
        assert [splits[f'JPEGImages/{i}.jpg'] for i in range(3)] == ['train', 'train', 'val']

    def test_names_with_spaces_in_a_list_of_a_split(self, src, told):
        trees.pascal_voc(src)
        for file in (src / 'JPEGImages' / '1.jpg', src / 'Annotations' / '1.xml'):
            file.rename(file.with_name(f'a b 1{file.suffix}'))
        names = src / 'ImageSets' / 'Main' / 'train.txt'
        for line in ('"a b 1"', 'a b 1', '"a b 1" 1', 'a b 1  1', 'sub/a b 1'):
            names.write_text(f'0 -1\n{line}\n2\n')
            rows = {row.path: row.split for row in task_of(src, 'detection').rows}
            assert rows['JPEGImages/a b 1.jpg'] == rows['JPEGImages/0.jpg'] == 'train'
        names.write_text('0\n')
        told.clear()
        find_tasks(src)
        assert told[1:] == ['2 images that no file of ImageSets/Main names are left out']


def test_names_with_other_letters_and_spaces(src, tmp_path):
    trees.via(src)
    (src / '1.png').rename(src / 'Läsion links (1).png')
    edit_text(src / 'via_project.json', '"filename": "1.png"', '"filename": "L\\u00e4sion links (1).png"')
    write_tasks(find_tasks(src)[1], tmp_path / 'out')
    assert (tmp_path / 'out' / 'Läsion links (1).png').is_file()


class TestCoco:
    def test_an_image_that_is_not_listed_is_told(self, src, told):
        trees.coco_landmarks(src)
        folder = next(src.glob('**/*.png')).parent
        trees.save(folder / 'more.png', trees.picture(5))
        find_tasks(src)
        assert told == [f'1 images have no labels and are left out, such as {(folder / "more.png").relative_to(src)}']

    def test_a_file_of_any_name(self, src):
        trees.fiftyone_coco(src)
        (src / 'labels.json').rename(src / 'labels_my-project_2026-01-01.json')
        layout, (item,) = find_tasks(src)
        assert (layout.name, len(item.rows)) == ('COCO', 3)
        trees.text(src / 'other.json', '{"images": 3}')
        assert len(find_tasks(src)[1][0].rows) == 3


@pytest.mark.parametrize(
    ('layout', 'file'),
    [
        ('labelme', '1.json'),
        ('yolo', 'labels/train/1.txt'),
        ('pascal_voc', 'Annotations/1.xml'),
        ('mmseg', 'ann_dir/train/1.png'),
    ],
)
def test_files_of_one_name_that_macos_and_others_wrote(src, layout, file):
    getattr(trees, layout)(src)
    name = unicodedata.normalize('NFC', 'ü')
    whole = len(find_tasks(src)[1][0].rows)
    for image in src.glob('**/1.*'):
        if image.parent == src or image.parent.name in ('train', 'JPEGImages', 'Annotations'):
            image.rename(image.with_stem(name))
    labels = (src / file).with_stem(name)
    labels.rename(labels.with_stem(unicodedata.normalize('NFD', name)))
    for names in src.glob('ImageSets/Main/train.txt'):
        edit_text(names, '1\n', f'{name}\n', 1)
    assert len(find_tasks(src)[1][0].rows) == whole
