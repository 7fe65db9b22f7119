from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from aurora_mm.images.image_file import ImageFile
from aurora_mm.images.image_header import MOST_PIXELS, BadImage
from aurora_mm.images.ultrasound_image import UltrasoundImage


class VideoFile(ImageFile):
    """MP4, MOV, AVI, Matroska, WebM, WMV and MPEG files by OpenCV's FFmpeg.

    A file is one by its first bytes. Playlists, which would make FFmpeg open other files, are not among these.
    Frames are reached by decoding all before them, as seeking is not exact in every format.
    """

    suffixes = ('.mp4', '.m4v', '.mov', '.avi', '.mkv', '.webm', '.wmv', '.mpg', '.mpeg')

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._frames: int | None = None
        self._open()
        width, height = (int(self._capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width < 1 or height < 1 or width * height > MOST_PIXELS:
            raise BadImage(f'declares {width} x {height} pixels')
        self._shape = height, width

    @classmethod
    def accepts(cls, path: Path, head: bytes) -> bool:
        return (
            head[4:8] in (b'ftyp', b'moov', b'mdat', b'wide', b'free', b'skip')
            or (head[:4] == b'RIFF' and head[8:12] == b'AVI ')
            or head.startswith((b'\x1a\x45\xdf\xa3', b'\x30\x26\xb2\x75', b'\x00\x00\x01\xba', b'\x00\x00\x01\xb3'))
        )

    @property
    def frames(self) -> int:
        """Counted by going through the file once: what headers say of it is often wrong."""
        if self._frames is None:
            self._open()
            count = 0
            while self._capture.grab():
                count += 1
            self._frames = count
            self._open()
        if self._frames == 0:
            raise BadImage('has no frame that can be decoded')
        return self._frames

    def has_frame(self, frame: int) -> bool:
        """Found out by going to the frame, which is then read at once; counting would decode the whole clip."""
        return self._grab(frame)

    def frame_shape(self, frame: int) -> tuple[int, int]:
        return self._shape

    def read_frame(self, frame: int, depth: int | None) -> UltrasoundImage:
        there, pixels = self._capture.retrieve() if self._grab(frame) else (False, None)
        if not there or pixels is None:
            raise BadImage(f'cannot be decoded at frame {frame}')
        if pixels.dtype != np.uint8 or pixels.ndim != 3:
            raise BadImage(f'has frames of {pixels.dtype} values and shape {pixels.shape}')
        return UltrasoundImage(pixels, str(self.path))

    def _grab(self, frame: int) -> bool:
        """Goes to a frame; False if the clip ends before it."""
        if frame < self._position - 1:
            self._open()
        while self._position <= frame:
            if not self._capture.grab():
                return False
            self._position += 1
        return True

    def _open(self) -> None:
        self._capture = cv2.VideoCapture(str(self.local_path), cv2.CAP_FFMPEG)
        self._position = 0  # frames that were gone through; the last of them can be retrieved
        if not self._capture.isOpened():
            raise BadImage('cannot be opened as a video')
