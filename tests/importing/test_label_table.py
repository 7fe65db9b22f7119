"""A folder of images and a table of their labels, as hospitals keep them: found out, described, and refused."""

import csv
import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pytest

from aurora_mm.cli.main import main
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.class_masks import read_class_mask, read_class_masks
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing import ImportOptions, find_tasks, write_tasks
from aurora_mm.tasks import Task
from tests.fixtures import dicom_files
from tests.importing import trees

DOCUMENT = Path(__file__).parents[2] / 'docs' / 'data.md'


@pytest.fixture
def src(tmp_path):
    """Six pictures of 40 x 60 pixels, in two folders of patients."""
    for i in range(6):
        trees.save(tmp_path / 'src' / f'P{i // 3}' / f'{i}.png', trees.picture(i))
    return tmp_path / 'src'


def found_in(src, table, mapping=None, **options):
    trees.text(src / 'labels.csv', table)
    return find_tasks(src, ImportOptions(**options), mapping)[1]


def answers(found):
    return {row.path: row.answer() for row in found.rows}


class TestColumnsByTheirNames:
    def test_the_example_of_the_documents(self, tmp_path):
        (table,) = re.findall(r'```csv\n(file,diagnosis.*?)```', DOCUMENT.read_text(), re.DOTALL)
        for name in ('0001', '0002'):
            trees.save(tmp_path / f'{name}.png', trees.picture(1))
        (found,) = found_in(tmp_path, table)
        assert found.task.classes == ('benign', 'malignant')
        assert [(row.group, row.split) for row in found.rows] == [('P01', 'train'), ('P02', 'val')]

    def test_classes_patients_and_splits(self, src):
        (found,) = found_in(
            src,
            'Image ID,Diagnosis,Patient ID,set,age\n1,benign,A,train,40\n0,malignant,A,train,50\n5,benign,B,val,60\n',
        )
        assert found.task == Task(name='src', type='classification', classes=('benign', 'malignant'))
        assert [(row.path, row.answer()['gt_label'], row.group, row.split) for row in found.rows] == [
            ('P0/1.png', 0, 'A', 'train'),
            ('P0/0.png', 1, 'A', 'train'),
            ('P1/5.png', 0, 'B', 'val'),
        ]

    @pytest.mark.parametrize(
        ('rows', 'said'),
        [
            ('1,a,A,train\n2,b,B,train\n3,a,A,val\n', ["group 'A' has 2 images, in train, val"]),
            ('1,a,P1,train\n2,b,p 01,train\n3,a,C,val\n', ["groups 'P1' and 'p 01' differ in case, spaces, zeros"]),
            ('1,a,A,train\n2,b,A,train\n3,a,B,val\n', []),
        ],
    )
    def test_groups_that_a_split_divides(self, src, tmp_path, monkeypatch, rows, said):
        told = []
        monkeypatch.setattr(
            sys.modules['aurora_mm.importing.import_data'], 'print_log', lambda text, **_: told.append(text)
        )
        write_tasks(found_in(src, f'file,label,patient,split\n{rows}'), tmp_path / 'out')
        assert len(told) == len(said)
        assert all(text.startswith(start) for text, start in zip(told, said, strict=True))

    def test_what_is_not_read_is_told(self, src, monkeypatch):
        told = []
        for module in ('layouts.label_table', 'mapped_task'):
            monkeypatch.setattr(f'aurora_mm.importing.{module}.print_log', lambda text, **_: told.append(text))
        found_in(src, 'file,label,age,operator\n1,a,40,X\n2,b,41,Y\n3,,1,Y\n')
        assert [text.partition('labels.csv: ')[2] for text in told] == [
            'columns that are not read: age, operator; a map names further ones',
            "task 'src': left out: 1 images without a label",
            "task 'src': left out: 3 images that no row names",
        ]

    def test_several_labels_become_several_tasks(self, src):
        found = found_in(src, 'file,label,BI-RADS\n1,a,4.0\n2,b,3.0\n3,a,10\n')
        assert [(item.task.name, item.task.classes) for item in found] == [
            ('src_label', ('a', 'b')),
            ('src_BI-RADS', ('3', '4', '10')),
        ]

    def test_names_and_the_order_of_classes_may_be_given(self, src):
        table = 'file,label\n1,a\n2,b\n'
        (found,) = found_in(src, table, name='kind', classes=('b', 'a', 'c'))
        assert found.task.classes == ('b', 'a', 'c')
        assert [answer['gt_label'] for answer in answers(found).values()] == [1, 0]
        with pytest.raises(DataError, match=r"labels\.csv, row 2: 'a' in column 'label' is none of the classes b, c"):
            found_in(src, table, classes=('b', 'c'))

    def test_a_row_may_name_the_folder_of_a_patient(self, src):
        (found,) = found_in(src, 'patient,label\nP0,a\nP1,b\n')
        assert [(row.path, row.group, row.answer()['gt_label']) for row in found.rows] == [
            (f'P{i // 3}/{i}.png', f'P{i // 3}', i // 3) for i in range(6)
        ]

    @pytest.mark.parametrize(
        'header', ['xmin,ymin,xmax,ymax', 'X1,Y1,X2,Y2', 'left,top,right,bottom', 'x,y,width,height', 'x,y,w,h']
    )
    def test_boxes(self, src, header):
        end = '30,20' if 'w' in header.lower() else '40,30'
        (found,) = found_in(
            src, f'file,{header},class\n1,10,10,{end},cyst\n1,1,2,{"9,9" if end == "30,20" else "10,11"},node\n2,,,,\n'
        )
        assert found.task == Task(name='src', type='multi_object_detection', classes=('cyst', 'node'))
        assert answers(found) == {
            'P0/1.png': dict(bboxes=[[10, 10, 40, 30], [1, 2, 10, 11]], bboxes_labels=[0, 1]),
            'P0/2.png': dict(bboxes=[], bboxes_labels=[]),
        }

    def test_one_box_an_image_is_a_task_of_the_challenge(self, src):
        (found,) = found_in(src, 'file,x1,y1,x2,y2\n1,10,10,40,30\n2,1,2,3,4\n')
        assert (found.task.type, found.task.classes) == ('detection', ('object',))
        assert answers(found)['P0/2.png'] == dict(bbox=[1, 2, 3, 4])
        (found,) = found_in(src, 'file,x1,y1,x2,y2\n1,10,10,40,30\n1,1,2,3,4\n', objects='largest')
        assert answers(found) == {'P0/1.png': dict(bbox=[10, 10, 40, 30])}

    def test_attributes_of_dicom_files(self, tmp_path):
        pytest.importorskip('pydicom')
        for i in range(4):
            (tmp_path / 'src').mkdir(exist_ok=True)
            clip = np.stack([trees.picture(i)] * 2)
            dicom_files.write(tmp_path / 'src' / f'IM{i}', clip, AccessionNumber=f'A{i // 2}', PatientID=f'P{i}')
        (found,) = found_in(tmp_path / 'src', 'accession_number,diagnosis\nA0,x\nA1,y\n')
        assert [(row.path, row.answer()['gt_label']) for row in found.rows] == [
            (f'IM{i}#frame={frame}', i // 2) for i in range(4) for frame in range(2)
        ]

    @pytest.mark.parametrize(
        ('table', 'message'),
        [
            ('file,label\n1,a\n9,b\n2,a\n', r"labels\.csv, row 3: no image in .* has the name '9' of column 'file'"),
            ('file,label\n1,a\n1,b\n2,b\n', r'row 3: contradicts row 2, which names the same image'),
            ('file,label\n1,a\n2,A\n', r"row 3: 'A' in column 'label' and 'a' in row 2 differ in capitals, spaces"),
            (
                'file,label\n1,no lesion\n2,no_lesion\n',
                r"row 3: 'no_lesion' in column 'label' and 'no lesion' in row 2",
            ),
            ('file,label\n1,1\n2,01\n', r"row 3: '01' in column 'label' and '1' in row 2 differ"),
            (
                'file,label\n1,caf\u00e9\n2,cafe\u0301\n',
                r"row 3: 'cafe\\u0301' in column 'label' and 'caf\\xe9' in row 2",
            ),
            ('file,label,split\n1,a,train\n2,b,trian\n3,b,val\n', r"row 3: 'trian' in column 'split' names no split"),
            ('file,label,split\n1,a,train\n2,b,\n3,b,val\n', r"row 3: column 'split' is blank"),
            ('file,label\n1,3.7\n2,4\n', r"row 2: column 'label' holds the number 3\.7, which is no class"),
            (
                'file,weight\n1,a\n2,b\n',
                r"names images in column 'file', but none of its columns file, weight is called",
            ),
            ('file,label,patient\n1,a,\n2,b,P\n', r"row 2: column 'patient' is blank"),
            ('file,label,patient\n1,a,P\n2,b,Q\n1,a,Q\n', r"row 4: 'Q' in column 'patient' contradicts row 2, 'P'"),
            (
                'file,x1,y1,x2,y2\n1,10,10,5,30\n',
                r'row 2: the box from \(10\.0, 10\.0\) to \(5\.0, 30\.0\) has no area',
            ),
            ('file,x1,y1,x2,y2\n1,1,1,61,30\n', r'row 2: box .* not within the image .*1\.png, 60 x 40 pixels'),
            ('file,x1,y1,x2,y2\n1,.1,.1,.5,.5\n', r'row 2: box .* coordinates are in pixels, not parts of its size'),
            ('file,x1,y1,x2,y2\n1,1,1,5,\n', r"row 2: '' in column 'y2' is no number"),
        ],
    )
    def test_bad_rows(self, src, table, message):
        with pytest.raises(DataError, match=message):
            found_in(src, table)

    @pytest.mark.parametrize(
        ('table', 'name'),
        [('file,label\n1,a\n2,b\n', '1'), ('patient,x1,y1,x2,y2\nP0,1,1,5,5\nP1,1,1,5,5\n', 'P0')],
    )
    def test_a_name_of_several_images(self, src, table, name):
        """The second file called 1 would get the label of the first, and all images of a patient one box."""
        trees.save(src / 'P1' / '1.png', trees.picture(9))
        with pytest.raises(
            DataError, match=rf"row 2: '{name}' in column .* names [23] images, P0/.\.png and P./.\.png"
        ):
            found_in(src, table)

    def test_texts_that_are_no_classes(self, src):
        table = 'file,label\n' + ''.join(f'{i % 6},text {i}\n' for i in range(12))
        with pytest.raises(DataError, match="column 'label' has 12 different texts in 12 rows"):
            found_in(src, table)

    def test_two_tables_are_not_chosen_from(self, src):
        trees.text(src / 'more.csv', 'file,label\n1,a\n2,b\n')
        with pytest.raises(DataError, match=r'labels\.csv and more\.csv both name images; --map'):
            found_in(src, 'file,label\n1,a\n2,b\n')

    def test_a_table_that_names_no_images_is_no_layout(self, src):
        with pytest.raises(DataError, match='is laid out in no way that is known'):
            found_in(src, 'scanner,label\nX,a\nY,b\n')


class TestMap:
    """Every type of task by a map, through the files that training reads."""

    TABLE = (
        'file;frame_no;x;y;w;h;ga;left_x;left_y;rx;ry;cyst;scar;mask;kind;patient;fold\n'
        '0;0;5;5;10;20;21,5;1;2;30;31;1;0;m0.png;benign;A;train\n'
        '1;0;6;6;10;20;30;3;4;32,5;33;0;0;m1.png;malignant;B;val\n'
    )

    @pytest.fixture
    def src(self, src):
        for i in range(2):
            trees.save(src / 'masks' / f'm{i}.png', trees.mask(255))
        return src

    def rows(self, src, tmp_path, **item):
        common = dict(name='t', table='labels.csv', image='file', group='patient', split='fold')
        write_tasks(found_in(src, self.TABLE, [common | item]), tmp_path / 'out')
        data = [FMCUIADataset(str(tmp_path / 'out'), side, test_mode=True) for side in ('train', 'val')]
        assert [item['group'] for side in data for item in side.load_data_list()] == ['A', 'B']
        return [item for side in data for item in side.load_data_list()]

    def test_classification(self, src, tmp_path):
        rows = self.rows(src, tmp_path, type='classification', classes=['malignant', 'benign'], **{'class': 'kind'})
        assert [row['gt_label'] for row in rows] == [1, 0]

    def test_scalar_regression(self, src, tmp_path):
        rows = self.rows(src, tmp_path, type='scalar_regression', values=['age'], unit='weeks', value='ga')
        assert [row['value'] for row in rows] == [21.5, 30]

    def test_multi_label_classification(self, src, tmp_path):
        rows = self.rows(src, tmp_path, type='multi_label_classification', classes=['scar', 'cyst'])
        assert [row['gt_labels'] for row in rows] == [[1], []]
        columns = dict(fibrosis='scar', cyst='cyst')
        rows = self.rows(
            src, tmp_path / '2', type='multi_label_classification', classes=['cyst', 'fibrosis'], columns=columns
        )
        assert [row['gt_labels'] for row in rows] == [[0], []]

    def test_landmark(self, src, tmp_path):
        columns = dict(right=['rx', 'ry'], left=['left_x', 'left_y'])
        rows = self.rows(src, tmp_path, type='landmark', points=['left', 'right'], columns=columns)
        assert [row['points'] for row in rows] == [[[1, 2], [30, 31]], [[3, 4], [32.5, 33]]]
        (row, _) = self.rows(src, tmp_path / '2', type='landmark', points=['left'])
        assert row['points'] == [[1, 2]]

    def test_landmark_without_some_of_the_points(self, src, tmp_path, monkeypatch):
        monkeypatch.setattr(type(self), 'TABLE', self.TABLE.replace(';3;4;', ';;;'))
        item = dict(
            type='landmark', points=['left', 'right'], columns=dict(right=['rx', 'ry'], left=['left_x', 'left_y'])
        )
        with pytest.raises(DataError, match=r"row 3: columns 'left_x' and 'left_y' are blank; 'missing_points': true"):
            self.rows(src, tmp_path, **item)
        rows = self.rows(src, tmp_path, missing_points=True, **item)
        assert [row['points'] for row in rows] == [[[1, 2], [30, 31]], [None, [32.5, 33]]]
        with pytest.raises(ConfigError, match="missing_points is 'yes', neither true nor false"):
            self.rows(src, tmp_path, missing_points='yes', **item)
        monkeypatch.setattr(type(self), 'TABLE', self.TABLE.replace(';;;', ';3;;'))
        with pytest.raises(DataError, match=r"row 3: '' in column 'left_y' is no number"):
            self.rows(src, tmp_path / '2', missing_points=True, **item)

    def test_detection(self, src, tmp_path):
        rows = self.rows(src, tmp_path, type='detection', classes=['cyst'], box=['x', 'y', 'w', 'h'], box_format='xywh')
        assert [row['bbox'] for row in rows] == [[5, 5, 15, 25], [6, 6, 16, 26]]

    def test_multi_object_detection(self, src, tmp_path):
        rows = self.rows(
            src, tmp_path, type='multi_object_detection', classes=['malignant', 'benign'], box=['x', 'y', 'rx', 'ry'],
            **{'class': 'kind'},
        )  # fmt: skip
        assert [(row['bboxes'], row['bboxes_labels']) for row in rows] == [
            ([[5, 5, 30, 31]], [1]),
            ([[6, 6, 32.5, 33]], [0]),
        ]

    def test_segmentation(self, src, tmp_path):
        rows = self.rows(
            src, tmp_path, type='segmentation', classes=['background', 'x'], mask='mask', mask_values=[0, 255]
        )
        for row in rows:
            np.testing.assert_array_equal(cv2.imread(row['seg_map_path'], -1), trees.mask(1))

    def test_multi_label_segmentation(self, src, tmp_path):
        """Of the second image one class is not labelled; of the first, the masks overlap."""
        other = trees.mask(1)
        other[:, :20] = 1
        trees.save(src / 'masks' / 'other.png', other)
        table = 'file,whole,part,patient,fold\n0,m0.png,other.png,A,train\n1,,m1.png,B,val\n'
        item = dict(type='multi_label_segmentation', classes=['whole', 'part'])
        common = dict(name='t', table='labels.csv', image='file', group='patient', split='fold')
        write_tasks(found_in(src, table, [common | item]), tmp_path / 'out')
        (train,), (val,) = (
            FMCUIADataset(str(tmp_path / 'out'), side, test_mode=True).load_data_list() for side in ('train', 'val')
        )
        masks, _ = read_class_masks(*train['class_mask_paths'], 2)
        np.testing.assert_array_equal(masks, [trees.mask(1), other])
        assert val['class_mask_paths'][0] is None
        np.testing.assert_array_equal(read_class_mask(val['class_mask_paths'][1])[0], trees.mask(1))

    @pytest.mark.parametrize(
        ('cells', 'said'),
        [
            ('none.png,m1.png', r"row 2: 'none.png' in column 'whole' names no image file of this folder"),
            ('0.png,m1.png', 'row 2: a column of masks names the image itself'),
            ('m0.png,small.png', r'row 2: names masks of different sizes \(height, width\): \[\(5, 6\), '),
            ('m0.png,grey.png', r'grey\.png.*has values \[7\]; the mask of one class holds 0 outside'),
        ],
    )
    def test_what_are_no_masks_of_classes(self, src, tmp_path, cells, said):
        trees.save(src / 'masks' / 'small.png', np.ones((5, 6), np.uint8))
        trees.save(src / 'masks' / 'grey.png', np.full(trees.mask(1).shape, 7, np.uint8))
        item = dict(
            name='t', type='multi_label_segmentation', classes=['whole', 'part'], table='labels.csv', image='file'
        )
        with pytest.raises(DataError, match=said):
            write_tasks(found_in(src, f'file,whole,part\n0,{cells}\n', [item]), tmp_path / 'out')

    def test_a_table_of_patients_beside_masks(self, src, tmp_path):
        """Masks are found by their names, and the table says groups and splits."""
        rows = self.rows(
            src, tmp_path, type='segmentation', classes=['background', 'x'], mask_values=[0, 255],
            images='P0/{id}.png', masks='masks/m{id}.png',
        ) if (src / 'P0' / '2.png').unlink() is None else None  # fmt: skip
        assert len(rows) == 2
        trees.save(src / 'P0' / '2.png', trees.picture(1))
        trees.save(src / 'masks' / 'm2.png', trees.mask(255))
        with pytest.raises(DataError, match=r'P0/2\.png: no row of .*labels\.csv names this image'):
            self.rows(src, tmp_path / '2', type='segmentation', classes=['background', 'x'], mask_values=[0, 255],
                      images='P0/{id}.png', masks='masks/m{id}.png')  # fmt: skip

    @pytest.mark.parametrize(('first', 'is_told'), [(0, False), (1, True), (2, False)])
    def test_frames_that_may_be_counted_from_1_are_told(self, src, monkeypatch, first, is_told):
        sitk = pytest.importorskip('SimpleITK', reason='it writes the clip')
        told = []
        monkeypatch.setattr('aurora_mm.importing.tree.print_log', lambda text, **_: told.append(text))
        sitk.WriteImage(sitk.GetImageFromArray(np.stack([trees.picture(i) for i in range(5)])), str(src / 'clip.mha'))
        item = dict(name='t', type='classification', classes=['a', 'b'], table='labels.csv', image='file')
        item |= {'frame': 'no', 'class': 'kind'}
        rows = ''.join(f'clip.mha,{number},{"ab"[number % 2]}\n' for number in range(first, first + 3))
        (found,) = found_in(src, f'file,no,kind\n{rows}', [item])
        assert [row.path for row in found.rows] == [f'clip.mha#frame={first + i}' for i in range(3)]
        assert any("if column 'no' counts from 1" in text for text in told) == is_told

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (dict(table='x.csv'), "there is no table 'x.csv'"),
            (dict(image='q'), "has no column 'q', only file, frame_no"),
            (dict(group='q'), "has no column 'q', only file"),
            ({'class': 'q'}, "has no column 'q', only file"),
            ({'class': 7}, "needs 'class', the name of a column"),
            (dict(match='Accession'), "'Accession' is no keyword of a DICOM attribute"),
            (dict(match=7), 'match must be text, not 7'),
            (dict(value='ga'), "'value' has no effect here"),
            (dict(type='landmark', classes=(), points=['a']), "'class' has no effect here"),
            (dict(split='kind'), r"row 2: 'benign' in column 'kind' names no split"),
            (dict(images='P1/{id}.png'), 'names this image'),
            (dict(frame='ga'), r'row 2: P0/0\.png has 1 frames, counted from 0, but column .ga. says 21\.5'),
        ],
    )
    def test_mistakes(self, src, change, message):
        item = dict(name='t', type='classification', classes=['benign', 'malignant'], table='labels.csv', image='file')
        item |= {'class': 'kind'}
        with pytest.raises((ConfigError, DataError), match=message):
            found_in(src, self.TABLE, [item | change])

    @pytest.mark.parametrize(
        ('item', 'message'),
        [
            (dict(type='detection', classes=['a']), 'box must be the four columns of a box'),
            (dict(type='detection', classes=['a'], box=['x', 'y', 'w', 'h'], box_format='cxcywh'), 'xyxy or xywh'),
            (dict(type='multi_object_detection', classes=['a', 'b'], box=['x', 'y', 'w', 'h']), "of boxes as 'class'"),
            (dict(type='landmark', points=['a'], columns=dict(b=['x', 'y'])), 'must name the columns of each of a'),
            (dict(type='landmark', points=['a'], columns=dict(a='x')), 'must be the columns of x and y'),
            (dict(type='segmentation', classes=['background', 'x'], mask='file'), 'names the image itself'),
            (dict(type='segmentation', classes=['background', 'x'], mask='kind'), "'benign' .* names no image file"),
            (dict(type='multi_label_classification', classes=['kind']), "'benign' in column 'kind' is none of 1, true"),
        ],
    )
    def test_mistakes_of_other_types(self, src, item, message):
        with pytest.raises((ConfigError, DataError), match=message):
            answers(found_in(src, self.TABLE, [dict(name='t', table='labels.csv', image='file') | item])[0])

    def test_a_table_is_needed(self, src):
        with pytest.raises(ConfigError, match="labels of type landmark come from a table; name its file as 'table'"):
            found_in(src, self.TABLE, [dict(name='t', type='landmark', points=['a'])])

    def test_the_example_of_the_documents(self, tmp_path):
        """The keys of the document are those that are read: each task is found in a folder that fits it."""
        (text,) = re.findall(r'```json\n(\[\n  {"name": "gestation".*?)```', DOCUMENT.read_text(), re.DOTALL)
        age, heart, lesion = json.loads(text)
        src = tmp_path / 'src'
        trees.save(src / 'Images' / 'bus_1.png', trees.picture(1))
        trees.save(src / 'Masks' / 'mask_1.png', trees.mask(255))
        trees.text(src / 'labels.csv', 'file,ga_weeks,patient\nbus_1,21,A\n')
        trees.text(src / 'patients.csv', 'ID,Case\nbus_1,7\n')
        assert [find_tasks(src, mapping=[item])[1][0].rows[0].group for item in (age, lesion)] == ['A', '7']
        dicom_files.write(src / 'a.dcm', np.stack([trees.picture(1)] * 2), AccessionNumber='N1')
        workbook = openpyxl.Workbook()
        for row in (['accession', 'frame', 'x1', 'y1', 'x2', 'y2'], ['N1', 1, 1, 2, 3, 4]):
            workbook.active.append(row)
        workbook.save(src / 'points.xlsx')
        (found,) = find_tasks(src, mapping=[heart])[1]
        assert answers(found) == {'a.dcm#frame=1': dict(points=[[1, 2], [3, 4]])}

    def test_a_second_box_of_a_task_of_one(self, src):
        item = dict(name='t', type='detection', classes=['a'], table='labels.csv', box=['x1', 'y1', 'x2', 'y2'])
        with pytest.raises(DataError, match='row 3: is a second box in the image of row 2'):
            found_in(src, 'file,x1,y1,x2,y2\n1,1,1,5,5\n1,2,2,6,6\n', [item])


