"""Predictions as DICOM SR: one Comprehensive SR a file, a measurement report of template TID 1500."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aurora_mm.dicom.answer import Answer
from aurora_mm.dicom.equipment import NAME, Equipment
from aurora_mm.dicom.findings import References, groups_of
from aurora_mm.dicom.segmentation import private_schemes, segment_frames
from aurora_mm.dicom.source import DicomSource
from aurora_mm.version import __version__

if TYPE_CHECKING:
    from pydicom import Dataset

SERIES_NUMBER = 9002


def make_report(
    source: DicomSource, answers: Sequence[Answer], segmentations: Mapping[str, Dataset], equipment: Equipment
) -> Dataset:
    """Make the SR of all answers to one file.

    Args:
        source: The file.
        answers: Of all tasks and frames, in the order of the report; at least one.
        segmentations: The SEGs of the file by task.
        equipment: What made them.

    Returns:
        The object, of SOP class Comprehensive SR Storage: complete, preliminary and not verified.
    """
    import highdicom.sr as sr
    from highdicom import UID
    from pydicom.sr.codedict import codes

    segments = {
        (task, frame, label): (result.SOPClassUID, result.SOPInstanceUID, number)
        for task, result in segmentations.items()
        for (frame, label), number in segment_frames(result).items()
        if any(_shows(answer, task, frame, label) for answer in answers)
    }
    references = References(source, segments)
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=equipment.uid,
        name=NAME,
        manufacturer_name=NAME,
        model_name=equipment.model,
        serial_number=equipment.serial_number,
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(codes.DCM.Device, device),
        ),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=[group for answer in answers for group in groups_of(answer, references)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    result = sr.ComprehensiveSR(
        evidence=[source.stand_in(), *segmentations.values()],
        content=content[0],
        series_instance_uid=UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=UID(),
        instance_number=1,
        is_complete=True,
        series_description=f'{NAME} {__version__}',
        coding_schemes=private_schemes(),
        **equipment.arguments(),
    )
    source.restore(result)
    return result


def _shows(answer: Answer, task: str, frame: int, label: int) -> bool:
    """Whether an answer's mask has a pixel of a class: a SEG without any pixel has frames all the same."""
    return answer.task.name == task and answer.frame == frame and label in answer.shown
