"""Files that lie in the place of weights: empty ones, pointers, web pages and other text."""

from __future__ import annotations

from pathlib import Path

_HEAD = 512  # bytes
_SHOWN = 40  # characters of a text
_POINTER = 'version https://git-lfs'
_PAGE = ('<!doctype html', '<html')


def other_file(file: Path) -> str | None:
    """Return what a file is that can hold no weights, such as ``'it is empty'``; None if it may hold some.

    Args:
        file: Path of a file.

    Raises:
        OSError: If it cannot be read.
    """
    with file.open('rb') as stream:
        head = stream.read(_HEAD)
    if not head:
        return 'it is empty'
    text = head.decode('utf-8', errors='ignore').strip()
    if text.startswith(_POINTER):
        return 'it is a pointer of Git LFS; `git lfs pull` fetches the file itself'
    if text.lower().startswith(_PAGE):
        return 'it is a web page, such as that of a login, and not the file itself'
    if _is_text(head):
        return f'it is a text, which begins with {text[:_SHOWN]!r}'
    return None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode('utf-8')
    except UnicodeDecodeError as error:
        if error.reason != 'unexpected end of data':  # a character that goes on behind the head
            return False
        text = head[: error.start].decode('utf-8')
    return all(character.isprintable() or character.isspace() for character in text)
