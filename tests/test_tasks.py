import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config
from mmengine.model import ModuleDict
from torch import nn

from aurora_mm.errors import ConfigError
from aurora_mm.task_names import TASK_TYPES, nearest_first
from aurora_mm.tasks import Task, TaskTable

FEMUR = Task('femur', 'landmark', points=('left', 'right', 'top'), swaps=(('left', 'right'),))
LUNG = Task('lung', 'segmentation', classes=('background', 'lung'))


def test_config_round_trip():
    table = TaskTable([FEMUR, LUNG])
    again = TaskTable(table.to_config())
    assert list(again.values()) == [FEMUR, LUNG]
    assert again == table


def test_the_mark_of_an_inherited_config_is_no_field():
    assert Task.from_config(LUNG.to_config() | dict(_scope_='aurora_mm')) == LUNG


def test_codes_are_lists_by_kind():
    code, category = ['69536005', 'SCT', 'Head'], ['123037004', 'SCT', 'Body structure']
    task = Task('a', 'landmark', points=('p', 'q'), codes=dict(p=code, q=dict(type=code, category=category)))
    assert task.codes == dict(p=dict(type=code), q=dict(type=code, category=category))
    assert Task(**task.to_config()) == task
    assert 'codes' not in Task('a', 'landmark', points=('p',)).to_config()


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
        (dict(name='a', type='regression', points=['x']), "type 'regression'"),
        (dict(name='a', type=['detection'], classes=['x']), 'has type .*known are'),
        (dict(name='a', type='landmark', classes=['x']), 'takes points, not classes'),
        (dict(name='a', type='segmentation', classes=['background']), 'needs 2 to 255 classes, not 1'),
        (dict(name='a', type='classification', classes=['x', 'x']), 'twice'),
        (dict(name='a', type='landmark', points=['x'], swaps=[('x', 'y')]), "swaps 'y'"),
        (dict(name='a', type='landmark', points=['x', 'y', 'z'], swaps=[('x', 'y'), ('y', 'z')]), 'more than once'),
        (dict(name='a', type='landmark', points=['x', 'y'], swaps=[('x',)]), 'pairs of two names'),
        (dict(name='a', type='landmark', points=['x', 'y'], swaps='xy'), 'list of pairs'),
        (
            dict(name='a', type='landmark', points=['p', 'q'], rotation=181),
            'rotation must be 0 to 180 degrees, not 181',
        ),
        (dict(name='a', type='landmark', points=['p', 'q'], rotation=True), 'not True'),
        (dict(name='a', type='landmark', points=['p', 'q'], ordered='xpq'), 'list of .axis, point, point'),
        (dict(name='a', type='landmark', points=['p', 'q'], ordered=[('z', 'p', 'q')]), "'x' or 'y' and two points"),
        (dict(name='a', type='landmark', points=['p', 'q'], ordered=[('x', 'p', 'p')]), "'x' or 'y' and two points"),
        (dict(name='a', type='landmark', points=['p', 'q'], ordered=[('x', 'p', 'r')]), "orders 'r'"),
        (dict(name='a', type='classification', classes=['p', 'q'], ordered=[('x', 'p', 'q')]), "orders 'p'"),
        (dict(name='a', type='detection', classes='lesion'), "must be a list of names, not 'lesion'"),
        (dict(name='a', type='detection', classes=5), 'must be a list of names, not 5'),
        (dict(name='a', type='detection', classes=[1]), '1 is no name'),
        (dict(name='a', type='detection', classes=['a\nb']), 'without line breaks'),
        (dict(name='a', type='detection', classes=[' ']), 'is no name'),
        (dict(name='a', type='detection', classes=['x' * 101]), 'over 100 characters'),
        (dict(name='a', type='detection', classes=['x'], flip='no'), 'flip must be True or False'),
        (dict(name='a', type='segmentation', classes=[str(i) for i in range(256)]), '2 to 255 classes, not 256'),
        (
            dict(name='a', type='landmark', points=['x'], class_weight=[1]),
            'has no classes, so it takes no class_weight',
        ),
        (dict(name='a', type='classification', classes=['x', 'y'], class_weight=[1]), '1 numbers for 2 classes: x, y'),
        (dict(name='a', type='classification', classes=['x', 'y'], class_weight=2.0), 'must be a list of numbers'),
        (dict(name='a', type='classification', classes=['x', 'y'], class_weight=[1, -1]), '-1 is no finite number'),
        (dict(name='a', type='classification', classes=['x', 'y'], class_weight=[1, 'y']), "'y' is no finite number"),
        (dict(name='a', type='classification', classes=['x', 'y'], class_weight=[1, True]), 'True is no finite number'),
        (dict(name='a', type='classification', classes=['x', 'y'], class_weight=[1, float('nan')]), 'nan is no finite'),
        (dict(name='a', type='classification', classes=['x', 'y'], class_weight=[0, 0]), '0 for every class'),
        (dict(name='a', type='landmark', points=['p'], codes=['1', 'SCT', 'P']), 'must be a dict of codes by name'),
        (
            dict(name='a', type='landmark', points=['p'], codes=dict(p=['1', 'SCT'])),
            r'must be \[value, scheme, meaning',
        ),
        (dict(name='a', type='landmark', points=['p'], codes=dict(p=['1', 'S' * 17, 'P'])), 'value, scheme, meaning'),
        (dict(name='a', type='landmark', points=['p'], codes=dict(p=dict(category=['1', 'SCT', 'P']))), 'have a type'),
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


