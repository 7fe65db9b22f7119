"""How the predictions of each task type stand in a measurement report: groups of TID 1410 and TID 1501."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aurora_mm.dicom.answer import Answer
from aurora_mm.dicom.codes import code_of, concept, measurement_code, probability_code, unit_code
from aurora_mm.dicom.source import DicomSource
from aurora_mm.measurements import Measured, Measurement
from aurora_mm.task_types import ByTaskType

if TYPE_CHECKING:
    import highdicom.sr as sr

Groups = list[Any]  # of highdicom's measurement groups, which have no common public base


@dataclass(frozen=True)
class References:
    """What the groups of one frame refer to.

    Args:
        source: The file.
        segments: SOP class UID, SOP instance UID and frame number in the SEG, by task, frame and label.
    """

    source: DicomSource
    segments: Mapping[tuple[str, int, int], tuple[str, str, int]] = field(default_factory=dict)

    def arguments(self, frame: int) -> tuple[Any, ...]:
        """Return SOP class UID, SOP instance UID and frame numbers of a frame of the file."""
        header = self.source.header
        return header.SOPClassUID, header.SOPInstanceUID, self.source.frame_numbers(frame)

    def region(self, answer: Answer, graphic_type: str, points: np.ndarray) -> sr.ImageRegion:
        """Return an SCOORD with a reference to the frame.

        Args:
            answer: Of the frame.
            graphic_type: ``'POINT'``, ``'POLYLINE'`` ...
            points: (N, 2) x, y in pixels with x = 0 the left edge of the picture, which is DICOM's own convention for
                SCOORD (PS3.3 C.18.6.1.2): 0.0\\0.0 is the top left corner of the first pixel, not its centre.
        """
        import highdicom.sr as sr

        image = sr.SourceImageForRegion(*self.arguments(answer.frame))
        return sr.ImageRegion(graphic_type, _within(points, answer.shape), image)


def groups_of(answer: Answer, references: References) -> Groups:
    """Return the measurement groups of one task and frame; one that says 'absent' where nothing was found."""
    import highdicom.sr as sr
    from pydicom.sr.codedict import codes

    groups = FINDINGS[answer.task.type](answer, references) if answer.task.type in FINDINGS else []
    if groups:
        return groups
    absent = sr.QualitativeEvaluation(concept(code_of(answer.task, answer.task.name)), codes.SCT.Absent)
    return [_whole_image(answer, references, qualitative_evaluations=[absent])]


def _masks(answer: Answer, references: References) -> Groups:
    """A region of the SEG for each class that was found, with the measurements of that class."""
    import highdicom.sr as sr

    task, groups = answer.task, []
    for label, name in enumerate(task.target_names, 1):
        if (found := references.segments.get((task.name, answer.frame, label))) is None:
            continue
        class_uid, instance_uid, number = found
        image = sr.SourceImageForSegmentation(*references.arguments(answer.frame))
        groups.append(
            sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=_tracking(task.name, name),
                referenced_segment=sr.ReferencedSegmentationFrame(class_uid, instance_uid, number, label, image),
                finding_type=concept(code_of(task, name)),
                measurements=_measurements(answer, task.output_names.index(name)),
            )
        )
    return groups


def _boxes(answer: Answer, references: References) -> Groups:
    """A closed rectangle for each box with the certainty; a class's measurements stand with its surest box."""
    import highdicom.sr as sr
    from pydicom.sr.codedict import codes

    task, groups, seen = answer.task, [], set()
    for box in answer.plain['boxes']:
        if not np.isfinite(box['box']).all():
            continue
        x1, y1, x2, y2 = box['box']
        corners = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)])
        name = box['label']
        measured = [] if name in seen else _measurements(answer, task.output_names.index(name))
        seen.add(name)
        certainty = sr.Measurement(codes.DCM.CertaintyOfFinding, 100 * box['score'], codes.UCUM.Percent)
        groups.append(
            sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=_tracking(task.name, name),
                referenced_region=references.region(answer, 'POLYLINE', corners),
                finding_type=concept(code_of(task, name)),
                measurements=[certainty, *measured],
            )
        )
    return groups


