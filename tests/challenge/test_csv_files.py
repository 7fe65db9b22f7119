from __future__ import annotations

from pathlib import Path

import pytest

from aurora_mm.challenge.csv_files import is_labelled, read_root
from aurora_mm.challenge.fmc_index import NoUsableRowError, describe_skipped
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import Task, TaskTable

EMPTY = TaskTable()


def test_every_type_of_annotation_is_read(fmc_root):
    records, tasks, skipped, repeated, places, folders = read_root(fmc_root.fill(2).path, EMPTY)
    assert [(t.name, t.type, t.num_outputs) for t in tasks.values()] == [
        ('organs', 'segmentation', 3),
        ('breast', 'classification', 2),
        ('nodule', 'detection', 1),
        ('femur', 'landmark', 2),
    ]
    assert skipped == repeated == []
    listed = ('Classification/breast', 'Detection/nodule', 'Regression/femur')
    listed += ('Segmentation/Three/organs/img', 'Segmentation/Three/organs/mask')
    assert folders == {str(fmc_root.path / name): (fmc_root.path / name).stat().st_mtime_ns for name in listed}
    assert places['nodule'] == f'{fmc_root.path}/csv_files/c.csv, row 2'
    assert [record.csv_row for record in records] == [2, 3] * 4
    seg, cls, det, points = (records[i] for i in (0, 3, 4, 6))
    mask = fmc_root.path / 'Segmentation/Three/organs/mask/0.png'
    assert seg.annotation == {'seg_map_path': str(mask)}
    assert seg.mask_path == '../Segmentation/Three/organs/mask/0.png'
    assert cls.annotation == {'gt_label': 1}
    assert cls.img_path == str(fmc_root.path / 'Classification/breast/1.png')
    assert cls.image_path == '../Classification/breast/1.png'
    assert det.annotation == {'bbox': [8.0, 10.0, 24.0, 20.0]}
    assert points.annotation == {'points': [[16.0, 15.0], [48.5, 35.0]]}


def test_one_file_may_mix_types(fmc_root):
    # pandas writes an integer column with empty cells as floats.
    rows = [fmc_root.seg_row(0), fmc_root.cls_row(1, '1.0'), fmc_root.det_row(2), fmc_root.point_row(3)]
    fmc_root.csv('mixed', rows)
    records = read_root(fmc_root.path, EMPTY).records
    assert [record.task_type for record in records] == ['segmentation', 'classification', 'detection', 'landmark']
    assert records[1].annotation == {'gt_label': 1}


def test_byte_order_mark_and_blank_lines_are_tolerated(fmc_root):
    file = fmc_root.csv('b', [fmc_root.cls_row(0), fmc_root.cls_row(1)])
    lines = file.read_text().splitlines()
    file.write_text('\ufeff' + '\n'.join([lines[0], '', *lines[1:]]), encoding='utf-8')
    assert [record.csv_row for record in read_root(fmc_root.path, EMPTY).records] == [3, 4]


def test_what_spreadsheets_add_changes_nothing(fmc_root):
    """Rows and columns of nothing but commas, spaces of every kind, capitals in the suffix, files of the system."""
    file = fmc_root.csv('b', [fmc_root.cls_row(0), fmc_root.cls_row(1)])
    expected = read_root(fmc_root.path, EMPTY).records
    header, first, second = file.read_text().splitlines()
    first = first.replace('breast,classification,2', 'breast\u00a0, Classification ,\u20032 ')
    text = '\n'.join([f'\u00a0{header} ,,', f'{first},,', ',,,,,,', '', '  ,\u00a0', second, ',,,,'])
    file.write_text(text, encoding='utf-8')
    file = file.rename(file.with_suffix('.CSV'))
    for name in ('._b.csv', '.~lock.b.csv#', '~$b.csv', '.b.csv'):
        (file.parent / name).write_bytes(b'\0\5\x16\7')
    index = read_root(fmc_root.path, EMPTY)
    assert list(index.tasks) == ['breast']
    assert [record.annotation for record in index.records] == [record.annotation for record in expected]
    assert [record.csv_row for record in index.records] == [2, 6]


def test_the_text_of_paths_is_kept_for_the_submission(fmc_root):
    row = fmc_root.seg_row(0)
    fmc_root.csv('a', [row | dict(image_path=row['image_path'] + ' ', mask_path=' ' + row['mask_path'])])
    (record,) = read_root(fmc_root.path, EMPTY).records
    assert (record.image_path, record.mask_path) == (row['image_path'] + ' ', ' ' + row['mask_path'])
    assert record.img_path == str(fmc_root.path / 'Segmentation/Three/organs/img/0.png')


