from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError, OutputError
from aurora_mm.files import write_bytes
from aurora_mm.images.meta_image import has_pixels_elsewhere
from aurora_mm.images.shards.sharded_root import sharded_root_of
from aurora_mm.images.shared_channels import share_channels, shared_plane
from aurora_mm.images.sources import split_source
from aurora_mm.images.ultrasound_image import UltrasoundImage

_COUNTER = 'bytes_used'


class PixelCache:
    """Folder of decoded images, so that each file is decoded once and not in every epoch.

    Reading decoded pixels takes a tenth of the time of decoding a PNG file, but several times its space. All processes
    that use the folder share its size limit. When it is reached, no more images are added, and those that are there
    stay: an epoch reads every image once, so that replacing some by others would gain nothing.

    An image is decoded again if its file changes, which its size and its times show, or its checksum in a shard. Images
    of MetaImage headers whose pixels are in another file are not kept. Delete the folder to empty the cache, while no
    process uses it.

    Args:
        folder: The folder. It is created if it does not exist.
        max_gb: Limit of its size in gigabytes.

    Raises:
        ConfigError: If the limit is not positive.
        OutputError: If the folder cannot be written.
    """

    def __init__(self, folder: str | Path, max_gb: float) -> None:
        if not max_gb > 0:
            raise ConfigError(f'max_gb of a cache of pixels must be positive, not {max_gb}')
        self.folder = Path(folder)
        self.max_gb = max_gb

    def read(self, source: str, options: tuple[Any, ...], decode: Callable[[], UltrasoundImage]) -> UltrasoundImage:
        """Return an image from the cache, or decode it and add it to the cache.

        Args:
            source: Path of the image, with or without ``#frame=N``.
            options: All else that the pixels depend on.
            decode: Decodes the image.

        Raises:
            BadImage: By ``decode``.
            OutputError: If the cache cannot be written.
        """
        path = split_source(source)[0]
        version = _version(path)
        if version is None:
            return decode()  # which says what is wrong, if something is
        key = repr((str(Path(source).absolute()), *version, *options)).encode()
        file = self.folder / f'{hashlib.blake2b(key, digest_size=16).hexdigest()}.pixels'
        image = _unpacked(file, source)
        if image is None:
            image = decode()
            data = _packed(image)
            # A version is that of the header alone. Shards hold no headers without their pixels.
            is_whole = sharded_root_of(path) is not None or not has_pixels_elsewhere(path)
            if is_whole and self._reserve(len(data)):
                write_bytes(file, data, flush=False)
        return image

    def _reserve(self, count: int) -> bool:
        """Count bytes as used if the limit allows it, in one step for all processes."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / _COUNTER).open('a+b') as counter:
                fcntl.flock(counter, fcntl.LOCK_EX)  # which threads exclude each other by, too
                counter.seek(0)
                used = int(counter.read() or b'0') + count
                if used > self.max_gb * 1e9:
                    return False
                counter.truncate(0)
                counter.write(b'%d' % used)
        except OSError as error:
            raise OutputError(f'cannot write the cache of pixels {self.folder}: {error.strerror}') from error
        return True

    def __repr__(self) -> str:
        return f"{type(self).__name__}(folder='{self.folder}', max_gb={self.max_gb})"


def _version(path: Path) -> tuple[int, ...] | None:
    """Return what changes if a file changes: its size, and its times or, in a shard, its checksum.

    The time of any change (ctime) shows that another file of the same size and modification time took its place, as
    archives that are unpacked again make them.

    Returns:
        None if nothing shows it.
    """
    root = sharded_root_of(path)
    if root is not None:
        member = root.find(path)
        return None if member is None else (member.size, member.checksum)
    try:
        stat = path.stat()
    except (OSError, ValueError):  # ValueError: a null character in the path
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _packed(image: UltrasoundImage) -> bytes:
    """Return a line of JSON and the pixels, one channel if all share memory."""
    plane = shared_plane(image.pixels)
    pixels = np.ascontiguousarray(image.pixels if plane is None else plane)
    facts = image._asdict() | dict(pixels=pixels.shape)
    return json.dumps(facts).encode() + b'\n' + pixels.tobytes()


def _unpacked(file: Path, source: str) -> UltrasoundImage | None:
    """Return the image of a cache file, or None if the file is absent, incomplete or cannot be read."""
    try:
        data = file.read_bytes()
    except OSError:
        return None
    end = data.find(b'\n')
    try:
        facts = json.loads(data[: max(end, 0)])
    except ValueError:  # the power failed while the file was written
        return None
    shape = facts['pixels']
    if len(data) - end - 1 != np.prod(shape):
        return None
    pixels = np.frombuffer(data, np.uint8, offset=end + 1).reshape(shape)
    pairs = {key: None if facts[key] is None else tuple(facts[key]) for key in ('pixel_spacing', 'region')}
    facts |= pairs | dict(pixels=share_channels(pixels) if len(shape) == 2 else pixels, source=source)
    return UltrasoundImage(**facts)
