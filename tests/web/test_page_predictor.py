"""What the page computes, without gradio."""

import json
import os
import re
import shutil

import cv2
import numpy as np
import pytest

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.prediction_files.contents import SCHEMA_FILE
from aurora_mm.web.blocks import _about
from aurora_mm.web.page_predictor import PREVIEW_SIDE, PagePredictor
from aurora_mm.web.result_html import message_html, result_html
from aurora_mm.web.uploads import UploadFolder
from tests.fixtures.odd_inputs import INPUTS, WHOLE, clip, make_input
from tests.prediction_files.json_schema import errors


@pytest.fixture(scope='module')
def loaded(checkpoints):
    return MultiTaskInferencer(checkpoints[0], device='cpu', show_progress=False)


@pytest.fixture
def predictor(loaded, tmp_path):
    (tmp_path / 'page').mkdir()
    return PagePredictor(loaded, loaded.tasks, UploadFolder(tmp_path / 'page'), ['/somewhere/model.pth'])


@pytest.fixture
def upload(predictor, generated):
    folder = predictor.uploads.folder / 'sent'
    folder.mkdir()
    return shutil.copy(sorted(generated.glob('*/**/kind/images/*.png'))[0], folder / 'scan.png')


def test_a_spacing_that_the_picture_cannot_have_is_refused(predictor, upload):
    with pytest.raises(DataError, match=r'scan\.png cannot have a pixel spacing of \[1000000000\.0, 0\.25\] mm: '):
        predictor.predict(upload, ['ends'], spacing=(1e9, 0.25))


def test_an_impossible_spacing_of_the_file_is_shown_and_not_taken(predictor, upload):
    sitk = pytest.importorskip('SimpleITK', reason='it writes the NIfTI file')
    image = sitk.GetImageFromArray(cv2.imread(str(upload), 0))
    image.SetSpacing((1e9, 0.5))
    sitk.WriteImage(image, str(upload.with_suffix('.nii')))
    shown = predictor.open(upload.with_suffix('.nii'))
    assert shown.pixel_spacing is None
    assert 'The picture cannot have a pixel spacing of [0.5, 1000000000.0] mm: ' in _about(shown)
    assert predictor.predict(upload.with_suffix('.nii'), ['ends']).image['pixel_spacing'] is None


def test_pictures_values_and_files(predictor, upload):
    found = predictor.predict(upload, ['ends', 'organs'], spacing=(0.5, 0.25))
    content = json.loads(found.json_file.read_text())
    assert errors(content, json.loads(SCHEMA_FILE.read_text())) == []
    assert [one['task'] for one in found.image['predictions']] == ['organs', 'ends']
    assert found.image['pixel_spacing'] == [0.5, 0.25]
    assert found.image['source'] == found.image['file'] == 'scan.png'  # no folder of this machine
    assert content['models'] == ['model.pth']
    pictures = [cv2.imread(str(file)) for file in found.overlays.values()]
    np.testing.assert_array_equal(cv2.imread(str(found.picture_file)), np.concatenate(pictures))


def test_the_same_as_the_inferencer_says(predictor, upload, loaded):
    scores = predictor.predict(upload, ['kind']).image['predictions'][0]['scores']
    (expected,) = loaded(str(upload), task='kind')['predictions']
    assert scores == pytest.approx(expected['scores'], abs=1e-4)


def test_a_frame_of_a_clip(predictor):
    clip(predictor.uploads.folder / 'clip.avi')
    seen = predictor.open(predictor.uploads.folder / 'clip.avi', 3)
    assert (seen.name, seen.frames, seen.shape) == ('clip.avi', 5, (48, 64))
    assert abs(int(seen.preview[0, 0, 0]) - 120) < 5
    found = predictor.predict(predictor.uploads.folder / 'clip.avi', ['kind'], frame=3)
    assert (found.image['source'], found.image['frame']) == ('clip.avi#frame=3', 3)
    with pytest.raises(DataError, match=r'clip\.avi has no frame 9'):
        predictor.predict(predictor.uploads.folder / 'clip.avi', ['kind'], frame=9)


def test_a_large_picture_is_shown_small(predictor):
    cv2.imwrite(str(predictor.uploads.folder / 'wide.png'), np.zeros((30, 3000), np.uint8))
    seen = predictor.open(predictor.uploads.folder / 'wide.png')
    assert (seen.shape, seen.preview.shape) == ((30, 3000), (10, PREVIEW_SIDE, 3))