@pytest.mark.parametrize('name', ['z.csv', 'Z.CSV'])
def test_a_folder_with_the_name_of_a_csv_file(fmc_root, name):
    fmc_root.csv('b', [fmc_root.cls_row(0)])
    (fmc_root.path / 'csv_files' / name).mkdir()
    for on_error in ('raise', 'skip'):
        with pytest.raises(DataError, match=f'{name}: has the name of a CSV file but is none'):
            read_root(fmc_root.path, EMPTY, on_error=on_error)


def test_more_cells_than_columns(fmc_root):
    file = fmc_root.csv('b', [fmc_root.cls_row(0)])
    file.write_text(file.read_text() + 'a,b,c,d,e,f\n')
    with pytest.raises(DataError, match=r'b\.csv, row 3: 6 cells under 5 columns'):
        read_root(fmc_root.path, EMPTY)
    index = read_root(fmc_root.path, EMPTY, on_error='skip')
    assert (len(index.records), len(index.skipped)) == (1, 1)


@pytest.mark.parametrize('form', ['NFD', 'capitals'])
def test_a_name_that_only_looks_the_same_is_told(fmc_root, form):
    """macOS takes letters and their accents apart, and Windows knows no capitals."""
    row = fmc_root.cls_row(0)
    row['image_path'] = fmc_root.image('Classification/breast/caf\u00e9.png')
    other = row['image_path'].replace('caf\u00e9', 'cafe\u0301' if form == 'NFD' else 'CAF\u00c9')
    fmc_root.csv('b', [row | dict(image_path=other)])
    with pytest.raises(DataError, match=r"there is no file .*; 'caf\u00e9\.png' is there, .*'caf\\xe9\.png'"):
        read_root(fmc_root.path, EMPTY)


def test_a_path_that_is_not_relative_to_csv_files_is_told_as_it_should_be(fmc_root):
    row = fmc_root.cls_row(0)
    absolute = str(fmc_root.path / row['image_path'].removeprefix('../'))
    for path in (row['image_path'].removeprefix('../'), absolute):
        fmc_root.csv('b', [row | dict(image_path=path)])
        with pytest.raises(DataError, match=f'relative to the folder csv_files.*{row["image_path"]}'):
            read_root(fmc_root.path, EMPTY)


def test_if_no_row_can_be_used_the_reason_of_each_is_known(fmc_root):
    file = fmc_root.csv('b', [fmc_root.cls_row(i) | dict(mask='x') for i in range(2)])
    with pytest.raises(NoUsableRowError, match=r"2 skipped, the first: .*b\.csv, row 2: mask 'x'") as raised:
        read_root(fmc_root.path, EMPTY, on_error='skip')
    assert [row.message.split(': ')[0] for row in raised.value.skipped] == [f'{file}, row 2', f'{file}, row 3']


def test_a_link_that_leads_to_itself_hides_no_other_file(fmc_root):
    fmc_root.csv('b', [fmc_root.cls_row(0), fmc_root.cls_row(1)])
    link = fmc_root.path / 'Classification/breast/loop.png'
    link.symlink_to('loop.png')
    assert len(read_root(fmc_root.path, EMPTY).records) == 2
    image = link.with_name('0.png')
    image.unlink()
    image.symlink_to('0.png')
    with pytest.raises(DataError, match=r'b\.csv, row 2: .* there is no file'):
        read_root(fmc_root.path, EMPTY)


@pytest.mark.parametrize('end', ['\r', '\n', '\r\r\n'])
def test_line_ends_of_any_system(fmc_root, end):
    file = fmc_root.csv('b', [fmc_root.cls_row(0), fmc_root.cls_row(1)])
    file.write_bytes(file.read_bytes().replace(b'\r\n', end.encode()))
    assert [record.annotation for record in read_root(fmc_root.path, EMPTY).records] == [
        {'gt_label': 0},
        {'gt_label': 1},
    ]


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-32'])
def test_a_file_in_another_encoding(fmc_root, encoding):
    file = fmc_root.csv('b', [fmc_root.cls_row(0)])
    file.write_bytes(file.read_text().encode(encoding))
    with pytest.raises(DataError, match=r'b\.csv: not a CSV file in UTF-8'):
        read_root(fmc_root.path, EMPTY)


