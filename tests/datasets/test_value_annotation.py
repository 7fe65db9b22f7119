"""CSV files with a number for each image."""

import cv2
import numpy as np
import pytest

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.csv_files import is_labelled, read_root
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.transforms import (
    ApplyGeometry,
    FitToSize,
    LoadTaskAnnotations,
    LoadUltrasoundImage,
    PackMultiTaskInputs,
    RandomGeometry,
)
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import Task, TaskTable
from tests.fixtures.type_chain import write_csv

PIPELINE = [LoadUltrasoundImage(), LoadTaskAnnotations(), FitToSize(size=64), RandomGeometry(flip_prob=1.0)]


@pytest.fixture
def write(tmp_path):
    for name in 'ab':
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.full((30, 40), 90, np.uint8))

    def written(*values, classes=1):
        row = dict(task_id='age', task_name='Scalar_Regression', num_classes=classes)
        write_csv(
            tmp_path, 'age', [row | dict(image_path=f'../{n}.png', value=v) for n, v in zip('ab', values, strict=False)]
        )
        return tmp_path

    return written


def test_a_number_does_not_change_when_its_image_is_warped(write):
    root = write('20.5', '-1e-3')
    assert is_labelled(root)
    dataset = FMCUIADataset(str(root), 'all', pipeline=[*PIPELINE, ApplyGeometry(), PackMultiTaskInputs()])
    samples = [dataset[i]['data_samples']['age'] for i in range(2)]
    assert [sample.gt_value.tolist() for sample in samples] == [[20.5], [-0.001]]
    assert all(sample.flip for sample in samples)


@pytest.mark.parametrize('zoom', [True, False])
def test_zoom_is_declared_by_the_task(write, zoom):
    task = dict(name='age', type='scalar_regression', values=['age'], zoom=zoom)
    dataset = FMCUIADataset(str(write('1')), 'all', tasks=[task], pipeline=PIPELINE)
    matrix = dataset[0]['homography_matrix']
    assert (abs(np.linalg.det(matrix[:2, :2])) == pytest.approx(64 / 40 * 64 / 30)) != zoom


@pytest.mark.parametrize(
    ('value', 'message'),
    [('', "value of 'age' is empty"), ('many', "value 'many' is not a number"), ('nan', "value 'nan' is not a number"),
     ('inf', "value 'inf' is not"), ('1e999', "value '1e999' is not"), ('3,5', "value '3,5' is not a number")],
)  # fmt: skip
def test_wrong_cells_name_file_row_and_value(write, value, message):
    with pytest.raises(DataError, match=r'age\.csv, row 3: ' + message):
        read_root(write('1', value), TaskTable())


def test_a_task_has_one_number(write):
    with pytest.raises(DataError, match=r"scalar_regression task 'age' needs 1 to 1 values, not 2 .*num_classes '2'"):
        read_root(write('1', classes=2), TaskTable())


def test_format_is_the_inverse_of_parse():
    kind = ANNOTATIONS['scalar_regression']
    annotation = dict(value=0.1 + 0.2)
    assert kind.parse(kind.format(annotation), Task('age', 'scalar_regression', values=('age',)), None) == annotation


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        (dict(values=[]), 'needs 1 to 1 values, not 0'),
        (dict(classes=['a']), 'takes values, not classes'),
        (dict(values=['a'], unit='a\nb'), r"unit must be short text without line breaks, not 'a\\nb'"),
        (dict(values=['a'], unit=3), 'unit must be short text'),
        (dict(values=['a'], zoom='no'), "zoom must be True or False, not 'no'"),
        (dict(type='detection', classes=['a'], unit='mm'), 'whose classes have no unit'),
    ],
)
def test_wrong_tasks(fields, message):
    with pytest.raises(ConfigError, match=message):
        Task.from_config(dict(name='age', type='scalar_regression') | fields)
