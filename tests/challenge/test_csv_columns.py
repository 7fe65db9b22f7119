import pytest

from aurora_mm.challenge.csv_columns import column_values
from aurora_mm.errors import ConfigError

HEAD = 'task_id,task_name,num_classes,image_path,centre\n'


@pytest.fixture
def root(tmp_path):
    (tmp_path / 'csv_files').mkdir()
    (tmp_path / 'csv_files' / 'a.csv').write_text(
        HEAD + 'lung,segmentation,2,../a.png, north \nlung,segmentation,2,../b.png,\n'
    )
    (tmp_path / 'csv_files' / 'b.csv').write_text(
        'task_id,task_name,num_classes,image_path\nplane,classification,2,../a.png\nplane,classification,2,../b.png\n'
    )
    return tmp_path


def test_values_by_task_and_image(root):
    assert column_values(root, ['centre']) == {
        'centre': {
            ('lung', '../a.png'): 'north',
            ('lung', '../b.png'): '',
            ('plane', '../a.png'): 'north',  # the image's value in another file
            ('plane', '../b.png'): '',
        }
    }


def test_an_unknown_column_is_refused(root):
    with pytest.raises(ConfigError, match=r"no CSV file of .* has a column 'scanner'; there are task_id, .*centre"):
        column_values(root, ['scanner'])