def test_a_file_of_no_bytes(fmc_root):
    fmc_root.csv('b', [fmc_root.cls_row(0)]).write_bytes(b'')
    with pytest.raises(DataError, match=r"b\.csv, row 1: column 'task_id' is missing"):
        read_root(fmc_root.path, EMPTY)


def test_a_path_with_a_line_break_in_it(fmc_root):
    row = fmc_root.cls_row(0)
    fmc_root.csv('b', [row | dict(image_path=row['image_path'].replace('.png', '\n.png'))])
    with pytest.raises(DataError, match=r'b\.csv, row 3: image_path .* names no file'):
        read_root(fmc_root.path, EMPTY)


def test_a_header_that_is_not_separated_by_commas(fmc_root):
    file = fmc_root.csv('b', [fmc_root.cls_row(0)])
    file.write_text(file.read_text().replace(',', ';'))
    with pytest.raises(DataError, match='cells must be separated by commas'):
        read_root(fmc_root.path, EMPTY)


class TestRowsOfOneImage:
    def test_a_copy_of_a_file_brings_nothing_new(self, fmc_root):
        file = fmc_root.csv('kind', [fmc_root.cls_row(0), fmc_root.cls_row(1)])
        (file.parent / 'kind - Copy.csv').write_bytes(file.read_bytes())
        index = read_root(fmc_root.path, EMPTY)
        assert [Path(record.csv_file).name for record in index.records] == ['kind - Copy.csv'] * 2
        assert [row.message for row in index.repeated] == [
            f'{file}, row {n}: repeats {file.parent}/kind - Copy.csv, row {n}' for n in (2, 3)
        ]

    @pytest.mark.parametrize(
        ('make', 'changes', 'said'),
        [
            ('cls_row', dict(mask=1), r"another label .*{'gt_label': 0} in .*x\.csv, row 2, but {'gt_label': 1} here"),
            ('det_row', dict(x_min=1), r'one box an image, aurora_mm\.TaskDataset reads several'),
            ('point_row', dict(point_1_xy='[1, 1]'), r'\[1\.0, 1\.0\]'),
        ],
    )
    def test_different_labels_contradict_each_other(self, fmc_root, make, changes, said):
        make = getattr(fmc_root, make)
        other_path = make(0)['image_path'].replace('../', '../csv_files/../')
        fmc_root.csv('x', [make(0), make(1), make(0), make(0, image_path=other_path, **changes)])
        with pytest.raises(DataError, match=rf'x\.csv, row 5: .*{said}'):
            read_root(fmc_root.path, EMPTY)
        index = read_root(fmc_root.path, EMPTY, on_error='skip')
        assert [record.csv_row for record in index.records] == [3]
        assert len(index.skipped) == 3

    def test_one_image_may_have_labels_of_several_tasks(self, fmc_root):
        image = fmc_root.image('a.png')
        fmc_root.csv('x', [fmc_root.cls_row(0, image_path=image), fmc_root.det_row(0, image_path=image)])
        assert len(read_root(fmc_root.path, EMPTY).records) == 2

    def test_every_row_without_labels_gets_an_answer(self, fmc_root):
        fmc_root.csv('x', [fmc_root.cls_row(0), fmc_root.cls_row(0)])
        assert len(read_root(fmc_root.path, EMPTY, with_labels=False).records) == 2


class TestRowsThatDescribeATaskDifferently:
    def test_most_rows_decide(self, fmc_root):
        rows = [fmc_root.cls_row(0, task_id='Breast'), *(fmc_root.cls_row(i) for i in (1, 2, 3, 4))]
        fmc_root.csv('b', [*rows, fmc_root.cls_row(5, num_classes=3), fmc_root.cls_row(6, task_name='segmentation')])
        index = read_root(fmc_root.path, EMPTY, on_error='skip')
        assert list(index.tasks) == ['breast']
        assert [record.csv_row for record in index.records] == [3, 4, 5, 6]
        assert len(index.skipped) == 3
        with pytest.raises(DataError, match=r"b\.csv, row 2: task 'Breast' .* from 'breast' in .*b\.csv, row 3"):
            read_root(fmc_root.path, EMPTY)

    def test_what_is_known_decides(self, fmc_root):
        fmc_root.csv('b', [fmc_root.cls_row(0), fmc_root.cls_row(1, num_classes=3), fmc_root.cls_row(2, num_classes=3)])
        known = TaskTable([Task('breast', 'classification', classes=('a', 'b'))])
        index = read_root(fmc_root.path, known, on_error='skip')
        assert [record.csv_row for record in index.records] == [2]
        assert index.tasks == known

    @pytest.mark.parametrize('on_error', ['raise', 'skip'])
    def test_files_that_spell_a_task_differently(self, fmc_root, on_error):
        fmc_root.csv('a', [fmc_root.cls_row(0, task_id='Kind')])
        fmc_root.csv('b', [fmc_root.cls_row(1, task_id='kind')])
        with pytest.raises(DataError, match=r"b\.csv, row 2: task 'kind' .* from 'Kind' in .*a\.csv, row 2"):
            read_root(fmc_root.path, EMPTY, on_error=on_error)


