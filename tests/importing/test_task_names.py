"""Names of tasks from names of folders, columns and questions."""

import pytest

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing import ImportOptions, find_tasks
from aurora_mm.importing.task_names import task_name
from tests.importing import trees


@pytest.mark.parametrize(
    ('text', 'name'),
    [
        ('Breast US (2020)', 'Breast_US_2020'),
        ('Übung', 'Ubung'),
        ('U\u0308bung', 'Ubung'),  # as macOS writes it
        ('Straße Øst', 'Strasse_Ost'),
        ('échographie', 'echographie'),
        ('--', 'task'),
        ('_a', 'a'),
        ('x' * 200, 'x' * 90),
    ],
)
def test_letters_keep_their_meaning(text, name):
    assert task_name(text) == name


@pytest.mark.parametrize('text', ['胎儿', 'УЗИ', 'fetus_胎儿', '٣'])
def test_other_scripts_are_refused(text):
    with pytest.raises(ConfigError, match=rf"'{text}' gives no name of a task.*--name"):
        task_name(text)


def test_a_folder_of_another_script_needs_a_name(tmp_path):
    trees.pocus(tmp_path / '肺')
    with pytest.raises(ConfigError, match="'肺' is none of them"):
        find_tasks(tmp_path / '肺')
    assert [item.task.name for item in find_tasks(tmp_path / '肺', ImportOptions(name='lung'))[1]] == ['lung']


def test_names_that_become_one_are_refused(tmp_path):
    for i in range(2):
        trees.save(tmp_path / 'src' / f'{i}.png', trees.picture(i))
    trees.text(tmp_path / 'src' / 'labels.csv', 'image,class,Class\n0,a,x\n1,b,y\n')
    with pytest.raises(DataError, match=r"src: holds folders, columns or questions .* 'src_class' and 'src_Class'"):
        find_tasks(tmp_path / 'src')
