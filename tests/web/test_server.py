"""The page over HTTP, as a browser or a program of this machine uses it."""

import json
import logging
import os
import re
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.web import server
from aurora_mm.web.server import page_server
from tests.fixtures.odd_inputs import encode, pixels
from tests.fixtures.waiting import LONG

httpx = pytest.importorskip('httpx', reason='gradio brings httpx')
API = '/gradio_api'


@pytest.fixture
def client(page):
    with httpx.Client(base_url=page.local_url.rstrip('/'), timeout=LONG) as client:
        yield client


def send(client, data, name='scan.png'):
    answer = client.post(f'{API}/upload', files={'files': (name, data)})
    answer.raise_for_status()
    return answer.json()[0]


def predict(client, path, tasks=('kind',), frame=0, spacing=''):
    """What the page answers: HTML, and the files of JSON and PNG or None."""
    file = None if path is None else dict(path=path, meta=dict(_type='gradio.FileData'))
    begun = client.post(f'{API}/call/predict', json=dict(data=[file, list(tasks), frame, spacing]))
    begun.raise_for_status()
    text = client.get(f'{API}/call/predict/{begun.json()["event_id"]}').text
    assert 'event: complete' in text, text
    updates = json.loads(text.partition('event: complete\ndata: ')[2].splitlines()[0])
    return [update.get('value') for update in updates]


def test_the_page_is_for_this_machine_alone(page, client):
    assert page.local_url.startswith('http://127.0.0.1:')
    answer = client.get('/')
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers['content-security-policy']
    assert client.get('/', headers={'Host': 'evil.example'}).status_code == 403
    assert {connection.getsockname()[0] for connection in page.server.servers[0].sockets} == {server.HOST}


def test_an_upload_is_predicted_and_its_files_are_sent(client):
    html, json_file, picture = predict(client, send(client, encode('.png', pixels())), ['organs', 'kind'], 0, '0.5')
    assert 'scan.png' in html
    assert re.findall(r'<h3>(\w+)', html) == ['organs', 'kind']
    content = json.loads(client.get(f'{API}/file={json_file["path"]}').content)
    assert content['images'][0]['pixel_spacing'] == [0.5, 0.5]
    assert client.get(f'{API}/file={picture["path"]}').content.startswith(b'\x89PNG')
    for address in re.findall(r'src="([^"]+)"', html):
        assert client.get(f'/{address}').content.startswith(b'\x89PNG')


def test_what_cannot_be_read_is_told(client):
    html, json_file, picture = predict(client, send(client, b'no image', 'notes.txt'))
    assert 'role="alert"' in html
    assert 'notes.txt cannot be read.' in html
    assert json_file is picture is None
    assert 'Drop a file first' in predict(client, None)[0]
    assert 'Choose at least one task' in predict(client, send(client, encode('.png', pixels())), [])[0]
    assert 'no length in mm' in predict(client, send(client, encode('.png', pixels())), spacing='-1')[0]


def test_too_large_an_upload_is_refused(client):
    answer = client.post(f'{API}/upload', files={'files': ('x.png', bytes(1_000_001))})
    assert answer.status_code == 413


def test_a_name_cannot_leave_the_folder(client):
    path = send(client, encode('.png', pixels()), '../../evil.png')
    assert Path(path).is_relative_to(os.environ['GRADIO_TEMP_DIR'])


@pytest.mark.parametrize('suffix', ['', '#frame=0'])
@pytest.mark.parametrize('path', ['/etc/passwd', '{}', 'http://127.0.0.1:1/x.png'])
def test_no_path_of_a_client_is_trusted(client, generated, path, suffix):
    path = path.format(next(generated.glob('*/**/*.png'))) + suffix
    data = [dict(path=path, url=path, meta=dict(_type='gradio.FileData')), ['kind'], 0, '']
    assert client.post(f'{API}/call/predict', json=dict(data=data)).status_code == 403
    assert client.get(f'{API}/file={path}').status_code == 403


def test_a_frame_in_a_path_opens_no_other_upload(client):
    """The file itself was uploaded, but `#frame=0` makes it the name of another one, which was not."""
    path = send(client, encode('.png', np.zeros((9, 9), np.uint8)))
    data = [dict(path=f'{path}#frame=0', meta=dict(_type='gradio.FileData')), ['kind'], 0, '']
    assert client.post(f'{API}/call/predict', json=dict(data=data)).status_code == 403


def test_nothing_is_left_behind(checkpoints):
    pytest.importorskip('gradio')
    before = dict(os.environ)
    with page_server([checkpoints[0]], device='cpu'):
        folder = Path(os.environ['GRADIO_TEMP_DIR'])
        assert folder.is_dir()
        assert os.environ['GRADIO_ANALYTICS_ENABLED'] == 'False'
    assert not folder.exists()
    assert dict(os.environ) == before


def test_log_files_of_the_process_stay_open(checkpoints, monkeypatch, tmp_path):
    pytest.importorskip('gradio')
    from uvicorn.config import LOGGING_CONFIG

    file = logging.FileHandler(tmp_path / 'training.log', mode='w')
    monkeypatch.setattr(logging.getLogger(), 'handlers', [*logging.getLogger().handlers, file])
    before = dict(LOGGING_CONFIG)
    with page_server([checkpoints[0]], device='cpu'):
        logging.getLogger().warning('up')
    file.close()
    assert (tmp_path / 'training.log').read_text() == 'up\n'
    assert before == LOGGING_CONFIG


def test_a_port_that_is_taken(checkpoints):
    pytest.importorskip('gradio')
    with socket.create_server((server.HOST, 0)) as other, pytest.raises(ConfigError, match='cannot be served'):  # noqa: SIM117
        with page_server([checkpoints[0]], device='cpu', port=other.getsockname()[1]):
            pass


def test_without_gradio(checkpoints, monkeypatch):
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with pytest.raises(ConfigError, match=r'aurora_mm\[demo\]'), page_server([checkpoints[0]], device='cpu'):
        pass