def test_a_known_task_keeps_its_names(fmc_root):
    fmc_root.csv('b', [fmc_root.cls_row(0)])
    known = TaskTable([Task('breast', 'classification', classes=('benign', 'malignant'))])
    assert read_root(fmc_root.path, known).tasks['breast'].classes == ('benign', 'malignant')


@pytest.mark.parametrize(
    ('make', 'changes', 'said'),
    [
        ('cls_row', dict(task_name='ranking'), "'ranking'"),
        ('cls_row', dict(num_classes='two'), "num_classes 'two'"),
        ('cls_row', dict(num_classes='2.5'), "'2.5' is not an integer"),
        ('cls_row', dict(num_classes=1), "num_classes '1'"),
        ('cls_row', dict(task_id='a.b'), "'a.b'"),
        ('cls_row', dict(image_path=''), "image_path '' names no file"),
        ('cls_row', dict(image_path='../Classification/breast/none.png'), 'Classification/breast/none.png'),
        ('cls_row', dict(image_path='../Nowhere/1.png'), 'Nowhere/1.png'),
        ('cls_row', dict(image_path='../../1.png'), 'leads out of the data root'),
        ('cls_row', dict(image_path='..\\Classification\\breast\\1.png'), "separated by '/'"),
        ('cls_row', dict(image_path='../Classification/breast/1.png\0'), 'names no file'),
        ('cls_row', dict(image_path='../Classification/' + 'x' * 300 + '/1.png'), 'the folder cannot be read'),
        ('cls_row', dict(image_path='../Classification/' + 'x' * 300), 'there is no file'),
        ('cls_row', dict(image_path='/etc/passwd'), 'leads out of the data root'),
        ('cls_row', dict(image_path='../Classification'), 'there is no file'),
        ('cls_row', dict(task_id='a' * 300), "task name 'aaaa"),
        ('cls_row', dict(task_id='../../etc'), r"task name '\.\./\.\./etc'"),
        ('cls_row', dict(task_id='type'), "task name 'type'"),
        ('cls_row', dict(task_id='Breast'), "'Breast' differs only in capitals"),
        ('cls_row', dict(task_id='brea st'), "task name 'brea st'"),
        ('cls_row', dict(num_classes='1_0'), "'1_0' is not a number"),
        ('cls_row', dict(num_classes='1e9'), 'needs 2 to 10,000 classes, not 1000000000'),
        ('cls_row', dict(num_classes='1e308'), 'needs 2 to 10,000 classes, not far more'),
        ('cls_row', dict(num_classes='9' * 400), 'is not a number'),
        ('cls_row', dict(num_classes='-2'), 'not -2'),
        ('cls_row', dict(num_classes='3'), '3 outputs here, but classification with 2 in .*x.csv, row 2'),
        ('seg_row', dict(num_classes='300'), 'needs 2 to 255 classes'),
        ('cls_row', dict(mask='True'), "'True' is not a number"),
        ('cls_row', dict(mask='0_1'), "'0_1' is not a number"),
        ('cls_row', dict(mask='\u0661'), 'is not a number'),
        ('cls_row', dict(mask=''), 'mask of'),
        ('cls_row', dict(mask='benign'), "mask 'benign'"),
        ('cls_row', dict(mask='0.5'), "'0.5' is not an integer"),
        ('cls_row', dict(mask=2), r'2 of .breast. is not in 0..1'),
        ('cls_row', dict(mask=-1), r'-1 of .breast. is not in 0..1'),
        ('seg_row', dict(mask_path=''), 'mask_path of'),
        ('seg_row', dict(mask_path='../Segmentation/none.png'), 'Segmentation/none.png'),
        ('det_row', dict(x_min='left'), "x_min 'left'"),
        ('det_row', dict(x_min='nan'), "x_min 'nan'"),
        ('det_row', dict(y_max=''), 'y_max of'),
        ('det_row', dict(x_max=8), r'\[8.0, 10.0, 8.0, 20.0\] is empty'),
        ('det_row', dict(y_min=-1), r'-1.0, .* has a negative'),
        ('point_row', dict(point_2_xy=''), 'point_2_xy of'),
        ('point_row', dict(point_1_xy='[1, 2, 3]'), r'point_1_xy .\[1, 2, 3\]. is not a point'),
        ('point_row', dict(point_1_xy='3'), "point_1_xy '3' is not a point"),
        ('point_row', dict(point_1_xy='[1, NaN]'), r'\[1, NaN\]'),
        ('point_row', dict(point_1_xy='1, 2'), "'1, 2' is not a point"),
        ('point_row', dict(point_1_xy='"12"'), 'is not a point'),
        ('point_row', dict(point_1_xy='{"1":2,"3":4}'), 'is not a point'),
        ('point_row', dict(point_1_xy='[true,false]'), 'is not a point'),
        ('point_row', dict(point_1_xy='["1", "2"]'), 'is not a point'),
        ('point_row', dict(point_1_xy='[1_0, 2]'), 'is not a point'),
        ('point_row', dict(point_1_xy='[[1, 2]]'), 'is not a point'),
        ('point_row', dict(point_1_xy='[' * 100_000), r'point_1_xy .{105} is not a point'),
        ('point_row', dict(point_1_xy='[' + '9' * 400 + ', 1]'), 'is not a point'),
        ('det_row', dict(x_min='1_0'), "x_min '1_0' is not a number"),
        ('det_row', dict(x_min='infinity'), 'is not a number'),
        ('det_row', dict(x_min='9' * 400), 'is not a number'),
    ],
)
def test_a_bad_row_is_told_with_file_row_and_value_or_skipped(fmc_root, make, changes, said):
    make = getattr(fmc_root, make)
    file = fmc_root.csv('x', [make(0), make(1, **changes), make(2)])
    with pytest.raises(DataError, match=rf'x\.csv, row 3: .*{said}'):
        read_root(fmc_root.path, EMPTY)
    index = read_root(fmc_root.path, EMPTY, on_error='skip')
    assert [record.csv_row for record in index.records] == [2, 4]
    assert len(index.skipped) == 1
    assert f'{file}, row 3' in index.skipped[0].message


