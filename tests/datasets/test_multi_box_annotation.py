"""CSV files with several boxes an image."""

import json

import cv2
import numpy as np
import pytest

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_files import is_labelled, read_root
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage, PackMultiTaskInputs
from aurora_mm.errors import DataError
from aurora_mm.tasks import Task, TaskTable
from tests.fixtures.type_chain import write_csv

TWO = [[2, 3, 12.5, 20], [20, 3, 40, 30]]


def row(boxes, labels, image='a', classes=2):
    text = dict(boxes=boxes, box_labels=labels)
    text = {column: value if isinstance(value, str) else json.dumps(value) for column, value in text.items()}
    return dict(
        task_id='finds', task_name='multi_object_detection', num_classes=classes, image_path=f'../{image}.png', **text
    )


@pytest.fixture
def write(tmp_path):
    for name in 'abc':
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.full((30, 40), 90, np.uint8))

    def written(*rows):
        write_csv(tmp_path, 'finds', list(rows))
        return tmp_path

    return written


def test_boxes_reach_the_sample(write):
    root = write(row(TWO, [1, 0]), row([], [], 'b'))
    assert is_labelled(root)
    dataset = FMCUIADataset(
        str(root), 'all', pipeline=[LoadUltrasoundImage(), LoadTaskAnnotations(), PackMultiTaskInputs()], test_mode=True
    )
    two, none = (dataset[i]['data_samples']['finds'] for i in range(2))
    assert two.gt_instances.bboxes.tolist() == TWO
    assert two.gt_instances.labels.tolist() == [1, 0]
    assert [item['bbox_label'] for item in two.instances] == [1, 0]
    assert none.gt_instances.bboxes.shape == (0, 4)
    assert none.instances == []


def test_a_task_of_one_class_needs_no_classes_of_boxes(write):
    cells = row(TWO, '', classes=1)
    del cells['box_labels']
    (record,) = read_root(write(cells), TaskTable()).records
    assert record.annotation == dict(bboxes=TWO, bboxes_labels=[0, 0])


def test_format_is_the_inverse_of_parse():
    annotation = dict(bboxes=[[0.1, 2, 3.25, 40]], bboxes_labels=[1])
    kind = ANNOTATIONS['multi_object_detection']
    task = Task('finds', 'multi_object_detection', classes=('a', 'b'))
    assert kind.parse(kind.format(annotation), task, None) == annotation
    assert kind.columns(task) == ('boxes', 'box_labels')


@pytest.mark.parametrize(
    ('boxes', 'labels', 'message'),
    [
        ('', [], "boxes of 'finds' is empty"),
        ('1 2 3 4', [0], "boxes '1 2 3 4' is not a JSON list of lists of 4 numbers"),
        ([1, 2, 3, 4], [0], r"boxes holds '1'; it must be a JSON list of lists of 4 numbers"),
        ([[1, 2, 3]], [0], r"boxes holds '\[1, 2, 3\]'; it must be"),
        ('[[1, 2, NaN, 9]]', [0], r"boxes holds '\[1, 2, NaN, 9\]'; it must be"),
        ('[[1, 2, 1e999, 9]]', [0], r"boxes holds '\[1, 2, Infinity, 9\]'; it must be"),
        ([[1, 2, True, 9]], [0], r"boxes holds '\[1, 2, true, 9\]'; it must be"),
        ('[' * 100_000, [0], r'boxes .* is not a JSON list'),
        ([[5, 2, 5, 9]], [0], r'boxes holds \[5, 2, 5, 9\], which is empty'),
        ([[-1, 2, 5, 9]], [0], r'boxes holds \[-1, 2, 5, 9\], which has a negative coordinate'),
        (TWO, [0], 'box_labels has 1 classes, but boxes has 2 boxes'),
        (TWO, [0, 2], r"box_labels holds 2; the classes of 'finds' are 0\.\.1"),
        (TWO, [0, 0.5], r"box_labels holds 0\.5; the classes"),
        (TWO, ['0', 'cyst'], r"box_labels holds '\"0\"'; it must be a JSON list of numbers"),
    ],
)  # fmt: skip
def test_wrong_cells_name_file_row_and_value(write, boxes, labels, message):
    with pytest.raises(DataError, match=r'finds\.csv, row 3: ' + message):
        read_root(write(row(TWO, [1, 0]), row(boxes, labels, 'b')), TaskTable())


def test_a_box_outside_its_image_names_file_row_and_value(write):
    dataset = FMCUIADataset(str(write(row([[2, 3, 41, 20]], [0]))), 'all', test_mode=True)
    item = LoadUltrasoundImage().transform(dict(dataset.get_data_info(0)))
    with pytest.raises(DataError, match=r'finds\.csv, row 2: boxes \[2\.0, 3\.0, 41\.0, 20\.0\].*40 x 30 pixels'):
        LoadTaskAnnotations().transform(item)


def test_two_rows_of_an_image(write):
    with pytest.raises(DataError, match=r'row 3: image .* another label.*all boxes of an image stand in one row'):
        read_root(write(row(TWO[:1], [0]), row(TWO[1:], [0])), TaskTable())


def test_a_missing_column(write):
    cells = row(TWO, [0, 1])
    del cells['box_labels']
    with pytest.raises(DataError, match=r"finds\.csv, row 1: column 'box_labels' is missing"):
        read_root(write(cells), TaskTable())
