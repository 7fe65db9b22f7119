"""The API over HTTP, in this process."""

import base64
import io
import json
import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.errors import ConfigError
from aurora_mm.images.reading import read_image
from aurora_mm.prediction_files.contents import SCHEMA_FILE
from aurora_mm.serving.api_error import ERROR_SCHEMA
from aurora_mm.serving.api_limits import ApiLimits
from aurora_mm.serving.api_predictor import ApiPredictor
from tests.fixtures.odd_inputs import INPUTS, WHOLE, clip, encode, make_input, pixels
from tests.fixtures.waiting import LONG
from tests.prediction_files.json_schema import errors

TestClient = pytest.importorskip('starlette.testclient', reason='the extra [api] is not installed').TestClient
create_app = pytest.importorskip('aurora_mm.serving.app', reason='the extra [api] is not installed').create_app
LIMITS = ApiLimits(timeout=LONG, max_request_mb=2, max_files=10, max_images=12, max_megapixels=1)


@pytest.fixture(scope='module')
def predictor(checkpoints):
    inferencer = MultiTaskInferencer(checkpoints[0], device='cpu', show_progress=False)
    return ApiPredictor(inferencer, inferencer.tasks, ['/somewhere/model.pth'])


@pytest.fixture(scope='module')
def client(predictor):
    with TestClient(create_app(predictor, LIMITS), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope='module')
def scans(generated):
    """Images of all tasks, as bytes by name."""
    files = sorted(generated.glob('*/**/images/*.png'))[::8]
    return {f'{number}.png': file.read_bytes() for number, file in enumerate(files)}


def post(client, files, **fields):
    return client.post('/predict', files=[('files', item) for item in files.items()], data=fields)


def refused(answer, status, code):
    """The message of an error, after its form was checked."""
    content = answer.json()
    assert errors(content, ERROR_SCHEMA) == []
    assert (answer.status_code, content['error']['code']) == (status, code), content
    return content['error']['message']


