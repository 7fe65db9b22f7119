import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.task_types import TASK_TYPES, TaskType, register_task_type


def test_a_type_takes_nobodys_name_nor_spelling():
    known = dict(TASK_TYPES)
    landmark = TASK_TYPES['landmark']
    assert (
        register_task_type(TaskType('landmark', 'LandmarkMetric', outputs='points', csv_name='Regression')) is landmark
    )
    for other in (TaskType('landmark', metric='OtherMetric'), TaskType('age', metric='M', csv_name='REGRESSION')):
        with pytest.raises(ConfigError, match='clashes with'):
            register_task_type(other)
    assert known == TASK_TYPES
