"""CSV files with several classes an image."""

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
from aurora_mm.errors import DataError
from aurora_mm.tasks import TaskTable
from tests.fixtures.type_chain import write_csv


@pytest.fixture
def write(tmp_path):
    for name in 'abc':
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.full((30, 40), 90, np.uint8))

    def written(*labels):
        row = dict(task_id='signs', task_name='multi_label_classification', num_classes=3)
        pairs = zip('abc', labels, strict=False)
        write_csv(tmp_path, 'signs', [row | dict(image_path=f'../{name}.png', labels=text) for name, text in pairs])
        return tmp_path

    return written


def test_classes_reach_the_sample_and_trade_places_when_mirrored(write):
    root = write('[2, 0]', '[]', '[1]')
    assert is_labelled(root)
    task = dict(name='signs', type='multi_label_classification', classes=['left', 'right', 'cyst'])
    task['swaps'] = [('left', 'right')]
    steps = [LoadUltrasoundImage(), LoadTaskAnnotations(), FitToSize(size=64), RandomGeometry(flip_prob=1.0, prob=0.0)]
    dataset = FMCUIADataset(str(root), 'all', tasks=[task], pipeline=[*steps, ApplyGeometry(), PackMultiTaskInputs()])
    found = [dataset[i]['data_samples']['signs'].gt_scores.tolist() for i in range(3)]
    assert found == [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    assert [record.annotation['gt_labels'] for record in read_root(root, TaskTable()).records] == [[0, 2], [], [1]]


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ('', "labels of 'signs' is empty"),
        ('0;2', "labels '0;2' is not a JSON list of numbers"),
        ('["cyst"]', r"labels holds '\"cyst\"'; it must be a JSON list of numbers"),
        ('[3]', r"labels holds 3; the classes of 'signs' are 0\.\.2"),
        ('[-1]', 'labels holds -1; the classes'),
        ('[0.5]', r'labels holds 0\.5; the classes'),
        ('[NaN]', "labels holds 'NaN'; it must be"),
        ('[1, 1]', r"labels '\[1, 1\]' holds a class twice"),
    ],
)
def test_wrong_cells_name_file_row_and_value(write, labels, message):
    with pytest.raises(DataError, match=r'signs\.csv, row 3: ' + message):
        read_root(write('[0]', labels), TaskTable())


def test_format_and_strata():
    kind = ANNOTATIONS['multi_label_classification']
    assert kind.format(dict(gt_labels=[0, 2])) == {'labels': '[0, 2]'}
    assert [kind.stratum(dict(gt_labels=labels)) for labels in ([], [0, 2], [2])] == [0, 1, 3]