def numbers_and_rest(value, path=()):
    """Yield the paths and values of a JSON value."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers_and_rest(item, (*path, key))
    else:
        yield path, value


def assert_alike(one, other):
    """Equal but for the rounding of batches of different sizes."""
    one, other = dict(numbers_and_rest(one)), dict(numbers_and_rest(other))
    assert one.keys() == other.keys()
    for path, value in one.items():
        if isinstance(value, float):
            assert other[path] == pytest.approx(value, rel=1e-4, abs=1e-3), path
        else:
            assert other[path] == value, path


def test_the_answer_has_the_schema_of_prediction_files(client, scans):
    answer = post(client, {'scan.png': scans['0.png']}, spacing='0.5,0.25')
    assert answer.status_code == 200
    content = answer.json()
    assert errors(content, json.loads(SCHEMA_FILE.read_text())) == []
    assert content['models'] == ['model.pth']  # no folder of this machine
    (image,) = content['images']
    assert image['source'] == 'scan.png'
    assert image['pixel_spacing'] == [0.5, 0.25]
    assert [one['task'] for one in image['predictions']] == ['organs', 'kind', 'find', 'ends']


def test_a_spacing_that_an_image_cannot_have_is_refused(client, scans):
    answer = post(client, {'scan.png': scans['0.png']}, spacing='1e9')
    assert answer.status_code == 422
    assert 'scan.png cannot have a pixel spacing of [1000000000.0, 1000000000.0] mm: ' in answer.text


def test_the_same_as_the_inferencer_says(client, scans, predictor):
    found = post(client, {'a.png': scans['0.png']}, tasks='kind, ends').json()['images'][0]['predictions']
    array = cv2.imdecode(np.frombuffer(scans['0.png'], np.uint8), cv2.IMREAD_COLOR)
    (expected,) = predictor.inferencer(array, task=['kind', 'ends'])['predictions']
    assert found[0]['scores'] == pytest.approx(expected['kind']['scores'], abs=1e-4)
    assert list(found[1]['points'].values()) == [
        pytest.approx(p, abs=1e-3) for p in expected['ends']['points'].values()
    ]


def test_batched_answers_are_those_of_single_requests(predictor, scans):
    """In one request, in concurrent ones, and with files between them that cannot be read."""
    limits = replace(LIMITS, batch_wait=0.1)
    with TestClient(create_app(predictor, limits)) as client:
        alone = {name: post(client, {name: data}).json()['images'] for name, data in scans.items()}
        mixed = {'bad.png': b'no image'} | scans | {'worse.dcm': b'no DICOM'}
        together = post(client, mixed).json()
        assert [one['source'] for one in together['images']] == list(scans)
        assert [one['source'] for one in together['problems']] == ['bad.png', 'worse.dcm']
        for image in together['images']:
            assert_alike([image], alone[image['source']])
        found = {}

        def ask(name, data):
            found[name] = post(client, {name: data}).json()

        threads = [threading.Thread(target=ask, args=item) for item in mixed.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in scans:
            assert_alike(found[name]['images'], alone[name])
        assert found['bad.png']['error']['code'] == found['worse.dcm']['error']['code'] == 'unreadable_image'
        text = client.get('/metrics').text
    assert f'aurora_images_total{{result="predicted"}} {3 * len(scans):.1f}' in text
    (full,) = (line for line in text.splitlines() if line.startswith('aurora_batch_images_bucket{le="1.0"}'))
    (count,) = (line for line in text.splitlines() if line.startswith('aurora_batch_images_count'))
    assert float(full.split()[-1]) < float(count.split()[-1]), 'some batches held several images'


def test_without_batches_answers_are_bit_equal(predictor, scans):
    with TestClient(create_app(predictor, replace(LIMITS, max_batch=1))) as client:
        alone = [post(client, {name: data}).json()['images'][0] for name, data in scans.items()]
        assert post(client, scans).json()['images'] == alone


_NO_FILES = ('not there', 'link', 'folder', 'pipe', 'too long', 'pattern', 'loop', 'frame that is', 'no text')


@pytest.mark.parametrize('kind', [kind for kind in INPUTS if not any(one in kind for one in _NO_FILES)])
def test_odd_files(client, kind, tmp_path, huge_png):
    path, said = make_input(tmp_path, kind, huge_png)
    answer = post(client, {path.name: path.read_bytes()}, tasks='kind')
    if said == WHOLE:
        assert answer.status_code == 200, answer.text
    elif answer.status_code == 413:
        refused(answer, 413, 'image_too_large')
    else:
        assert '(' not in refused(answer, 422, 'unreadable_image')
    assert str(tmp_path) not in answer.text
    assert 'aurora_mm_api_' not in answer.text


def test_nothing_of_a_header_is_answered(client, tmp_path):
    """Not even by a library that quotes a value which it cannot understand."""
    pydicom = pytest.importorskip('pydicom')
    from tests.fixtures.odd_inputs import dicom

    dicom(tmp_path / 'a.dcm', True)
    data = pydicom.dcmread(tmp_path / 'a.dcm')
    data.PatientName = 'Secret^Name'
    data.PixelSpacing = ['0.5', '0.5']
    stream = io.BytesIO()
    data.save_as(stream)
    whole = stream.getvalue()
    for content in (whole, whole.replace(b'PN', b'US'), whole.replace(b'MONOCHROME2', b'Secret^Name')):
        answer = post(client, {'a.dcm': content})
        assert answer.status_code in (200, 422)
        assert 'Secret' not in answer.text


def test_the_images_of_a_clip(client, tmp_path):
    clip(tmp_path / 'clip.avi', frames=5)
    data = (tmp_path / 'clip.avi').read_bytes()
    sources = [one['source'] for one in post(client, {'clip.avi': data}, every='2', tasks='kind').json()['images']]
    assert sources == [f'clip.avi#frame={number}' for number in (0, 2, 4)]
    (image,) = post(client, {'clip.avi': data}, frame='3', tasks='kind').json()['images']
    assert (image['file'], image['frame']) == ('clip.avi', 3)
    assert 'has no frame 5' in refused(post(client, {'clip.avi': data}, frame='5'), 422, 'unreadable_image')
    many = {f'{number}.avi': data for number in range(3)}
    assert '12 images, not 15' in refused(post(client, many), 413, 'too_many_images')


def test_masks_as_png(client, scans):
    (image,) = post(client, {'a.png': scans['0.png']}, tasks='organs,kind', masks='png').json()['images']
    masks, labels = image['predictions']
    kind, _, text = masks['mask'].partition(',')
    mask = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_UNCHANGED)
    assert kind == 'data:image/png;base64'
    assert mask.shape == (image['height'], image['width'])
    assert {one['label']: one['area'] for one in masks['segments']} == {
        label: int((mask == number).sum()) for number, label in ((1, 'a'), (2, 'b')) if (mask == number).any()
    }
    assert 'mask' not in labels


@pytest.mark.parametrize(
    ('fields', 'code', 'told'),
    [
        (dict(tasks='kidn'), 'unknown_task', "task 'kidn'"),
        (dict(tasks='kind,kind'), 'unknown_task', 'each once'),
        (dict(tasks='auto'), 'unknown_task', 'no router'),
        (dict(tasks=''), 'unknown_task', "task ''"),
        (dict(spacing='-1'), 'bad_request', 'no length in mm'),
        (dict(frame='-1'), 'bad_request', 'frame must be a whole number of 0 or more'),
        (dict(every='0'), 'bad_request', 'every must be a whole number of 1 or more'),
        (dict(masks='jpg'), 'bad_request', 'masks must be rle or png'),
        (dict(task='kind'), 'bad_request', 'there are files, tasks, spacing'),
        (dict(tasks=['kind', 'ends']), 'bad_request', "'tasks' is given twice"),
    ],
)
def test_fields_that_are_wrong(client, scans, fields, code, told):
    assert told in refused(post(client, {'a.png': scans['0.png']}, **fields), 400, code)


def test_what_is_no_form(client):
    assert 'multipart/form-data' in refused(client.post('/predict', json=dict(files=[])), 400, 'bad_request')
    headers = {'content-type': 'multipart/form-data'}
    assert 'boundary' in refused(client.post('/predict', content=b'x', headers=headers), 400, 'bad_request')
    headers = {'content-type': 'multipart/form-data; boundary=x'}
    refused(client.post('/predict', content=b'--y\r\n', headers=headers), 400, 'bad_request')
    data = b'--x\r\ncontent-disposition: form-data; name="tasks"\r\n\r\nall\r\n--x--\r\n'
    assert 'no file' in refused(client.post('/predict', content=data, headers=headers), 400, 'bad_request')
    data = data.replace(b'"tasks"', b'"files"')  # as `curl -F files=a.png` without @ posts it
    assert 'files=@NAME' in refused(client.post('/predict', content=data, headers=headers), 400, 'bad_request')
    answer = client.post('/predict', files=[('image', ('a.png', b''))])
    assert "field 'files'" in refused(answer, 400, 'bad_request')


def test_limits(client, scans):
    one = scans['0.png']
    large = encode('.png', np.zeros((1001, 1001), np.uint8))
    assert 'at most 1,000,000' in refused(post(client, {'a.png': large}), 413, 'image_too_large')
    refused(post(client, {'a.png': large, 'b.png': b'no image'}), 422, 'unreadable_image')
    refused(post(client, {f'{number}.png': one for number in range(11)}), 413, 'too_many_files')
    refused(post(client, {f'{number}.png': one for number in range(20)}), 413, 'too_many_files')
    refused(post(client, {'a.png': bytes(2_000_001)}), 413, 'request_too_large')

    def without_length():
        yield b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        for _ in range(3):
            yield bytes(10**6)

    headers = {'content-type': 'multipart/form-data; boundary=x'}
    refused(client.post('/predict', content=without_length(), headers=headers), 413, 'request_too_large')


def test_names_that_are_odd(client, scans):
    for name, shown in (
        ('../../a.png', 'a.png'),
        ('x' * 300 + '.png', 'x' * 69 + '...xxxx.png'),
        ('a#frame=0', 'a_frame=0'),
    ):
        assert post(client, {name: scans['0.png']}, tasks='kind').json()['images'][0]['source'] == shown


def test_a_client_that_asks_too_often(predictor, scans):
    with TestClient(create_app(predictor, replace(LIMITS, rate='2/hour'))) as client:
        one = {'a.png': scans['0.png']}
        assert [post(client, one, tasks='kind').status_code for _ in range(2)] == [200, 200]
        answer = post(client, one)
        assert 'a client may ask 2 per 1 hour' in refused(answer, 429, 'rate_limit')
        assert 0 < int(answer.headers['retry-after']) <= 3600
        assert client.get('/healthz').status_code == client.get('/metrics').status_code == 200
        assert 'aurora_requests_total{status="429"} 1.0' in client.get('/metrics').text
    with pytest.raises(ConfigError, match='no rate'):
        create_app(predictor, replace(LIMITS, rate='often'))


@pytest.fixture
def held(predictor, monkeypatch):
    """A predictor that waits until it is told to go on."""
    begun, go = threading.Event(), threading.Event()
    predict = predictor.predict

    def wait(rows):
        begun.set()
        go.wait()
        return predict(rows)

    monkeypatch.setattr(predictor, 'predict', wait)
    yield begun, go
    go.set()


def test_too_many_requests_at_the_same_time(predictor, scans, held):
    begun, go = held
    with TestClient(create_app(predictor, replace(LIMITS, max_requests=1))) as client:
        found = []
        thread = threading.Thread(target=lambda: found.append(post(client, {'a.png': scans['0.png']})))
        thread.start()
        begun.wait()
        answer = post(client, {'b.png': scans['1.png']})
        assert 'try again' in refused(answer, 503, 'busy')
        assert answer.headers['retry-after'] == '1'
        assert client.get('/readyz').status_code == 503
        assert client.get('/healthz').status_code == 200
        go.set()
        thread.join()
        assert found[0].status_code == 200
        assert client.get('/readyz').status_code == 200


def test_an_answer_that_takes_too_long(predictor, scans, held):
    _, go = held
    with TestClient(create_app(predictor, replace(LIMITS, timeout=1))) as client:
        refused(post(client, {'a.png': scans['0.png']}), 504, 'timeout')
        go.set()
    with TestClient(create_app(predictor, LIMITS)) as client:
        assert post(client, {'a.png': scans['0.png']}, tasks='kind').status_code == 200


def test_a_defect_is_told_without_details(client, predictor, scans, monkeypatch):
    def fail(rows):
        raise RuntimeError('secret')

    monkeypatch.setattr(predictor.inferencer, 'predict_rows', fail)
    answer = post(client, {'a.png': scans['0.png']})
    assert 'secret' not in refused(answer, 500, 'internal_error')
    monkeypatch.undo()
    assert post(client, {'a.png': scans['0.png']}, tasks='kind').status_code == 200


def test_other_addresses(client):
    assert client.get('/healthz').json() == dict(status='ok')
    assert client.get('/readyz').json() == dict(status='ready')
    refused(client.get('/nothing'), 404, 'not_found')
    refused(client.get('/predict'), 405, 'method_not_allowed')
    model = client.get('/model').json()
    assert [task['name'] for task in model['tasks']] == ['organs', 'kind', 'find', 'ends']
    assert (model['calibrated'], model['router']) == (False, False)


def test_the_description_for_programs(client):
    """Its references lead somewhere, and its page loads nothing from elsewhere."""
    content = client.get('/openapi.json').json()
    text = json.dumps(content)
    schemas = content['components']['schemas']
    for part in text.split('"$ref": "')[1:]:
        place = part.partition('"')[0]
        assert place.startswith('#/components/schemas/')
        assert place.removeprefix('#/components/schemas/') in schemas
    assert set(content['paths']['/predict']['post']['responses']) >= {'200', '400', '413', '422', '429', '503', '504'}
    page = client.get('/docs').text
    assert 'http://' not in page
    assert 'https://' not in page


def test_a_file_reads_as_elsewhere(client, tmp_path):
    """A 16-bit image takes the same way as `aurora-mm predict`."""
    data = encode('.png', pixels(dtype=np.uint16))
    (tmp_path / 'a.png').write_bytes(data)
    (image,) = post(client, {'a.png': data}, tasks='kind').json()['images']
    assert (image['height'], image['width']) == read_image(tmp_path / 'a.png').pixels.shape[:2]
