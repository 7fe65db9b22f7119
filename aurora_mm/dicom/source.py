from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

from aurora_mm.errors import DataError
from aurora_mm.images.dicom_errors import first_line, reading_errors
from aurora_mm.images.dicom_file import DicomFile
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.optional_packages import import_package
from aurora_mm.utils import first_few

if TYPE_CHECKING:
    from pydicom import Dataset

_US_IMAGE = '1.2.840.10008.5.1.4.1.1.6.1'
_NEEDED = ('StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID', 'SOPClassUID')
# Elements of type 2 in the modules of the patient and the study: they must be there, and may be empty.
_MAY_BE_EMPTY = (
    *('PatientID', 'PatientName', 'PatientBirthDate', 'PatientSex', 'AccessionNumber', 'StudyID', 'StudyDate'),
    *('StudyTime', 'ReferringPhysicianName'),
)


class DicomSource:
    """The header of a DICOM image, from which results are derived and to which they refer.

    Args:
        path: Of the file.

    Attributes:
        header: All but the pixels, with empty values for the elements of patient and study that must be there.
        frames: Number of frames.

    Raises:
        BadImage: If it is no DICOM file, or lacks an identifier that results must name.
    """

    def __init__(self, path: str | Path) -> None:
        pydicom = import_package('pydicom', 'dicom', 'DICOM files')
        try:
            self.header: Dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            self.frames = int(self.header.get('NumberOfFrames') or 1)
            missing = [name for name in _NEEDED if not self.header.get(name)]
        except reading_errors() as error:
            raise BadImage(f'cannot be read as DICOM ({first_line(error)})') from error
        if missing:
            raise BadImage(f'has no {" and no ".join(missing)}, so that DICOM results cannot refer to it')
        for name in _MAY_BE_EMPTY:
            if name not in self.header:
                setattr(self.header, name, None)

    def frame_numbers(self, frame: int) -> list[int] | None:
        """Return the number of a frame (counted from 0) as references have it, from 1; None for a single image."""
        return [frame + 1] if 'NumberOfFrames' in self.header else None

    def stand_in(self) -> Dataset:
        """Return a copy of the header that highdicom takes for a single image.

        highdicom knows multi-frame images with the functional groups of the enhanced classes only, and current SOP
        classes only; those of ultrasound clips have none. :meth:`restore` makes the references name the true class.
        """
        from highdicom._standard_utils import get_sop_class_iod_map

        header = deepcopy(self.header)
        if 'NumberOfFrames' in header:
            del header.NumberOfFrames
            header.SOPClassUID = _US_IMAGE
        elif header.SOPClassUID not in get_sop_class_iod_map():
            header.SOPClassUID = _US_IMAGE
        if 'ImagePositionPatient' not in header and 'FrameOfReferenceUID' in header:
            del header.FrameOfReferenceUID
        return header

    def restore(self, result: Dataset) -> None:
        """Name the source's own SOP class wherever a result refers to the source, in place.

        Also remove the acquisition equipment that highdicom adds: it names the institution and the station, which
        belong neither to the patient nor to the study.
        """
        for element in result.iterall():
            for item in element.value if element.VR == 'SQ' else ():
                if item.get('ReferencedSOPInstanceUID') == self.header.SOPInstanceUID:
                    item.ReferencedSOPClassUID = self.header.SOPClassUID
        if 'ContributingEquipmentSequence' in result:
            del result.ContributingEquipmentSequence


def require_dicom(files: Iterable[str | Path]) -> None:
    """Check that all files are DICOM images, by their first bytes or their names.

    Args:
        files: Files that can be read.

    Raises:
        DataError: If some are none; the message names them.
    """
    others = [str(file) for file in files if not DicomFile.accepts(Path(file), _head(file))]
    if others:
        raise DataError(f'DICOM results refer to DICOM images, and these inputs are none: {first_few(others, 5)}')


def _head(file: str | Path) -> bytes:
    with Path(file).open('rb') as stream:
        return stream.read(1024)
