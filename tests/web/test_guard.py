"""What passes the guard of the page, by plain ASGI messages."""

import asyncio
import json

import pytest

from aurora_mm.web.guard import Guard
from aurora_mm.web.uploads import UploadFolder

API = '/gradio_api'


@pytest.fixture
def ask(tmp_path):
    """Sends a request through a guard to an app that answers 200 and the body that it got."""
    (tmp_path / 'page').mkdir()
    (tmp_path / 'page' / 'x y.png').write_bytes(b'1')
    (tmp_path / 'secret.txt').write_bytes(b'2')
    bodies = []

    async def app(scope, receive, send):
        message = await receive()
        bodies.append(message['body'])
        await send(dict(type='http.response.start', status=200, headers=[(b'x', b'y')]))
        await send(dict(type='http.response.body', body=message['body']))

    def run(path, method='GET', body=b'', host='127.0.0.1:7860', kind='http', parts=1, **headers):
        sent = []
        size = max(len(body) // parts, 1)
        chunks = [body[i : i + size] for i in range(0, len(body), size)] or [b'']
        messages = [
            dict(type='http.request', body=chunk, more_body=i + 1 < len(chunks)) for i, chunk in enumerate(chunks)
        ]

        async def receive():
            return messages.pop(0)

        async def send(message):
            sent.append(message)

        pairs = [(b'host', host.encode()), *((k.encode(), v.encode()) for k, v in headers.items())]
        guard = Guard(app, UploadFolder(tmp_path / 'page'))
        asyncio.run(guard(dict(type=kind, path=path, method=method, headers=pairs), receive, send))
        return sent[0]['status'], dict(sent[0]['headers']), sent[1]['body']

    run.folder = tmp_path
    return run


def test_the_page_and_its_parts_pass_with_a_policy(ask):
    for path in ('/', '/config', '/assets/a.js', '/theme.css', f'{API}/queue/data'):
        status, headers, _ = ask(path)
        assert status == 200
        assert b"default-src 'self'" in headers[b'content-security-policy']
        assert headers[b'x'] == b'y'


@pytest.mark.parametrize(
    'path',
    [
        f'{API}/proxy=http://example.com', f'{API}/runs', '/monitoring', '/docs', f'{API}/vibe-edit', '/login',
        f'{API}/custom_component/a/b/c/d', f'{API}/deep_link', '/pwa_icon', f'{API}/stream/x',
    ],
)  # fmt: skip
def test_what_the_page_does_not_need_is_not_there(ask, path):
    assert ask(path)[0] == 404
    assert ask(path, 'POST')[0] == 404


@pytest.mark.parametrize('host', ['evil.example', '', 'localhost.evil.example:7860', '[::1', '192.168.0.2:7860'])
def test_other_names_of_this_machine_are_refused(ask, host):
    """Otherwise the page of another site could name its own server 127.0.0.1 and read everything."""
    assert ask('/', host=host)[0] == 403


@pytest.mark.parametrize('host', ['localhost:7860', '127.0.0.1', '[::1]:7860'])
def test_names_of_this_machine_pass(ask, host):
    assert ask('/', host=host)[0] == 200


def test_other_sites_are_refused(ask):
    assert ask(f'{API}/upload', 'POST', origin='http://evil.example')[0] == 403
    assert ask(f'{API}/upload', 'POST', origin='null')[0] == 403
    assert ask(f'{API}/upload', 'POST', origin='http://127.0.0.1:7860')[0] == 200


@pytest.mark.parametrize('path', ['/etc/passwd', '{}/secret.txt', '{}/page/../secret.txt', 'http://example.com/a', ''])
def test_files_elsewhere_are_not_sent(ask, path):
    assert ask(f'{API}/file={path.format(ask.folder)}')[0] == 403


@pytest.mark.parametrize('name', ['x y.png', 'x%20y.png'])
def test_files_of_the_page_are_sent(ask, name):
    assert ask(f'{API}/file={ask.folder}/page/{name}')[0] == 200


@pytest.mark.parametrize('path', ['/etc/passwd', '{}/page/../secret.txt', 'http://example.com/a.png', 7, None])
@pytest.mark.parametrize('place', [f'{API}/queue/join', f'{API}/call/predict'])
def test_no_path_of_a_client_leads_elsewhere(ask, path, place):
    path = path.format(ask.folder) if isinstance(path, str) else path
    for data in ([dict(path=path)], [[dict(deep=dict(path=path))]]):
        assert ask(place, 'POST', json.dumps(dict(data=data)).encode())[0] == 403


@pytest.mark.parametrize('parts', [1, 3])
def test_a_call_passes_whole(ask, parts):
    body = json.dumps(dict(data=[dict(path=f'{ask.folder}/page/x y.png')])).encode()
    assert ask(f'{API}/queue/join', 'POST', body, parts=parts)[::2] == (200, body)


def test_calls_that_are_no_json_or_too_large(ask):
    assert ask(f'{API}/queue/join', 'POST', b'{')[0] == 400
    assert ask(f'{API}/queue/join', 'POST', b'[' * 100_000)[0] == 400
    assert ask(f'{API}/queue/join', 'POST', b' ' * 2**21, parts=9)[0] == 413


def test_only_http_is_spoken(ask):
    assert ask('/', kind='websocket')[0] == 403