class TestDicom:
    @pytest.fixture
    def src(self, tmp_path):
        pytest.importorskip('pydicom')
        (tmp_path / 'src').mkdir()
        for i in range(2):
            clip = np.stack([trees.picture(10 * i + k) for k in range(3)])
            dicom_files.write(tmp_path / 'src' / f'{i}.dcm', clip, PatientID='ANONYMOUS')
        return tmp_path / 'src'

    def test_frames_and_the_patients_of_the_table(self, src, tmp_path):
        """Archives without names have one patient id for all, where the table tells patients apart."""
        item = dict(name='t', type='detection', classes=['a'], table='labels.csv', box=['x1', 'y1', 'x2', 'y2'])
        trees.text(
            src / 'labels.csv', 'file,frame,x1,y1,x2,y2,who\n0,2,1,1,5,5,Smith\n0,0,2,2,6,6,Smith\n1,1,3,3,7,7,Lee\n'
        )
        trees.text(tmp_path / 'map.json', json.dumps([item | dict(frame='frame', group='who')]))
        main(['import-data', str(src), str(tmp_path / 'out'), '--map', str(tmp_path / 'map.json')])
        rows = list(csv.DictReader((tmp_path / 'out' / 'csv_files' / 't.csv').open()))
        assert [row['x_min'] for row in rows] == ['1', '2', '3']
        assert rows[0]['group'] == rows[1]['group'] != rows[2]['group']
        assert not {'Smith', 'smith', 'Lee'} & {row['group'] for row in rows}
        pictures = [cv2.imread(str(tmp_path / 'out' / 'csv_files' / row['image_path']), -1) for row in rows]
        for pixels, seed in zip(pictures, (2, 0, 11), strict=True):
            np.testing.assert_array_equal(pixels, trees.picture(seed))

    def test_guessed_groups_do_not_outweigh_headers(self, src):
        (found,) = found_in(src, 'file,patient,label\n0,A,x\n1,B,y\n')
        assert {row.group for row in found.rows} == {'A', 'B'}
        assert not any(row.is_patient for row in found.rows)

    def test_places_need_a_frame(self, src):
        with pytest.raises(DataError, match=r"0\.dcm: has 3 frames, and a label at some place is that of one; 'frame'"):
            found_in(src, 'file,x1,y1,x2,y2\n0,1,1,5,5\n')


@pytest.mark.parametrize('name', ['1', 'C:\\\\scans\\\\0001.png'])
def test_a_table_that_names_no_images_is_shown(tmp_path, name):
    trees.save(tmp_path / '0001.png', trees.picture(1))
    trees.text(tmp_path / 'labels.csv', f'no,file,diagnosis\nx,{name},benign\n')
    shown = re.escape(f"column 'file' holds {name!r}, and images are called as '0001.png'")
    with pytest.raises(DataError, match=f'No column of labels.csv names images .*{shown}'):
        find_tasks(tmp_path)
