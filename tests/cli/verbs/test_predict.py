"""`aurora-mm predict`: what it writes, and what it does with inputs that are no images."""

import csv
import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.cli.verbs.predict import SOME_LEFT_OUT, main
from aurora_mm.images.sources import frame_source
from aurora_mm.prediction_files import writer as writer_module
from tests.fixtures.dicom_files import write
from tests.fixtures.odd_inputs import INPUTS, WHOLE, clip, make_input
from tests.prediction_files.json_schema import errors

MEASUREMENTS = """
tasks = [
    dict(name='organs', type='segmentation', classes=['background', 'a', 'b'], measurements=[
        dict(type='Area', name='size', label='a'), dict(type='LongAxis', name='length', label='a')]),
    dict(name='ends', type='landmark', points=['left', 'right'], measurements=[
        dict(type='Distance', name='span', points=['left', 'right'])]),
]
"""


@pytest.fixture(scope='module')
def predict(checkpoints):
    """Runs the verb in this process, with a model that is loaded once; gives its exit status."""
    loaded = MultiTaskInferencer(checkpoints[0], device='cpu')

    def run(*argv):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr('aurora_mm.apis.MultiTaskInferencer', lambda *_, **__: loaded)
            try:
                main([str(checkpoints[0]), *map(str, argv)])
            except SystemExit as stopped:
                return stopped.code
        return 0

    return run


@pytest.fixture(scope='module')
def picture(generated):
    return sorted(generated.glob('*/**/kind/images/*.png'))[0]


def read(out):
    content = json.loads((out / 'predictions.json').read_text(), parse_constant=lambda text: pytest.fail(text))
    assert errors(content, json.loads((out / 'predictions.schema.json').read_text())) == []
    return content


def test_an_impossible_spacing_of_a_file_is_told_once_and_not_taken(predict, picture, tmp_path, capsys, monkeypatch):
    sitk = pytest.importorskip('SimpleITK', reason='it writes the MetaImage file')
    image = sitk.GetImageFromArray(np.stack([cv2.imread(str(picture), 0)] * 2))
    image.SetSpacing((1e9, 0.5, 1))
    sitk.WriteImage(image, str(tmp_path / 'a.mha'))
    told = []
    monkeypatch.setattr('aurora_mm.images.image_faults.print_log', lambda text, **_: told.append(text))
    assert predict(tmp_path / 'a.mha', '--out', tmp_path / 'out', '--no-overlays') == 0
    assert [one['pixel_spacing'] for one in read(tmp_path / 'out')['images']] == [None, None]
    (text,) = told
    assert text.startswith(f'{tmp_path / "a.mha"} cannot have a pixel spacing of [0.5, 1000000000.0] mm: ')
    assert predict(tmp_path / 'a.mha', '--out', tmp_path / 'given', '--no-overlays', '--spacing', '0.5') == 0
    assert len(told) == 1