@pytest.mark.parametrize(
    'name',
    [
        *('', '.', '..', 'a.b', '.hidden', '-a', '_a', 'a/b', 'a\\b', '/etc/passwd', '../a', 'C:a', 'a b', ' a', 'a '),
        *(
            'kind\u00a0',
            'kind\u200b',
            '\ufeffkind',
            'k\u0456nd',
            'cafe\u0301',
            '\u809d',
            'a\n',
            'a\0b',
            '\ud800',
            'a' * 101,
        ),
        *('a[/b]', r'$\frac{$', '<b>', 'a,b', 'a:b', 'a*', '~', '%s', '{a}', None, 5, True, ['a'], b'a'),
        *(
            'type',
            'train',
            'training',
            'keys',
            'items',
            'values',
            'pop',
            'get',
            'copy',
            'to',
            'half',
            'forward',
            'eval',
        ),
        *TASK_TYPES,
    ],
)
def test_a_name_that_cannot_name_a_task_is_refused(name):
    with pytest.raises(ConfigError, match='task name'):
        Task(name, 'detection', classes=('x',))
    with pytest.raises(ConfigError, match='task name'):
        Task.from_csv(name, 'detection', 1)


@pytest.mark.parametrize(
    ('name', 'hint'), [('a/b', "'a_b'"), ('kind ', "'kind'"), ('type', "'type_task'"), ('a\u00a0', r"'a\\xa0' .*; 'a'")]
)
def test_a_name_that_would_do_is_offered(name, hint):
    with pytest.raises(ConfigError, match=rf'{hint} would do$'):
        Task(name, 'detection', classes=('x',))


@given(st.text(max_size=120) | st.from_regex(r'[A-Za-z0-9_.\-]{1,30}', fullmatch=True))
def test_every_name_of_a_task_names_modules_files_metrics_and_config_keys(tmp_path_factory, name):
    try:
        task = Task(name, 'detection', classes=('x',))
    except ConfigError:
        return
    modules = ModuleDict({task.name: nn.Linear(1, 1)})
    assert list(modules.state_dict()) == [f'{task.name}.weight', f'{task.name}.bias']
    nn.ParameterDict({task.name: nn.Parameter(nn.Linear(1, 1).weight)})
    folder = tmp_path_factory.getbasetemp()
    file = folder / f'{task.name}_val.json'
    file.write_text('')
    assert file.resolve().parent == folder.resolve()
    assert f'{task.name}/score'.split('/') == [task.name, 'score']
    config = Config(dict(heads={task.name: dict(type='X')}, tasks=[task.to_config()]))
    again = Config.fromstring(config.pretty_text, file_format='.py')
    assert again.heads.to_dict() == {task.name: dict(type='X')}
    assert TaskTable(again.tasks) == TaskTable([task])


@pytest.mark.parametrize('other', ['Lung', 'LUNG', 'lu_ng'])
def test_two_tasks_of_almost_one_name_are_refused(other):
    first = Task('lu-ng' if '_' in other else 'lung', 'segmentation', classes=('background', 'lung'))
    with pytest.raises(ConfigError, match=rf"tasks '{first.name}' and '{other}' differ only in capitals"):
        TaskTable([first]).with_tasks([Task.from_csv(other, 'segmentation', 2)])


@pytest.mark.parametrize('count', [0, -1, 10_001, 10**9, int(1e308), 10**400])
def test_a_count_that_no_task_has_is_refused_at_once(count):
    for task_name in TASK_TYPES:
        with pytest.raises(ConfigError, match=f"{task_name} task 'new' needs"):
            Task.from_csv('new', task_name, count)


@pytest.mark.parametrize('item', ['lung', None, 5, [], dict(name='a'), dict(type='detection'), dict(nam='a', type='x')])
def test_what_describes_no_task_is_refused(item):
    with pytest.raises(ConfigError, match='task'):
        TaskTable([item])


def test_names_are_offered_nearest_first():
    assert nearest_first('kin', ['breast_lesion', 'skin', 'kind'])[-1] == 'breast_lesion'
    with pytest.raises(KeyError, match=r'holds lung, femur'):
        TaskTable([FEMUR, LUNG])['lungs']
