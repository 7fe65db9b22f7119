"""How the cells of a table say the label of an image, one class for each type of task."""

from aurora_mm.importing.table_answers.box_answer import BoxAnswer
from aurora_mm.importing.table_answers.class_answer import ClassAnswer
from aurora_mm.importing.table_answers.class_masks_answer import ClassMasksAnswer
from aurora_mm.importing.table_answers.classes_answer import ClassesAnswer
from aurora_mm.importing.table_answers.mask_answer import MaskAnswer
from aurora_mm.importing.table_answers.points_answer import PointsAnswer
from aurora_mm.importing.table_answers.table_answer import TableAnswer
from aurora_mm.importing.table_answers.value_answer import ValueAnswer
from aurora_mm.task_types import ByTaskType

__all__ = ['TABLE_ANSWERS', 'TableAnswer']

TABLE_ANSWERS: ByTaskType[type[TableAnswer]] = ByTaskType('reader of tables')
TABLE_ANSWERS.update(
    segmentation=MaskAnswer,
    classification=ClassAnswer,
    detection=BoxAnswer,
    landmark=PointsAnswer,
    multi_object_detection=BoxAnswer,
    scalar_regression=ValueAnswer,
    multi_label_classification=ClassesAnswer,
    multi_label_segmentation=ClassMasksAnswer,
)
"""The classes of this folder by type of task."""
