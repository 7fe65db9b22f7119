from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aurora_mm.images.dicom_errors import first_line, reading_errors
from aurora_mm.images.dicom_groups import header_of_frame, items_of_groups
from aurora_mm.images.dicom_start import begins_as_dicom
from aurora_mm.images.image_file import ImageFile
from aurora_mm.images.image_files import turned_upright
from aurora_mm.images.image_header import MOST_PIXELS, BadImage
from aurora_mm.images.optional_packages import import_package
from aurora_mm.images.shared_channels import share_channels
from aurora_mm.images.ultrasound_image import UltrasoundImage

if TYPE_CHECKING:
    from pydicom import Dataset

_CENTIMETRES = 3  # of Physical Units X Direction (0018,6024)
_TWO_DIMENSIONAL = 1  # of Region Spatial Format (0018,6012)
_TISSUE = 1  # of Region Data Type (0018,6014)
_MOST_PADDING = 0.1  # part of the pixels that may follow them as padding
_LEAST_CONTRAST = 1 / 16  # part of all values, so that a frame of noise around black may be black


class DicomFile(ImageFile):
    """DICOM images, single or with frames, of any transfer syntax that pydicom's decoders know (extra ``dicom``).

    Grey values go through the modality transform and the first VOI window or table of the file, where it has them,
    and fill 8 bits then; otherwise a value v of ``bits`` stored bits becomes ``v >> (bits - 8)``. MONOCHROME1 is
    inverted, YBR becomes RGB, a palette its colours. The pixel spacing is that of the ultrasound regions (0018,6011)
    that show tissue in two dimensions, if all agree, else Pixel Spacing (0028,0030). Rescaling, window and Pixel
    Spacing may also stand in functional groups. Nothing else leaves the header: no name, no date, no number of a
    patient.
    """

    suffixes = ('.dcm', '.dicom', '.dic', '.ima')

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        pydicom = import_package('pydicom', 'dicom', 'DICOM files')
        try:
            # `force` reads files without the preamble too, which old machines write.
            self._header: Dataset = pydicom.dcmread(self.local_path, force=True)
            self._check()
        except reading_errors() as error:
            raise BadImage(f'cannot be read as DICOM ({first_line(error)})') from error

    @classmethod
    def accepts(cls, path: Path, head: bytes) -> bool:
        return begins_as_dicom(head) or path.suffix.lower() in cls.suffixes

    @property
    def frames(self) -> int:
        return self._frames

    def frame_shape(self, frame: int) -> tuple[int, int]:
        return self._shape

    def read_frame(self, frame: int, depth: int | None) -> UltrasoundImage:
        from pydicom.pixels.utils import pixel_array

        try:
            pixels = _to_bgr(pixel_array(self._header, index=frame), header_of_frame(self._header, frame))
        except reading_errors() as error:
            raise BadImage(f'has pixels that cannot be decoded ({first_line(error)})') from error
        try:
            spacing, region = spacing_of(self._header), _tissue_region(self._header)
        except reading_errors() as error:
            raise BadImage(
                f'has a pixel spacing or an ultrasound region that cannot be read ({first_line(error)})'
            ) from error
        return UltrasoundImage(turned_upright(pixels, 1), str(self.path), 1, spacing, region)

    def _check(self) -> None:
        header = self._header
        if not header:
            raise BadImage('is no DICOM file, or an empty one')
        if not any(name in header for name in ('PixelData', 'FloatPixelData', 'DoubleFloatPixelData')):
            kind = header.get('Modality')
            raise BadImage('holds no picture' + (f': its modality is {kind}' if kind else ''))
        if 'PixelData' not in header:
            raise BadImage('holds numbers with a decimal point as pixels, for which there is no rule')
        if not hasattr(header, 'file_meta') or 'TransferSyntaxUID' not in header.file_meta:
            self._guess_transfer_syntax()
        self._shape = int(header.Rows), int(header.Columns)
        self._frames = int(header.get('NumberOfFrames') or 1)
        if self._frames < 1 or min(self._shape) < 1:
            raise BadImage(f'declares {self._frames} frames of {self._shape} pixels')
        if self._shape[0] * self._shape[1] > MOST_PIXELS:
            raise BadImage(f'has more than {MOST_PIXELS:,} pixels')
        bits, high = int(header.get('BitsStored', 0)), int(header.get('HighBit', 0))
        if 'HighBit' in header and high != bits - 1:
            raise BadImage(f'stores {bits} bits up to bit {high}, but values of {bits} bits end at bit {bits - 1}')
        self._check_length()

    def _check_length(self) -> None:
        """Check that pixels that are not compressed are those of the declared size; pydicom leaves out what is more."""
        from pydicom.pixels.utils import get_expected_length

        if self._header.file_meta.TransferSyntaxUID.is_compressed:
            return
        length, expected = len(self._header.PixelData), get_expected_length(self._header)
        if length - expected > _MOST_PADDING * expected:
            size = f'{self._frames} x {self._shape[0]} x {self._shape[1]}'
            raise BadImage(f'holds {length} bytes of pixels, but {size} (frames, rows, columns) need {expected}')

    def _guess_transfer_syntax(self) -> None:
        """Files without the preamble do not name their transfer syntax; pydicom has found out how to read them."""
        from pydicom.dataset import FileMetaDataset
        from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

        implicit, little = self._header.original_encoding
        if not hasattr(self._header, 'file_meta'):
            self._header.file_meta = FileMetaDataset()
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        self._header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _to_bgr(values: np.ndarray, header: Dataset) -> np.ndarray:
    """Decoded values, (H, W) or (H, W, 3) RGB, as (H, W, 3) uint8 BGR."""
    from pydicom.pixels.processing import apply_color_lut

    meaning = header.PhotometricInterpretation
    if meaning == 'PALETTE COLOR':
        colours = apply_color_lut(values, header)
        return _shifted(colours, 8 * colours.dtype.itemsize)[..., :3][..., ::-1]
    if values.ndim == 3:
        return _shifted(values, int(header.BitsStored))[..., ::-1]
    grey = _grey(values, header)
    return share_channels(255 - grey if meaning == 'MONOCHROME1' else grey)


