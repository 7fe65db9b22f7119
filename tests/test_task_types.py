import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.task_types import TASK_TYPES, TaskType, register_task_type
from tests.fixtures.checkpoints import ALL_TYPES


def test_the_tasks_of_all_types_of_the_tests_have_every_type():
    assert ALL_TYPES.types() == list(TASK_TYPES)


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
