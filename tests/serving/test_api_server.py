"""The process of `aurora-mm serve-api`."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aurora_mm.cli.verbs.serve_api import main
from aurora_mm.errors import ConfigError
from aurora_mm.serving.api_limits import ApiLimits
from aurora_mm.serving.server import serve_api
from tests.fixtures.odd_inputs import encode, pixels
from tests.fixtures.waiting import LONG, wait_until

httpx = pytest.importorskip('httpx', reason='the extra [api] is not installed')
pytest.importorskip('aurora_mm.serving.app', reason='the extra [api] is not installed')


@pytest.mark.long
def test_what_was_accepted_is_answered_after_sigterm(checkpoints):
    """Requests whose bodies arrive only after the signal are answered too, and new ones are refused."""
    command = [sys.executable, '-m', 'aurora_mm', 'serve-api', str(checkpoints[0]), '--port', '0', '--device', 'cpu']
    command += ['--timeout', str(LONG)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        address = re.search(r'http://127\.0\.0\.1:\d+', line).group()
        image = encode('.png', pixels())
        found = []

        def ask():
            found.append(httpx.post(f'{address}/predict', files={'files': ('a.png', image)}, timeout=LONG))

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        late = slow_request(address, image)
        wait_until(lambda: active(address) >= 1)
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_open(address))
        late[0].sendall(late[1])
        answer = late[0].makefile('rb').read()
        for thread in threads:
            thread.join()
        assert answer.startswith(b'HTTP/1.1 200')
        assert b'"schema": "aurora_mm/predictions/1"' in answer
        assert [one.status_code for one in found] == [200] * 6
        assert server.wait(LONG) == 0
        assert server.stderr.read().count('Traceback') == 0
    finally:
        server.kill()
        server.communicate()


def slow_request(address, image):
    """A connection on which half a request was sent, and the other half."""
    body = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + image + b'\r\n--x--\r\n'
    host, _, port = address.removeprefix('http://').rpartition(':')
    connection = socket.create_connection((host, int(port)), timeout=LONG)
    head = f'POST /predict HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n'
    connection.sendall(f'{head}content-type: multipart/form-data; boundary=x\r\n\r\n'.encode() + body[:50])
    return connection, body[50:]


def active(address):
    text = httpx.get(f'{address}/metrics', timeout=LONG).text
    return float(re.search(r'^aurora_requests_active (\S+)', text, re.MULTILINE).group(1))


def is_open(address):
    host, _, port = address.removeprefix('http://').rpartition(':')
    with socket.socket() as connection:
        return connection.connect_ex((host, int(port))) == 0


def test_a_port_that_is_taken(checkpoints):
    with socket.create_server(('127.0.0.1', 0)) as other, pytest.raises(ConfigError, match='cannot be served'):
        serve_api([checkpoints[0]], ApiLimits(), port=other.getsockname()[1])


def test_log_files_of_the_process_stay_open(checkpoints, monkeypatch, tmp_path):
    file = logging.FileHandler(tmp_path / 'training.log')
    monkeypatch.setattr(logging.getLogger(), 'handlers', [*logging.getLogger().handlers, file])
    monkeypatch.setattr('uvicorn.Server.run', lambda server, sockets: logging.getLogger('uvicorn.error').warning('up'))
    serve_api([checkpoints[0]], ApiLimits(), port=0, on_start=lambda address: None)
    file.close()
    assert (tmp_path / 'training.log').read_text() == 'up\n'


def test_without_a_package(checkpoints, monkeypatch):
    monkeypatch.setitem(sys.modules, 'prometheus_client', None)
    with pytest.raises(ConfigError, match=r'prometheus_client: pip install .*aurora_mm\[api\]'):
        serve_api([checkpoints[0]], ApiLimits())


def test_arguments(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr('aurora_mm.serving.server.serve_api', lambda *args, on_start: asked.append(args))
    main(['a.pth', '--members', 'b.pth', '--port', '9', '--timeout', '5', '--rate', '9/second', '--batch-size', '3'])
    limits = ApiLimits(timeout=5, rate='9/second', max_batch=3)
    assert asked == [([Path('a.pth'), Path('b.pth')], limits, '127.0.0.1', 9, None, None)]
    with pytest.raises(SystemExit) as stopped:
        main(['a.pth', '--max-files', '0'])
    assert stopped.value.code == 2
    assert 'max_files of the API cannot be 0' in capsys.readouterr().err


def test_it_listens_on_this_machine_alone_by_default(capsys):
    with pytest.raises(SystemExit):
        main(['--help'])
    text = ' '.join(capsys.readouterr().out.split())
    assert 'address to listen on (default: 127.0.0.1)' in text
    assert 'most requests that are read or wait (default: 64)' in text
    assert os.environ.get('AURORA_TRUST') is None