def _points(answer: Answer, references: References) -> Groups:
    """A point each, and a group of the measurements between them."""
    import highdicom.sr as sr

    task = answer.task
    groups: Groups = [
        sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(task.name, name),
            referenced_region=references.region(answer, 'POINT', np.array([point])),
            finding_type=concept(code_of(task, name)),
        )
        for name, point in answer.plain['points'].items()
        if np.isfinite(point).all()
    ]
    if measured := _measurements(answer, None, references):
        groups.append(_whole_image(answer, references, measurements=measured))
    return groups


def _label(answer: Answer, references: References) -> Groups:
    return _labels(answer, references, [answer.plain['label']])


def _several_labels(answer: Answer, references: References) -> Groups:
    return _labels(answer, references, answer.plain['labels'])


def _labels(answer: Answer, references: References, found: Iterable[str]) -> Groups:
    """Qualitative evaluations, and the probability of every class."""
    import highdicom.sr as sr

    task = answer.task
    question = concept(code_of(task, task.name))
    return [
        _whole_image(
            answer,
            references,
            qualitative_evaluations=[
                sr.QualitativeEvaluation(question, concept(code_of(task, name))) for name in found
            ],
            measurements=[
                sr.Measurement(concept(probability_code(task, name)), score, concept(unit_code('')))
                for name, score in answer.plain['scores'].items()
                if math.isfinite(score)
            ],
        )
    ]


def _value(answer: Answer, references: References) -> Groups:
    """The number that was predicted."""
    import highdicom.sr as sr

    task, value = answer.task, answer.plain['value']
    if not math.isfinite(value):
        return []
    (name,) = task.output_names
    measured = sr.Measurement(concept(code_of(task, name)), value, concept(unit_code(task.unit)))
    return [_whole_image(answer, references, measurements=[measured])]


FINDINGS: ByTaskType[Any] = ByTaskType('DICOM finding')
FINDINGS.update(
    segmentation=_masks,
    multi_label_segmentation=_masks,
    detection=_boxes,
    multi_object_detection=_boxes,
    landmark=_points,
    classification=_label,
    multi_label_classification=_several_labels,
    scalar_regression=_value,
)


def _measurements(answer: Answer, label: int | None, lines: References | None = None) -> list[sr.Measurement]:
    """The measurements of one class, or those of none alone; what could not be measured is left out.

    Args:
        answer: With the measurements.
        label: Index of the class.
        lines: For measurements with the lines that they were taken along. TID 1410 has none: its region stands for
            them.
    """
    return [
        _measurement(answer, measurement, measured, lines)
        for measurement, measured in answer.measured
        if measurement.label == label and math.isfinite(measured.value)
    ]


def _measurement(
    answer: Answer, measurement: Measurement, measured: Measured, references: References | None
) -> sr.Measurement:
    import highdicom.sr as sr

    lines = []
    if references is not None:
        image = sr.SourceImageForRegion(*references.arguments(answer.frame))
        lines = [
            sr.CoordinatesForMeasurement('POLYLINE', _within(line, answer.shape), image)
            for line in measured.lines
            if len(line) > 1
        ]
    return sr.Measurement(
        name=concept(measurement_code(answer.task, measurement)),
        value=measured.value,
        unit=concept(unit_code(measured.unit)),
        tracking_identifier=_tracking(answer.task.name, measurement.name),
        referenced_coordinates=lines or None,
    )


def _whole_image(answer: Answer, references: References, **content: Any) -> Any:
    """A group of TID 1501 about a frame as a whole."""
    import highdicom.sr as sr

    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(answer.task.name),
        finding_type=None,
        source_images=[sr.SourceImageForMeasurementGroup(*references.arguments(answer.frame))],
        **content,
    )


def _tracking(*names: str) -> sr.TrackingIdentifier:
    import highdicom.sr as sr
    from highdicom import UID

    return sr.TrackingIdentifier(UID(), ': '.join(names))


def _within(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Points within the picture, beyond which SCOORD has no coordinates: 0 to the number of columns, and of rows."""
    return np.clip(np.asarray(points, np.float64), 0, (shape[1], shape[0]))