def test_a_spacing_that_an_image_cannot_have_is_refused(predict, picture, tmp_path, capsys):
    assert predict(picture, '--out', tmp_path / 'out', '--spacing', '1e9') == 1
    assert f'{picture} cannot have a pixel spacing of [1000000000.0, 1000000000.0] mm: ' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_everything_that_is_written(predict, generated, picture, tmp_path):
    (tmp_path / 'tasks.py').write_text(MEASUREMENTS)
    clip(tmp_path / 'clip.avi')
    (tmp_path / 'scans' / 'below').mkdir(parents=True)
    for name in ('scans/b.png', 'scans/a.png', 'scans/below/c.png'):
        shutil.copy(picture, tmp_path / name)
    (tmp_path / 'scans' / 'notes.txt').write_text('no image, and not tried')
    out = tmp_path / 'out'
    inputs = (picture, tmp_path / 'clip.avi', tmp_path / 'scans', str(tmp_path / '*' / '[ab].png'))
    options = ('--every', 2, '--spacing', '0.5,0.25', '--measurements', tmp_path / 'tasks.py', '--recursive')
    assert predict(*inputs, '--out', out, *options) == 0

    content = read(out)
    files = [Path(image['file']).name for image in content['images']]
    assert files == [picture.name, 'clip.avi', 'clip.avi', 'clip.avi', 'a.png', 'b.png', 'c.png']
    assert [image['frame'] for image in content['images']] == [None, 0, 2, 4, None, None, None]
    assert content['problems'] == []
    first = content['images'][0]
    assert first['pixel_spacing'] == [0.5, 0.25]
    height, width = cv2.imread(str(picture)).shape[:2]
    assert (first['height'], first['width']) == (height, width)
    by_task = {one['task']: one for one in first['predictions']}
    assert list(by_task) == ['organs', 'kind', 'find', 'ends']
    mask = cv2.imread(str(out / by_task['organs']['mask']), -1)
    assert mask.shape == (height, width)
    assert {s['label']: s['area'] for s in by_task['organs']['segments']} == {
        name: int((mask == i).sum()) for i, name in ((1, 'a'), (2, 'b')) if (mask == i).any()
    }
    for one in by_task.values():
        drawn = cv2.imread(str(out / one['overlay']))
        assert drawn.shape[1] == max(width, 160)
        assert drawn.shape[0] > height
    sizes = {one['name']: one for one in by_task['organs']['measurements']}
    assert sizes['size']['value'] == pytest.approx((mask == 1).sum() * 0.125)
    assert sizes['size']['unit'] == 'mm2'
    (left, right) = by_task['ends']['points'].values()
    span = np.hypot((right[0] - left[0]) * 0.25, (right[1] - left[1]) * 0.5)
    assert by_task['ends']['measurements'][0]['value'] == pytest.approx(span, rel=1e-3)
    with (out / 'measurements.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7 * 3
    assert float(rows[2]['value']) == by_task['ends']['measurements'][0]['value']

    assert sorted(file.name for file in (out / 'coco').iterdir()) == ['ends.json', 'find.json', 'organs.json']
    masks, boxes, points = (COCO(out / 'coco' / f'{name}.json') for name in ('organs', 'find', 'ends'))
    assert all((masks.annToMask(ann) > 0).sum() == ann['area'] for ann in masks.loadAnns(masks.getAnnIds([1])))
    (x1, y1, x2, y2) = by_task['find']['boxes'][0]['box']
    assert boxes.loadAnns(boxes.getAnnIds([1]))[0]['bbox'] == pytest.approx([x1, y1, x2 - x1, y2 - y1])
    assert points.loadAnns(points.getAnnIds([1]))[0]['keypoints'] == [*left, 2, *right, 2]


def test_some_tasks_and_no_pictures(predict, picture, tmp_path):
    assert predict(picture, '--out', tmp_path / 'out', '--tasks', 'ends, kind', '--no-overlays') == 0
    (image,) = read(tmp_path / 'out')['images']
    assert [one['task'] for one in image['predictions']] == ['ends', 'kind']
    assert not (tmp_path / 'out' / 'overlays').exists()


@pytest.mark.parametrize('kind', INPUTS)
def test_an_input_is_answered_or_told_and_the_rest_goes_on(predict, picture, tmp_path, huge_png, capsys, kind):
    path, said = make_input(tmp_path, kind, huge_png)
    status = predict(path, picture, '--out', tmp_path / 'out')
    told = capsys.readouterr().err
    content = read(tmp_path / 'out')
    assert content['images'][-1]['file'] == str(picture)
    if said is WHOLE:
        assert (status, len(content['images']), content['problems']) == (0, 2, [])
        assert all((tmp_path / 'out' / one['overlay']).is_file() for one in content['images'][0]['predictions'])
    else:
        assert (status, len(content['images'])) == (SOME_LEFT_OUT, 1)
        (problem,) = content['problems']
        assert problem['source'].startswith(str(path))
        assert problem['message'] in told
        assert re.search(said, problem['message']), problem['message']


def test_a_file_that_may_not_be_read(predict, picture, tmp_path, monkeypatch, capsys):
    secret, opened = tmp_path / 'secret.png', Path.open
    shutil.copy(picture, secret)

    def refuse(path, *args, **kwargs):
        if path == secret:
            raise PermissionError(13, 'Permission denied', str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, 'open', refuse)
    assert predict(secret, picture, '--out', tmp_path / 'out') == SOME_LEFT_OUT
    assert 'secret.png cannot be read (Permission denied)' in capsys.readouterr().err


def test_a_frame_that_cannot_be_read_leaves_the_others(predict, tmp_path, monkeypatch):
    from aurora_mm.images.image_header import BadImage
    from aurora_mm.images.video_file import VideoFile

    clip(tmp_path / 'clip.avi', 4)
    whole = VideoFile.read_frame

    def broken(self, frame, depth):
        if frame == 2:
            raise BadImage('has a frame 2 that cannot be read')
        return whole(self, frame, depth)

    monkeypatch.setattr(VideoFile, 'read_frame', broken)
    assert predict(tmp_path / 'clip.avi', '--out', tmp_path / 'out', '--tasks', 'kind') == SOME_LEFT_OUT
    content = read(tmp_path / 'out')
    assert [image['frame'] for image in content['images']] == [0, 1, 3]
    assert [problem['source'] for problem in content['problems']] == [frame_source(tmp_path / 'clip.avi', 2)]


class TestWholeOrNotAtAll:
    def test_a_run_that_ends_leaves_nothing(self, predict, picture, tmp_path, monkeypatch):
        def stop(self, problems):
            raise KeyboardInterrupt

        monkeypatch.setattr(writer_module.PredictionWriter, 'finish', stop)
        assert predict(picture, '--out', tmp_path / 'out') == 130
        assert list(tmp_path.iterdir()) == []

    def test_what_is_there_stays(self, predict, picture, tmp_path, capsys):
        (tmp_path / 'out').mkdir()
        (tmp_path / 'out' / 'mine.txt').write_text('mine')
        assert predict(picture, '--out', tmp_path / 'out') == 1
        assert 'is there already and not an empty folder' in capsys.readouterr().err
        assert [path.name for path in (tmp_path / 'out').iterdir()] == ['mine.txt']

    def test_no_image_at_all(self, predict, tmp_path, capsys):
        assert predict(tmp_path / 'absent.png', '--out', tmp_path / 'out') == 1
        assert 'no image could be read' in capsys.readouterr().err
        assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('argv', 'said'),
    [
        (['--tasks', 'spleen'], "does not know task 'spleen'"),
        (['--tasks', ''], "does not know task ''"),
        (['--measurements', 'absent.py'], 'absent.py'),
        (['--spacing', '-1'], 'is no length in mm'),
        (['--spacing', 'nan'], 'is no length in mm'),
        (['--spacing', '1,2,3'], 'is no length in mm'),
        (['--every', '0'], 'is no whole number of 1 or more'),
        (['--problems', 'p.json'], 'goes with --challenge'),
    ],
)
def test_arguments_that_are_wrong(predict, picture, tmp_path, capsys, argv, said):
    assert predict(picture, '--out', tmp_path / 'out', *argv) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_no_input(predict, tmp_path, capsys):
    assert predict('--out', tmp_path / 'out') == 2
    assert 'MODEL INPUT...' in capsys.readouterr().err


