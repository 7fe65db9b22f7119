import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.tasks import Task, TaskTable

FEMUR = Task('femur', 'landmark', points=('left', 'right', 'top'), swaps=(('left', 'right'),))
LUNG = Task('lung', 'segmentation', classes=('background', 'lung'))


def test_config_round_trip():
    table = TaskTable([FEMUR, LUNG])
    again = TaskTable(table.to_config())
    assert list(again.values()) == [FEMUR, LUNG]
    assert again == table


def test_outputs_count_as_the_csv_does():
    assert (FEMUR.num_outputs, LUNG.num_outputs) == (3, 2)
    assert FEMUR.flip_indices == [1, 0, 2]


@pytest.mark.parametrize(
    ('task_name', 'count', 'task_type', 'names'),
    [
        ('segmentation', 3, 'segmentation', ('background', 'class_1', 'class_2')),
        ('classification', 2, 'classification', ('class_0', 'class_1')),
        ('detection', 1, 'detection', ('class_0',)),
        ('Regression', 2, 'landmark', ('point_1', 'point_2')),
    ],
)
def test_a_csv_describes_a_task(task_name, count, task_type, names):
    task = Task.from_csv('new', task_name, count)
    assert (task.type, task.output_names, task.num_outputs) == (task_type, names, count)


def test_a_known_task_keeps_its_names_and_a_new_one_is_added():
    table = TaskTable([LUNG]).with_tasks([Task.from_csv('lung', 'segmentation', 2), FEMUR])
    assert list(table) == ['lung', 'femur']
    assert table['lung'].classes == ('background', 'lung')


def test_a_task_with_two_counts_is_refused():
    with pytest.raises(ConfigError, match=r"'lung' is segmentation with 2 .* but segmentation with 3"):
        TaskTable([LUNG]).with_tasks([Task.from_csv('lung', 'segmentation', 3)])


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(name='a.b', type='detection', classes=['x']), r"hold a '\.'"),
        (dict(name='a', type='regression', points=['x']), "type 'regression'"),
        (dict(name='a', type='landmark', classes=['x']), 'takes points, not classes'),
        (dict(name='a', type='segmentation', classes=['background']), 'at least 2'),
        (dict(name='a', type='classification', classes=['x', 'x']), 'twice'),
        (dict(name='a', type='landmark', points=['x'], swaps=[('x', 'y')]), "swaps 'y'"),
    ],
)
def test_bad_tasks(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        Task(**kwargs)


def test_unknown_and_repeated_names():
    with pytest.raises(KeyError, match="no task 'spleen' in this table; it holds lung"):
        TaskTable([LUNG])['spleen']
    with pytest.raises(ConfigError, match='twice'):
        TaskTable([LUNG, LUNG])
