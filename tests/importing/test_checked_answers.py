"""Labels that do not fit their images are refused when they are imported, and not first by training."""

import re

import numpy as np
import pytest
from PIL import Image

from aurora_mm.errors import DataError
from aurora_mm.importing.checked_answers import with_checked_answers
from aurora_mm.importing.found import FoundRow, FoundTask
from aurora_mm.tasks import Task
from tests.importing import trees

MASK = np.zeros((trees.HEIGHT, trees.WIDTH), np.uint8)


def checked(image, answer, pixels=None):
    row = FoundRow(str(image), 'a.png', lambda: answer, pixels=pixels)
    return with_checked_answers(FoundTask(Task('t', 'classification', classes=('a', 'b')), [row])).rows[0].answer()


@pytest.fixture
def image(tmp_path):
    trees.save(tmp_path / 'a.png', trees.picture(1))
    return tmp_path / 'a.png'


@pytest.mark.parametrize(
    'answer',
    [
        dict(gt_label=0),
        dict(mask=MASK),
        dict(class_masks=np.stack([MASK, MASK])),
        dict(bbox=[0, 0, trees.WIDTH, trees.HEIGHT]),
        dict(bboxes=[], bboxes_labels=[]),
        dict(points=[[trees.WIDTH, 0], None]),
        None,
    ],
)
def test_what_fits(image, answer):
    assert checked(image, answer) is answer


@pytest.mark.parametrize(
    ('answer', 'message'),
    [
        (dict(mask=MASK.T), r'a\.png: has \(height, width\) \(40, 60\), but its mask for \'t\' has \(60, 40\)'),
        (dict(class_masks=np.stack([MASK.T])), r'its mask for \'t\' has \(60, 40\)'),
        (dict(bbox=[1, 2, 61, 20]), 'not within the image'),
        (dict(bboxes=[[1, 2, 5, 20], [5, 2, 5, 20]]), r'the box \[5\.0, 2\.0, 5\.0, 20\.0\] of \'t\' has no area'),
        (dict(points=[[5, 41], None]), 'not within the image'),
        (dict(points=[[0.5, 0.5]]), 'within the first pixel'),
    ],
)
def test_what_does_not_fit(image, answer, message):
    with pytest.raises(DataError, match=message):
        checked(image, answer)


@pytest.mark.parametrize('answer', [dict(mask=MASK), dict(bbox=[1, 2, 10, 20])])
def test_an_image_that_is_stored_turned(tmp_path, answer):
    picture = Image.fromarray(trees.picture(1))
    exif = picture.getexif()
    exif[274] = 3
    picture.save(tmp_path / 'a.jpg', exif=exif)
    with pytest.raises(DataError, match=re.escape('is stored in orientation 3 by its EXIF data')):
        checked(tmp_path / 'a.jpg', answer)


def test_pixels_that_a_layout_makes(image):
    assert checked(image, dict(mask=MASK.T), pixels=lambda: MASK.T)
    with pytest.raises(DataError, match='but its mask'):
        checked(image, dict(mask=MASK), pixels=lambda: MASK.T)


def test_a_volume_whose_slice_is_not_named(tmp_path):
    trees.volume(tmp_path / 'a.mha', np.stack([trees.picture(1)] * 2), (1.0, 1.0, 1.0))
    with pytest.raises(DataError, match='has 2 frames or pages; name the one that is meant'):
        checked(tmp_path / 'a.mha', dict(mask=MASK))
    assert checked(f'{tmp_path}/a.mha#frame=1', dict(mask=MASK))