def _grey(values: np.ndarray, header: Dataset) -> np.ndarray:
    """(H, W) uint8 by the rules of the class's documentation."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    if 'WindowCenter' not in header and 'VOILUTSequence' not in header:
        if int(header.get('PixelRepresentation', 0)):
            raise BadImage('stores signed values without a window that says which of them are shown')
        return _shifted(values, int(header.BitsStored))
    shown = apply_voi_lut(apply_modality_lut(values, header), header).astype(np.float64)
    least, most = _shown_range(header)
    if np.ptp(shown) == 0 and int(values.max()) - int(values.min()) > _LEAST_CONTRAST * 2 ** int(header.BitsStored):
        raise BadImage(f'has a window that shows nothing of its values, {values.min()} to {values.max()}')
    return np.clip(np.rint((shown - least) * (255 / (most - least))), 0, 255).astype(np.uint8)


def _shown_range(header: Dataset) -> tuple[float, float]:
    """The least and the largest value that pydicom's VOI transform gives."""
    if header.get('VOILUTSequence'):
        bits = int(header.VOILUTSequence[0].LUTDescriptor[2])
        return 0.0, 2.0**bits - 1
    if header.get('ModalityLUTSequence'):
        bits = int(header.ModalityLUTSequence[0].LUTDescriptor[2])
        return 0.0, 2.0**bits - 1
    bits = int(header.BitsStored)
    signed = int(header.get('PixelRepresentation', 0))
    least, most = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)
    slope, intercept = float(header.get('RescaleSlope', 1) or 1), float(header.get('RescaleIntercept', 0) or 0)
    return least * slope + intercept, most * slope + intercept


def _shifted(values: np.ndarray, bits: int) -> np.ndarray:
    if values.size and int(values.max()) >= 2**bits:
        raise BadImage(f'has values up to {int(values.max())}, more than {bits} bits hold')
    return (values >> (bits - 8) if bits >= 8 else values << (8 - bits)).astype(np.uint8)


def spacing_of(header: Dataset) -> tuple[float, float] | None:
    """Return (height, width) of a pixel in mm, as :class:`DicomFile` says; None if the header does not say it.

    It is what the header says, even if no image can have it, see
    :func:`aurora_mm.images.pixel_spacing.impossible_spacing`.
    """
    found = {
        (10 * abs(float(region.PhysicalDeltaY)), 10 * abs(float(region.PhysicalDeltaX)))
        for region in _tissue_regions(header)
        if int(region.get('PhysicalUnitsXDirection', 0))
        == int(region.get('PhysicalUnitsYDirection', 0))
        == _CENTIMETRES
    }
    if not found:
        found = {(float(rows), float(columns)) for rows, columns in _pixel_spacings(header)}
    if len(found) != 1:
        return None
    (spacing,) = found
    return spacing


def _pixel_spacings(header: Dataset) -> Iterator[Sequence[float]]:
    """Yield each Pixel Spacing of a header and its functional groups."""
    places = [header, *items_of_groups(header, 'PixelMeasuresSequence')]
    yield from (place.PixelSpacing for place in places if place.get('PixelSpacing'))


def _tissue_region(header: Dataset) -> tuple[int, int, int, int] | None:
    """The smallest rectangle around the regions of tissue, xyxy with an excluded end, within the picture."""
    corners = [
        (region.RegionLocationMinX0, region.RegionLocationMinY0, region.RegionLocationMaxX1, region.RegionLocationMaxY1)
        for region in _tissue_regions(header)
    ]
    if not corners:
        return None
    left, top, right, bottom = (list(map(int, side)) for side in zip(*corners, strict=True))
    x1, y1 = max(min(left), 0), max(min(top), 0)
    x2, y2 = min(max(right) + 1, int(header.Columns)), min(max(bottom) + 1, int(header.Rows))
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def _tissue_regions(header: Dataset) -> list[Any]:
    return [
        region
        for region in header.get('SequenceOfUltrasoundRegions') or ()
        if int(region.get('RegionSpatialFormat', 0)) == _TWO_DIMENSIONAL
        and int(region.get('RegionDataType', 0)) == _TISSUE
    ]


def is_dicom(path: str | Path) -> bool:
    """Return whether a file is a DICOM file, by its first bytes or its name. False for a file that cannot be read."""
    try:
        with Path(path).open('rb') as file:
            head = file.read(1024)
    except OSError:
        return False
    return DicomFile.accepts(Path(path), head)
