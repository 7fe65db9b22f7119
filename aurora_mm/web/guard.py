"""What the server of the page answers, and to whom."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from aurora_mm.web.uploads import UploadFolder

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_API = '/gradio_api'
# What the page needs. gradio has more, such as a proxy and files by URL; none of it is answered.
_READ = ('/config', '/theme.css', '/favicon.ico', '/manifest.json', '/robots.txt', f'{_API}/info', f'{_API}/app_id')
_READ_BELOW = (
    '/assets/', '/static/', f'{_API}/queue/data', f'{_API}/call/', f'{_API}/heartbeat/', f'{_API}/upload_progress',
    f'{_API}/startup-events',
)  # fmt: skip
_FILE = f'{_API}/file='
_UPLOAD = f'{_API}/upload'
_CALLS = (f'{_API}/queue/join', f'{_API}/call/', f'{_API}/cancel', f'{_API}/reset')
_MOST_JSON = 2**20  # bytes of a request that is no upload
HEADERS = {
    # The page may talk to its own server only. gradio's front end is built with inline and evaluated code.
    'content-security-policy': "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'self'",
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
}


class Refused(Exception):
    """A request that is not answered.

    Args:
        status: HTTP status.
        reason: A sentence.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Guard:
    """ASGI middleware that only passes on what the page needs.

    A request must name this machine as its host, and come from the page itself or from a program on this machine. Paths
    in it must be those of uploaded files. So a page of another site cannot use the server through the browser, and a
    client can neither read other files of this machine nor make the server fetch anything.

    Args:
        app: The application.
        uploads: The folder of uploaded files.
        hosts: Names of this machine in ``Host`` headers, without a port.
    """

    def __init__(
        self, app: App, uploads: UploadFolder, hosts: tuple[str, ...] = ('127.0.0.1', 'localhost', '::1')
    ) -> None:
        self.app = app
        self.uploads = uploads
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request as ASGI defines it."""
        if scope['type'] == 'lifespan':
            await self.app(scope, receive, send)
            return
        try:
            if scope['type'] != 'http':
                raise Refused(403, 'only HTTP is spoken here')
            receive = await self._checked(scope, receive)
        except Refused as refused:
            await _answer(send, refused)
            return

        async def send_with_headers(message: Message) -> None:
            if message['type'] == 'http.response.start':
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, 'headers': [*message.get('headers', ()), *added]}
            await send(message)

        await self.app(scope, receive, send_with_headers)

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """Check a request; what gives its body again.

        Raises:
            Refused: If it is not answered.
        """
        headers = {name.decode('latin-1'): value.decode('latin-1') for name, value in scope['headers']}
        self._check_origin(headers)
        path, method = scope['path'], scope['method']
        if method in ('GET', 'HEAD'):
            self._check_read(path)
            return receive
        if method == 'POST' and path == _UPLOAD:
            return receive
        if method == 'POST' and path.startswith(_CALLS):
            body = await _body(receive)
            self._check_paths(body)
            return _again(body, receive)
        raise Refused(404, 'there is nothing here')

    def _check_origin(self, headers: dict[str, str]) -> None:
        host = headers.get('host', '')
        if _host_name(host) not in self.hosts:
            raise Refused(403, f'this page is served to this machine alone, not as {host!r}')
        origin = headers.get('origin')
        if origin is not None and urlsplit(origin).netloc != host:
            raise Refused(403, 'another site cannot use this page')

    def _check_read(self, path: str) -> None:
        if path.startswith(_FILE):
            if not self.uploads.holds(unquote(path.removeprefix(_FILE))) and not self.uploads.holds(
                path.removeprefix(_FILE)
            ):
                raise Refused(403, 'this file was not uploaded')
        elif path != '/' and path not in _READ and not path.startswith(_READ_BELOW):
            raise Refused(404, 'there is nothing here')

    def _check_paths(self, body: bytes) -> None:
        try:
            content = json.loads(body or b'null')
        except (ValueError, RecursionError) as error:
            raise Refused(400, 'this request is not JSON') from error
        for path in _paths(content):
            if not isinstance(path, str) or not self.uploads.holds(path):
                raise Refused(403, 'this file was not uploaded')


def _paths(content: Any) -> Iterator[Any]:
    """Everything in a JSON value that could be taken for the path of a file."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if 'path' in value:
                yield value['path']
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _host_name(host: str) -> str:
    try:
        return urlsplit(f'//{host}').hostname or ''
    except ValueError:
        return ''


async def _body(receive: Receive) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message['type'] != 'http.request':
            raise Refused(400, 'the request ended early')
        parts.append(message.get('body', b''))
        size += len(parts[-1])
        if size > _MOST_JSON:
            raise Refused(413, 'this request is too large')
        more = message.get('more_body', False)
    return b''.join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    waiting = [dict(type='http.request', body=body, more_body=False)]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


async def _answer(send: Send, refused: Refused) -> None:
    headers = [(b'content-type', b'text/plain; charset=utf-8')]
    await send(dict(type='http.response.start', status=refused.status, headers=headers))
    await send(dict(type='http.response.body', body=f'{refused}\n'.encode()))