class TestDicom:
    """`--dicom`: SEG and SR beside the other files; the objects themselves are tested in tests/dicom."""

    def test_segmentations_and_a_report_of_each_file(self, predict, picture, tmp_path):
        pydicom = pytest.importorskip('pydicom')
        pytest.importorskip('highdicom')
        values = cv2.imread(str(picture))[..., 0]
        write(tmp_path / 'scan.dcm', values)
        write(tmp_path / 'clip.dcm', np.stack([values, values[::-1], values]))
        out = tmp_path / 'out'
        assert predict(tmp_path / 'scan.dcm', tmp_path / 'clip.dcm', '--every', 2, '--dicom', '--out', out) == 0
        content = read(out)
        assert sorted(file.name for file in (out / 'dicom').iterdir()) == [
            '00000_scan_organs_seg.dcm',
            '00000_scan_sr.dcm',
            '00001_clip_organs_seg.dcm',
            '00001_clip_sr.dcm',
        ]
        for image in content['images']:
            mask = cv2.imread(str(out / image['predictions'][0]['mask']), -1)
            seg = pydicom.dcmread(next((out / 'dicom').glob(f'*_{Path(image["file"]).stem}_organs_seg.dcm')))
            shown = np.zeros_like(mask)
            pixels = seg.pixel_array.reshape(-1, *mask.shape)
            for item, frame in zip(seg.PerFrameFunctionalGroupsSequence, pixels, strict=True):
                source = item.DerivationImageSequence[0].SourceImageSequence[0]
                if source.get('ReferencedFrameNumber', 1) == (image['frame'] or 0) + 1:
                    shown[frame == 1] = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            np.testing.assert_array_equal(shown, mask)

    def test_inputs_that_are_no_dicom_are_one_error(self, predict, picture, tmp_path, capsys):
        pytest.importorskip('highdicom')
        assert predict(picture, '--dicom', '--out', tmp_path / 'out') == 1
        assert f'these inputs are none: {picture}' in capsys.readouterr().err
        assert not (tmp_path / 'out').exists()

    def test_a_header_without_identifiers_is_left_out(self, predict, picture, tmp_path, capsys):
        pytest.importorskip('highdicom')
        values = cv2.imread(str(picture))[..., 0]
        good = write(tmp_path / 'a.dcm', values)
        bad = write(tmp_path / 'b.dcm', values, StudyInstanceUID='')
        odd = write(tmp_path / 'c.dcm', values, PatientSex='X')
        assert predict(good, bad, odd, '--dicom', '--out', tmp_path / 'out') == SOME_LEFT_OUT
        said = capsys.readouterr().err
        assert f'{bad} has no StudyInstanceUID' in said
        assert f'{odd}: has a header from which no DICOM result can be made' in said
        assert len(read(tmp_path / 'out')['images']) == 2
        assert len(list((tmp_path / 'out' / 'dicom').iterdir())) == 2
