"""Masks as DICOM SEG: one object a file and task, one segment a class, one frame a class that a frame shows."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from aurora_mm.dicom.answer import Answer
from aurora_mm.dicom.codes import category_of, code_of, concept
from aurora_mm.dicom.default_codes import PRIVATE_SCHEME
from aurora_mm.dicom.equipment import NAME, Equipment
from aurora_mm.dicom.source import DicomSource
from aurora_mm.tasks import Task
from aurora_mm.version import __version__

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from pydicom import Dataset

SERIES_NUMBER = 9001
_TEMPORAL_POSITION_INDEX, _FRAME_CONTENT = 0x00209128, 0x00209111
_MOST_LETTERS = 64


def make_segmentation(source: DicomSource, answers: Sequence[Answer], equipment: Equipment, number: int = 1) -> Dataset:
    """Make the SEG of one task's masks of one file.

    Segment n is the n-th of the task's classes, the background not counted. Segments overlap where classes do. A frame
    of the file and a class without a pixel in it get no frame in the SEG, unless there is no pixel at all.

    A SEG has pixel measures only where the source has a position in space, and takes them from there: readers, such as
    highdicom, refuse pixel measures without a thickness of slices, which an image of ultrasound does not have.

    Args:
        source: The file.
        answers: Of the task, each for another frame, in their order; at least one.
        equipment: What made them.
        number: Instance Number of the SEG.

    Returns:
        The object, of SOP class Segmentation Storage, type BINARY.
    """
    from highdicom import UID
    from highdicom.seg import Segmentation

    task = answers[0].task
    first = next((answer for answer in answers if answer.shown), answers[0])
    result = Segmentation(
        source_images=[source.stand_in()],
        pixel_array=np.moveaxis(_masks(first), 0, -1)[None].astype(np.uint8),
        segmentation_type='BINARY',
        segment_descriptions=_segments(task, equipment),
        series_instance_uid=UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=UID(),
        instance_number=number,
        content_label='SEGMENTATION',
        content_description=task.name[:_MOST_LETTERS],
        series_description=task.name[:_MOST_LETTERS],
        coding_schemes=private_schemes(),
        **equipment.arguments(),
    )
    if 'NumberOfFrames' in source.header:
        _set_frames(result, answers, source)
    source.restore(result)
    return result


def segment_frames(result: Dataset) -> dict[tuple[int, int], int]:
    """Return the frame number (from 1) in a SEG by the frame of its source (from 0) and the number of the segment."""
    found = {}
    shared = result.SharedFunctionalGroupsSequence[0]
    for number, item in enumerate(result.PerFrameFunctionalGroupsSequence, 1):
        image = item.DerivationImageSequence[0].SourceImageSequence[0]
        segment = item if 'SegmentIdentificationSequence' in item else shared
        label = int(segment.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        found[int(image.get('ReferencedFrameNumber', 1)) - 1, label] = number
    return found


def private_schemes() -> list[Any]:
    """Return what introduces the private coding scheme in an object."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    return [CodingSchemeIdentificationItem(PRIVATE_SCHEME, name='Names of classes of aurora_mm')]


def _segments(task: Task, equipment: Equipment) -> list[Any]:
    from highdicom import UID, AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from pydicom.sr.codedict import codes

    algorithm = AlgorithmIdentificationSequence(
        name=NAME,
        family=codes.DCM.ArtificialIntelligence,
        version=__version__,
        parameters=dict(model=equipment.model, task=task.name),
    )
    return [
        SegmentDescription(
            segment_number=number,
            segment_label=name[:_MOST_LETTERS],
            segmented_property_category=concept(category_of(task, name)),
            segmented_property_type=concept(code_of(task, name)),
            algorithm_type='AUTOMATIC',
            algorithm_identification=algorithm,
            tracking_uid=UID(),
            tracking_id=f'{task.name}: {name}'[:_MOST_LETTERS],
        )
        for number, name in enumerate(task.target_names, 1)
    ]


def _set_frames(result: Segmentation, answers: Sequence[Answer], source: DicomSource) -> None:
    """Put the masks of all frames of a clip into a SEG of one frame, each with a reference to its own frame.

    Frames are ordered by segment, then by time: Temporal Position Index is the number of the frame in the clip.
    """
    from pydicom import Dataset
    from pydicom.pixels.utils import pack_bits

    numbers = [int(segment.SegmentNumber) for segment in result.SegmentSequence]
    pairs = [(label, answer) for label in numbers for answer in answers if label in answer.shown]
    pairs = pairs or [(label, answers[0]) for label in numbers]
    shared = result.SharedFunctionalGroupsSequence[0]
    if 'SegmentIdentificationSequence' in shared:  # highdicom puts a single segment there
        del shared.SegmentIdentificationSequence
    derivation = result.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence
    groups = []
    for label, answer in pairs:
        group, content, segment = Dataset(), Dataset(), Dataset()
        content.DimensionIndexValues = [label, answer.frame + 1]
        content.TemporalPositionIndex = answer.frame + 1
        group.FrameContentSequence = [content]
        group.DerivationImageSequence = deepcopy(derivation)
        image = group.DerivationImageSequence[0].SourceImageSequence[0]
        image.ReferencedFrameNumber = source.frame_numbers(answer.frame)
        segment.ReferencedSegmentNumber = label
        group.SegmentIdentificationSequence = [segment]
        groups.append(group)
    result.PerFrameFunctionalGroupsSequence = groups
    in_time = Dataset()
    in_time.DimensionOrganizationUID = result.DimensionIndexSequence[0].DimensionOrganizationUID
    in_time.DimensionIndexPointer = _TEMPORAL_POSITION_INDEX
    in_time.FunctionalGroupPointer = _FRAME_CONTENT
    in_time.DimensionDescriptionLabel = 'Temporal Position Index'
    result.DimensionIndexSequence.append(in_time)
    result.NumberOfFrames = len(groups)
    result.SegmentsOverlap = 'YES' if any(answer.has_overlap for answer in answers) else 'NO'
    masks = {answer.frame: _masks(answer) for _, answer in pairs}
    result.PixelData = pack_bits(np.stack([masks[answer.frame][label - 1] for label, answer in pairs]).astype(np.uint8))


def _masks(answer: Answer) -> np.ndarray:
    masks = answer.masks
    assert masks is not None  # only tasks with masks get a SEG
    return masks
