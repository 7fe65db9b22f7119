import math

import pytest

from aurora_mm.errors import DataError
from aurora_mm.evaluation import ResultRow, read_per_image, write_per_image
from aurora_mm.evaluation.per_image import read_scored_images

PLACE = dict(image_path='../a, "b".png', mask_path='', img_path='/d/ä.png', group='', height=3, width=4)
ROWS = [
    ResultRow(
        *('organs', 'SegmentationMetric', 'liver', 7),
        **PLACE,
        values=dict(DSC=0.1 + 0.2, HD=math.sqrt(2), HD95=0.0, NSD=1.0, size=1 / 3),
    ),
    ResultRow(
        'plane', 'ClassificationMetric', '0', 8, **PLACE, values=dict(truth=0, pred=2, probs=[1e-45, 1 / 3, 2 / 3])
    ),
    ResultRow(
        *('nodule', 'again/BoxIoUMetric', 'nodule', 9),
        **PLACE,
        values=dict(IoU=0.0, size=0.1, truth=[0.0, 1.5, 2.0, 3.0], pred=None),
    ),
    ResultRow(
        'femur', 'LandmarkMetric', 'left', 10, **PLACE, values=dict(error=0.1, truth=[1.1, 2.2], pred=[1.2, 2.2])
    ),
]


def test_round_trip_keeps_every_bit(tmp_path):
    write_per_image(tmp_path / 'out' / 'per_image.csv', ROWS)
    assert read_per_image(tmp_path / 'out' / 'per_image.csv') == ROWS


def test_columns_are_those_of_the_metrics_at_hand(tmp_path):
    write_per_image(tmp_path / 'per_image.csv', ROWS[3:])
    head = (tmp_path / 'per_image.csv').read_text().splitlines()[0]
    assert head == ('task,metric,target,img_id,image_path,mask_path,img_path,group,height,width,error,truth,pred')
    write_per_image(tmp_path / 'per_image.csv', [])
    assert read_per_image(tmp_path / 'per_image.csv') == []


def test_scored_images_are_read_for_metrics_that_are_not_registered(tmp_path):
    path = tmp_path / 'per_image.csv'
    write_per_image(path, ROWS)
    path.write_text(path.read_text().replace('LandmarkMetric', 'OwnMetric'))
    assert read_scored_images(path) == {(row.task, '/d/ä.png') for row in ROWS}


def test_another_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r'absent.csv: no table of results'):
        read_per_image(tmp_path / 'absent.csv')
    (tmp_path / 'scores.csv').write_text('task,score\nlung,1\n')
    with pytest.raises(DataError, match=r"scores.csv: not a table.*'score'"):
        read_per_image(tmp_path / 'scores.csv')


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('0.30000000000000004', '0.3x', r'per_image.csv, row 2: not a row'),
        ('0.30000000000000004', '', r'per_image.csv, row 2: .*a row of SegmentationMetric without DSC'),
        ('0.30000000000000004', '[' * 100_000, r'per_image.csv, row 2: not a row'),
        ('LandmarkMetric', 'DenseMetric', r"per_image.csv, row 5: .*'DenseMetric' is no TaskMetric.*registers it"),
        ('LandmarkMetric', 'ForeignMetric', r"per_image.csv, row 5: .*'ForeignMetric' is no TaskMetric"),
        ('[1.2, 2.2]', '"[1.2, 2.2]",,,', r'per_image.csv, row 5: .*another number of cells'),
        (',10,', ',ten,', r'per_image.csv, row 5: not a row'),
    ],
)
def test_a_bad_cell_is_named(tmp_path, old, new, message):
    file = tmp_path / 'per_image.csv'
    write_per_image(file, ROWS)
    text = file.read_text()
    old = f'"{old}"' if '[' in old else old
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(DataError, match=message):
        read_per_image(file)
