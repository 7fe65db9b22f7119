import math

import pytest

from aurora_mm.errors import DataError
from aurora_mm.evaluation.per_image import TargetResult, read_per_image, write_per_image

PLACE = dict(image_path='../a, "b".png', mask_path='', img_path='/d/ä.png', group='', height=3, width=4)
ROWS = [
    TargetResult('organs', 'segmentation', 'liver', 7, **PLACE, size=1 / 3, DSC=0.1 + 0.2, HD=math.sqrt(2), NSD=1.0),
    TargetResult('plane', 'classification', '0', 8, **PLACE, truth=0, pred=2, probs=[1e-45, 1 / 3, 2 / 3]),
    TargetResult('nodule', 'detection', 'nodule', 9, **PLACE, IoU=0.0, truth=[0.0, 1.5, 2.0, 3.0], pred=None),
    TargetResult('femur', 'landmark', 'left', 10, **PLACE, error=0.1, truth=[1.1, 2.2], pred=[1.2, 2.2]),
]


def test_round_trip_keeps_every_bit(tmp_path):
    write_per_image(tmp_path / 'out' / 'per_image.csv', ROWS)
    assert read_per_image(tmp_path / 'out' / 'per_image.csv') == ROWS


def test_another_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r'absent.csv: no table of results'):
        read_per_image(tmp_path / 'absent.csv')
    (tmp_path / 'scores.csv').write_text('task,score\nlung,1\n')
    with pytest.raises(DataError, match=r"scores.csv: not a table.*'score'"):
        read_per_image(tmp_path / 'scores.csv')
