from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from aurora_mm.images.image_file import ImageFile
from aurora_mm.images.image_files import bgr_of, jpeg_reduction, read_data, shape_of
from aurora_mm.images.image_header import PILLOW_ERRORS, BadImage, ImageHeader, read_header
from aurora_mm.images.ultrasound_image import UltrasoundImage

_EXIF_ORIENTATION = 274


class RasterFile(ImageFile):
    """PNG, JPEG, JPEG 2000, BMP, TIFF, WebP, PNM and GIF files; the pages of a TIFF file are frames.

    See :func:`aurora_mm.images.image_files.read_bgr` for the rules.
    """

    suffixes = (
        *('.png', '.jpg', '.jpeg', '.jpe', '.jp2', '.bmp', '.dib', '.tif', '.tiff', '.webp'),
        *('.pgm', '.ppm', '.pnm', '.gif'),
    )

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._data = read_data(path)
        self._header: ImageHeader = read_header(self._data)

    @classmethod
    def accepts(cls, path: Path, head: bytes) -> bool:
        return True  # the last reader that is asked: whatever is no other format is refused by it in a sentence

    @property
    def frames(self) -> int:
        return max(self._header.pages, 1)

    @property
    def orientation(self) -> int:
        return self._header.orientation if self.frames == 1 else 1

    def frame_shape(self, frame: int) -> tuple[int, int]:
        return shape_of(*self._picture(frame))

    def read_frame(self, frame: int, depth: int | None) -> UltrasoundImage:
        data, header = self._picture(frame)
        reduction = jpeg_reduction(header, self.least_side)
        pixels = bgr_of(data, header, depth, str(self.path), reduction)
        image = UltrasoundImage(pixels, str(self.path), header.orientation)
        return image if reduction == 1 else image._replace(ori_shape=header.shape, reduction=reduction)

    def _picture(self, frame: int) -> tuple[bytes, ImageHeader]:
        if self.frames == 1:
            return self._data, self._header
        page = self._page(frame)
        return page, read_header(page)

    def _page(self, frame: int) -> bytes:
        """One page as a TIFF file of its own, with the same values."""
        page = io.BytesIO()
        try:
            with Image.open(io.BytesIO(self._data)) as image:
                image.seek(frame)
                if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
                    raise BadImage(f'stores page {frame} turned, which TIFF readers take differently')
                image.convert('RGB' if image.mode in ('P', 'PA', 'CMYK', 'YCbCr') else image.mode).save(page, 'TIFF')
        except PILLOW_ERRORS as error:
            raise BadImage(f'has a page {frame} that cannot be read') from error
        return page.getvalue()
