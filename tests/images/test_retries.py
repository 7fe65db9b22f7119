import errno

import cv2
import numpy as np
import pytest

from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage
from aurora_mm.errors import DataError
from aurora_mm.images import retries
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.retries import WAITS, read_with_retries


@pytest.fixture
def waited(monkeypatch) -> list[float]:
    """The waits, which take no time."""
    found = []
    monkeypatch.setattr(retries, 'WAITS', WAITS)
    monkeypatch.setattr(retries.time, 'sleep', found.append)
    return found


def failing(times: int, error: OSError | None):
    calls = []

    def read(name):
        calls.append(name)
        if len(calls) <= times:
            raise BadImage('cannot be read') from error
        return len(calls)

    return read


@pytest.mark.parametrize('number', [errno.ENOENT, errno.ESTALE, errno.EIO, errno.ETIMEDOUT, errno.ENOTCONN])
def test_a_file_that_is_away_for_a_moment_is_read_again(waited, number):
    assert read_with_retries(failing(2, OSError(number, 'away', 'a.png')), 'a.png') == 3
    assert waited == list(WAITS)


def test_the_third_try_is_the_last(waited):
    with pytest.raises(BadImage, match='cannot be read'):
        read_with_retries(failing(3, OSError(errno.ESTALE, 'Stale file handle')), 'a.png')
    assert waited == [1, 4]


@pytest.mark.parametrize('error', [None, OSError(errno.EACCES, 'Permission denied'), ValueError('null character')])
def test_what_no_wait_helps_is_not_read_again(waited, error):
    with pytest.raises(BadImage):
        read_with_retries(failing(1, error), 'a.png')
    assert waited == []


def test_images_and_masks_of_a_data_set(tmp_path, monkeypatch):
    """A disk that comes back while the loader waits."""
    image, mask = tmp_path / 'disk' / 'image.png', tmp_path / 'disk' / 'mask.png'
    image.parent.mkdir()
    for file in (image, mask):
        cv2.imwrite(str(file), np.ones((4, 5), np.uint8))
    row = dict(img_path=str(image), seg_map_path=str(mask), num_outputs=2, csv_file='a.csv', csv_row=7)
    row.update(task='t', task_type='segmentation')
    away = tmp_path / 'away'

    def come_back(seconds):
        away.rename(image.parent)

    monkeypatch.setattr(retries.time, 'sleep', come_back)
    image.parent.rename(away)
    loaded = LoadUltrasoundImage()(dict(row))
    image.parent.rename(away)
    assert LoadTaskAnnotations()(loaded)['gt_seg_map'].all()
    monkeypatch.setattr(retries.time, 'sleep', lambda seconds: None)
    image.unlink()
    with pytest.raises(DataError, match=r'a\.csv, row 7: image \S+image\.png cannot be read \(No such file'):
        LoadUltrasoundImage()(dict(row))
