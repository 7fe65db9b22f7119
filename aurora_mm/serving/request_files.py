"""The form that a client posts: fields, and files in a folder of their own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from aurora_mm.errors import ConfigError
from aurora_mm.images.reading import SUFFIXES
from aurora_mm.prediction_files.spacing import parse_spacing
from aurora_mm.serving.api_error import ApiError
from aurora_mm.serving.api_limits import ApiLimits
from aurora_mm.web.uploads import shown_name

FILES = 'files'
FIELDS = ('tasks', 'spacing', 'frame', 'every', 'masks')
_MASKS = ('rle', 'png')
_FIELD_BYTES = 64 * 1024


class PostedFile(NamedTuple):
    """A file of a request.

    Args:
        name: Its name as the client gave it, as far as it is answered.
        path: Where it lies. Nothing of the path but a known suffix comes from the client.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class Asked:
    """What a request asks.

    Args:
        files: The files, in the order of the form.
        tasks: The field ``tasks``.
        spacing: (height, width) of a pixel in mm. None takes what the files say.
        frame: Of files with several pictures, only this one, counted from 0. None for all.
        every: Of files with several pictures, the first and every n-th after it.
        with_masks: Whether masks are answered as PNG images too.
    """

    files: list[PostedFile]
    tasks: str
    spacing: tuple[float, float] | None
    frame: int | None
    every: int
    with_masks: bool


async def read_request(request: Request, folder: Path, limits: ApiLimits) -> Asked:
    """Read a form, and write its files below a folder.

    Args:
        request: The request, of which nothing has been read.
        folder: An empty folder.
        limits: Limits of the request.

    Raises:
        ApiError: If it is not such a form, a field is wrong, or a limit is exceeded.
    """
    kind = request.headers.get('content-type', '')
    if kind.partition(';')[0].strip().lower() != 'multipart/form-data':
        raise ApiError(400, 'bad_request', f'post files as multipart/form-data in the field {FILES!r}')
    parser = MultiPartParser(
        request.headers,
        _limited(request, limits.max_bytes),
        max_files=limits.max_files + 1,
        max_fields=len(FIELDS) + 1,
        max_part_size=_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if 'Too many files' in error.message:
            raise _too_many_files(limits) from error
        raise ApiError(400, 'bad_request', f'the form cannot be read: {error.message}') from error
    except ClientDisconnect as error:
        raise ApiError(400, 'bad_request', 'the client left before the form was complete') from error
    try:
        return await _asked(form, folder, limits)
    finally:
        await form.close()


async def _limited(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """Yield the body of a request.

    Raises:
        ApiError: If it is larger than allowed.
    """
    declared = request.headers.get('content-length', '')
    received = int(declared) if declared.isdecimal() else 0
    too_large = ApiError(413, 'request_too_large', f'a request may have at most {max_bytes:,} bytes')
    if received > max_bytes:
        raise too_large
    received = 0
    async for part in request.stream():
        received += len(part)
        if received > max_bytes:
            raise too_large
        yield part


async def _asked(form: FormData, folder: Path, limits: ApiLimits) -> Asked:
    uploads: list[UploadFile] = []
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != FILES:
                raise ApiError(400, 'bad_request', f'files go in the field {FILES!r}')
            uploads.append(value)
        elif name == FILES:
            # Such as `curl -F files=scan.png`, which posts the name of the file.
            raise ApiError(
                400, 'bad_request', f'the field {FILES!r} holds text in place of a file (curl: {FILES}=@NAME)'
            )
        elif name not in FIELDS:
            raise ApiError(400, 'bad_request', f'there is no such field; there are {", ".join((FILES, *FIELDS))}')
        elif name in fields:
            raise ApiError(400, 'bad_request', f'the field {name!r} is given twice')
        else:
            fields[name] = value
    if not uploads:
        raise ApiError(400, 'bad_request', f'there is no file in the field {FILES!r}')
    if len(uploads) > limits.max_files:
        raise _too_many_files(limits)
    masks = fields.get('masks', 'rle')
    if masks not in _MASKS:
        raise ApiError(400, 'bad_request', f'masks must be {" or ".join(_MASKS)}')
    try:
        spacing = parse_spacing(fields['spacing']) if 'spacing' in fields else None
    except ConfigError as error:
        raise ApiError(400, 'bad_request', f'spacing: {error}') from error
    asked = Asked(
        files=[_place(folder / str(number), one.filename or '') for number, one in enumerate(uploads)],
        tasks=fields.get('tasks', 'all'),
        spacing=spacing,
        frame=_number(fields, 'frame', 0),
        every=_number(fields, 'every', 1) or 1,
        with_masks=masks == 'png',
    )
    await anyio.to_thread.run_sync(_write, uploads, asked.files)
    return asked


def _place(folder: Path, name: str) -> PostedFile:
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), '')
    return PostedFile(shown_name(name) or 'image', folder / f'image{suffix}')


def _write(uploads: list[UploadFile], files: list[PostedFile]) -> None:
    """Write each file to a folder of its own, so that none can name another one as the place of its pixels."""
    for upload, file in zip(uploads, files, strict=True):
        file.path.parent.mkdir()
        with file.path.open('wb') as stream:
            shutil.copyfileobj(upload.file, stream)


def _number(fields: dict[str, str], name: str, least: int) -> int | None:
    text = fields.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise ApiError(400, 'bad_request', f'{name} must be a whole number of {least} or more')
    return int(text)


def _too_many_files(limits: ApiLimits) -> ApiError:
    return ApiError(413, 'too_many_files', f'a request may have at most {limits.max_files} files')
