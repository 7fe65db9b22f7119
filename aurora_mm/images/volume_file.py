from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.images.image_file import ImageFile
from aurora_mm.images.image_header import MOST_PIXELS, BadImage
from aurora_mm.images.meta_image import META_SUFFIXES, data_file_of
from aurora_mm.images.nifti_spacing import nifti_spacing
from aurora_mm.images.optional_packages import import_package
from aurora_mm.images.pixel_spacing import is_spacing
from aurora_mm.images.scaling import scaled_to_8_bits
from aurora_mm.images.shared_channels import share_channels
from aurora_mm.images.ultrasound_image import UltrasoundImage

_MOST_VALUES = 4 * MOST_PIXELS


class VolumeFile(ImageFile):
    """NIfTI and MetaImage files by SimpleITK (extra ``volumes``): a picture, or the slices of a volume as frames.

    All slices are scaled to 8 bits by one rule, see :func:`aurora_mm.images.scaling.scaled_to_8_bits`. A spacing of
    exactly 1 for both sides is what these formats hold where nobody has set one, so it counts as unknown.
    """

    suffixes = ('.nii', '.nii.gz', *META_SUFFIXES)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._sitk: Any = import_package('SimpleITK', 'volumes', 'NIfTI and MetaImage files')
        is_meta = path.suffix.lower() in META_SUFFIXES
        if is_meta:
            data_file_of(self.local_path)  # raises where it is not beside its header
        # Otherwise ITK would ask its readers of all formats, some of which follow names in a file to other files.
        self._format = 'MetaImageIO' if is_meta else 'NiftiImageIO'
        reader = self._sitk.ImageFileReader()
        reader.SetImageIO(self._format)
        reader.SetFileName(str(self.local_path))
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise BadImage('cannot be read as NIfTI or MetaImage') from error
        size = list(reader.GetSize())
        if len(size) > 3 and any(side != 1 for side in size[3:]):
            raise BadImage(f'has {len(size)} dimensions; two or three can be read')
        if reader.GetNumberOfComponents() not in (1, 3):
            raise BadImage(f'has {reader.GetNumberOfComponents()} values a pixel; 1 (grey) or 3 (RGB) can be read')
        if int(np.prod(size)) > _MOST_VALUES or min(size) < 1:
            raise BadImage(f'has {" x ".join(map(str, size))} pixels')
        self._size, self._spacing, self._direction = size, reader.GetSpacing(), reader.GetDirection()
        if 0 in self._spacing:
            raise BadImage('says a spacing of 0, or one that is no number, with which SimpleITK reads no pixels')

    @classmethod
    def accepts(cls, path: Path, head: bytes) -> bool:
        return path.name.lower().endswith(cls.suffixes)

    @property
    def direction(self) -> tuple[float, ...] | None:
        """The directions of the axes in space, row by row of the matrix whose columns they are.

        None where the spacing is exactly 1 along all axes, which says that nobody has described the space.
        """
        return None if all(side == 1 for side in self._spacing) else tuple(self._direction)

    @property
    def frames(self) -> int:
        return self._size[2] if len(self._size) > 2 else 1

    def frame_shape(self, frame: int) -> tuple[int, int]:
        return self._size[1], self._size[0]

    @cached_property
    def values(self) -> np.ndarray:
        """(frames, H, W) or (frames, H, W, 3) RGB, as the file stores them.

        Raises:
            BadImage: If they cannot be read.
        """
        try:
            array = self._sitk.GetArrayFromImage(self._sitk.ReadImage(str(self.local_path), imageIO=self._format))
        except RuntimeError as error:
            raise BadImage('cannot be read to its end') from error
        colours = array.shape[-1:] if array.ndim > len(self._size) else ()
        return array.reshape(self.frames, self._size[1], self._size[0], *colours)

    def read_frame(self, frame: int, depth: int | None) -> UltrasoundImage:
        values = self._scaled(depth)[frame]
        pixels = np.ascontiguousarray(values[..., ::-1]) if values.ndim == 3 else share_channels(values)
        return UltrasoundImage(pixels, str(self.path), pixel_spacing=self._pixel_spacing)

    @cached_property
    def _pixel_spacing(self) -> tuple[float, float] | None:
        width, height = map(float, self._spacing[:2])
        if 1 in (height, width) and self._format == 'NiftiImageIO':
            said = nifti_spacing(self.local_path)
            if said is not None and not is_spacing(said):
                return said
        return None if height == width == 1 else (height, width)

    def _scaled(self, depth: int | None) -> np.ndarray:
        if depth not in self._scaled_by_depth:
            self._scaled_by_depth[depth] = scaled_to_8_bits(self.values, depth, str(self.path))
        return self._scaled_by_depth[depth]

    @cached_property
    def _scaled_by_depth(self) -> dict[int | None, np.ndarray]:
        return {}