@pytest.mark.parametrize('on_error', ['raise', 'skip'])
class TestWhatIsWrongAsAWholeAlwaysRaises:
    def test_no_folder_and_no_file(self, tmp_path, fmc_root, on_error):
        with pytest.raises(DataError, match=r'elsewhere/csv_files: no such folder'):
            read_root(tmp_path / 'elsewhere', EMPTY, on_error=on_error)
        with pytest.raises(DataError, match='csv_files: no CSV file'):
            read_root(fmc_root.path, EMPTY, on_error=on_error)

    def test_missing_column(self, fmc_root, on_error):
        row = fmc_root.cls_row(0)
        del row['num_classes']
        fmc_root.csv('b', [row])
        with pytest.raises(DataError, match=r"b\.csv, row 1: column 'num_classes' is missing"):
            read_root(fmc_root.path, EMPTY, on_error=on_error)

    def test_missing_label_column(self, fmc_root, on_error):
        row = fmc_root.point_row(0)
        del row['point_2_xy']
        fmc_root.csv('d', [row])
        with pytest.raises(DataError, match=r"d\.csv, row 1: column 'point_2_xy' is missing; landmark task 'femur'"):
            read_root(fmc_root.path, EMPTY, on_error=on_error)

    def test_two_class_counts(self, fmc_root, on_error):
        fmc_root.csv('b', [fmc_root.cls_row(0)])
        fmc_root.csv('c', [fmc_root.cls_row(1, num_classes=3)])
        with pytest.raises(DataError, match=r'c\.csv, row 2: .*3 outputs here, but .* 2 in .*b\.csv, row 2'):
            read_root(fmc_root.path, EMPTY, on_error=on_error)

    def test_conflict_with_the_task_table(self, fmc_root, on_error):
        fmc_root.csv('b', [fmc_root.cls_row(0)])
        table = TaskTable([Task('breast', 'classification', classes=('a', 'b', 'c'))])
        with pytest.raises(DataError, match=r'b\.csv, row 2: .* 2 outputs here, but .* with 3 in the task table'):
            read_root(fmc_root.path, table, on_error=on_error)

    def test_not_utf8(self, fmc_root, on_error):
        file = fmc_root.csv('b', [fmc_root.cls_row(0)])
        file.write_bytes(file.read_bytes() + b'\xff\xfe')
        with pytest.raises(DataError, match=r'b\.csv: not a CSV file in UTF-8'):
            read_root(fmc_root.path, EMPTY, on_error=on_error)

    def test_nothing_left(self, fmc_root, on_error):
        file = fmc_root.csv('b', [fmc_root.cls_row(0)])
        file.write_text(file.read_text().splitlines()[0] + '\n')
        with pytest.raises(DataError, match='no usable row'):
            read_root(fmc_root.path, EMPTY, on_error=on_error)


