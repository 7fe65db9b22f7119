"""The calibrators of the task types of this package, imported when one of them is looked up first."""

from aurora_mm.calibration.box_calibrator import BoxCalibrator
from aurora_mm.calibration.calibrator import CALIBRATORS
from aurora_mm.calibration.label_calibrator import LabelCalibrator
from aurora_mm.calibration.landmark_calibrator import LandmarkCalibrator
from aurora_mm.calibration.mask_calibrator import MaskCalibrator
from aurora_mm.calibration.multi_box_calibrator import MultiBoxCalibrator
from aurora_mm.calibration.multi_label_calibrator import MultiLabelCalibrator
from aurora_mm.calibration.value_calibrator import ValueCalibrator

for _task_type, _calibrator in dict(
    segmentation=MaskCalibrator(),
    classification=LabelCalibrator(),
    detection=BoxCalibrator(),
    landmark=LandmarkCalibrator(),
    multi_object_detection=MultiBoxCalibrator(),
    multi_label_classification=MultiLabelCalibrator(),
    scalar_regression=ValueCalibrator(),
).items():
    CALIBRATORS.setdefault(_task_type, _calibrator)