@pytest.mark.parametrize('tasks', [[], ['spleen'], ['kind', 'spleen']])
def test_tasks_that_are_not_there(predictor, upload, tasks):
    with pytest.raises(ConfigError, match='Choose at least one task'):
        predictor.predict(upload, tasks)


@pytest.mark.parametrize('kind', INPUTS)
def test_an_upload_is_answered_or_told_in_a_sentence(predictor, tmp_path, huge_png, kind):
    path, said = make_input(tmp_path / 'page', kind, huge_png)
    if not os.path.isfile(path) or path.suffix == '.mha':  # noqa: PTH113 (Path.is_file raises for long names)
        said = 'was not uploaded|may name further files'
    elif '#frame=' in path.name:
        said = WHOLE  # on the page that is a name like any other
    if said is WHOLE:
        assert predictor.open(path).frames == 1
        found = predictor.predict(path, list(predictor.tasks))
        assert len(found.overlays) == 4
        assert '<img' in result_html(found.image, dict.fromkeys(found.overlays, 'x'))
    else:
        for ask in (predictor.open, lambda path: predictor.predict(path, ['kind'])):
            with pytest.raises(DataError) as error:
                ask(path)
            assert re.search(said, str(error.value))
            assert str(error.value).endswith('.')
            assert str(tmp_path) not in str(error.value)  # a sentence tells nothing of this machine


class TestHtml:
    def test_nothing_is_markup_that_a_file_or_a_model_says(self):
        bad = '<script>alert(1)</script>'
        image = dict(
            source=bad,
            width=4,
            height=3,
            pixel_spacing=None,
            predictions=[
                dict(task=bad, type='classification', label=bad, scores={bad: 1.0}, measurements=[]),
                dict(
                    task='m',
                    type='segmentation',
                    segments=[dict(label=bad, area=6)],
                    measurements=[dict(name=bad, value=1.0, unit='px', low=None, high=None, views=1)],
                ),
                dict(task='p', type='landmark', points={bad: [None, 1.0]}, measurements=[]),
                dict(
                    task='b', type='detection', boxes=[dict(box=[0, 0, 1, 1], label=bad, score=None)], measurements=[]
                ),
            ],
        )
        text = result_html(image, {bad: f'"{bad}', 'm': 'm', 'p': 'p', 'b': 'b'})
        assert '<script' not in text
        assert text.count('&lt;script') >= 8
        assert '50.0 %' in text  # 6 of 12 pixels
        assert '<script' not in message_html(bad, is_error=True)

    @pytest.mark.parametrize(
        ('kind', 'scores', 'shown'),
        [
            ('detection', [0.9, 0.31, 0.29], ['90.0', '31.0']),
            ('detection', [0.2, 0.1], ['20.0']),
            ('multi_object_detection', [0.3, 0.2], ['30.0']),
            ('multi_object_detection', [0.2, 0.1], []),
        ],
    )
    def test_boxes_are_those_of_the_picture(self, kind, scores, shown):
        boxes = [dict(box=[0, 0, 1, 1], label='head', score=score) for score in scores]
        one = dict(task='t', type=kind, boxes=boxes, measurements=[])
        image = dict(source='a', width=10, height=20, pixel_spacing=None, predictions=[one])
        text = result_html(image, {'t': 'x'})
        assert re.findall(r'([\d.]+) %</td>', text) == shown
        assert ('nothing found' in text) == (not shown)

    def test_values_are_in_mm_where_the_spacing_is_known(self):
        size = dict(name='HC', value=180.25, unit='mm', low=179.0, high=182.0, views=4)
        one = dict(task='t', type='segmentation', segments=[dict(label='head', area=100)], measurements=[size])
        image = dict(source='a', width=10, height=20, pixel_spacing=[0.5, 0.2], predictions=[one])
        text = re.sub(r'<[^>]+>', '', result_html(image, {'t': 'x'}))
        assert 'area (mm²)' in text
        assert re.search(r'head\s*10\.0\s*50\.0 %', text)
        assert '180.2 mm' in text
        assert '179.0 to 182.0 over 4 views' in text