def test_unlabelled_layout(fmc_root):
    rows = [fmc_root.cls_row(0), fmc_root.det_row(0), fmc_root.seg_row(0, mask_path='../Masks/not_there.png')]
    kept = ('task_id', 'task_name', 'num_classes', 'image_path')
    fmc_root.csv('b', [{key: row[key] for key in kept} for row in rows])
    with pytest.raises(DataError, match=r"b\.csv, row 1: column 'mask' is missing; .*with_labels=False"):
        read_root(fmc_root.path, EMPTY)
    assert all(record.annotation == {} for record in read_root(fmc_root.path, EMPTY, with_labels=False).records)
    fmc_root.csv('b', [{key: row[key] for key in (*kept, 'mask_path') if key in row} for row in rows])
    records = read_root(fmc_root.path, EMPTY, with_labels=False).records
    assert [record.mask_path for record in records] == ['', '', '../Masks/not_there.png']


def test_group_column_reaches_rows_of_the_same_image(fmc_root):
    fmc_root.csv('b', [fmc_root.cls_row(0, patient_id='p1'), fmc_root.cls_row(1, patient_id='')])
    image = '../Classification/breast/0.png'
    fmc_root.csv('a', [fmc_root.det_row(0, image_path=image), fmc_root.det_row(1)])
    groups = [record.group for record in read_root(fmc_root.path, EMPTY, group_column='patient_id').records]
    assert groups == ['p1', 'Detection/nodule/1.png', 'p1', 'Classification/breast/1.png']
    with pytest.raises(ConfigError, match="'patient'"):
        read_root(fmc_root.path, EMPTY, group_column='patient')


def test_two_groups_for_one_image(fmc_root):
    fmc_root.csv('b', [fmc_root.cls_row(0, patient='p1'), fmc_root.cls_row(0, patient='p2')])
    with pytest.raises(DataError, match=r"b\.csv, row 3: patient of .* is 'p2', but 'p1'"):
        read_root(fmc_root.path, EMPTY, group_column='patient')
    assert len(read_root(fmc_root.path, EMPTY, group_column='patient', on_error='skip').records) == 1


def test_description_of_skipped_rows(fmc_root):
    fmc_root.csv('b', [fmc_root.cls_row(0), *(fmc_root.cls_row(i, 7) for i in range(1, 5))])
    text = describe_skipped(read_root(fmc_root.path, EMPTY, on_error='skip').skipped, examples=2)
    assert '4 bad rows left out: breast 4' in text
    assert 'row 4' in text
    assert 'row 5' not in text
    assert 'and 2 more' in text


def test_unknown_on_error(fmc_root):
    with pytest.raises(ConfigError, match="'ignore'"):
        read_root(fmc_root.path, EMPTY, on_error='ignore')


@pytest.mark.parametrize('name', ['seg', 'cls', 'det', 'point'])
def test_one_label_of_any_type_makes_data_labelled(fmc_root, name):
    labels = dict(mask='', x_min='', y_min='', x_max='', y_max='', point_1_xy='', point_2_xy='')
    bare = labels | dict(mask_path='../nowhere.png')
    makers = [fmc_root.seg_row, fmc_root.cls_row, fmc_root.det_row, fmc_root.point_row]
    rows = [make(index) | bare for index, make in enumerate(makers)]
    rows[0]['x_min'] = '3'  # a column of another type
    fmc_root.csv('a', rows)
    assert not is_labelled(fmc_root.path)
    rows.append(bare | getattr(fmc_root, f'{name}_row')(5))
    fmc_root.csv('a', rows)
    assert is_labelled(fmc_root.path)


def test_no_data_is_neither_labelled_nor_unlabelled(tmp_path):
    with pytest.raises(DataError, match='no such folder'):
        is_labelled(tmp_path)
