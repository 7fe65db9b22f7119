"""CSV files changed at random: every row is read as it stands, left out and listed, or refused; nothing else."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import strategies as st

from aurora_mm.challenge.csv_files import read_root
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import AuroraError, DataError
from aurora_mm.tasks import TaskTable
from tests.faults.bad_values import TEXTS
from tests.faults.conftest import many
from tests.fixtures.fmc_root import FmcRoot

LOAD = [dict(type='LoadUltrasoundImage'), dict(type='LoadTaskAnnotations')]
FILES = ('a', 'b', 'c', 'd')
ROWS = 4

text = st.sampled_from(TEXTS) | st.text(max_size=12)
# (what, file, row, column, text): numbers are taken modulo what is there.
number = st.integers(0, 30)
cell_change = st.tuples(st.sampled_from(['set', 'append', 'empty', 'drop', 'add']), number, number, number, text)
row_change = st.tuples(st.sampled_from(['repeat', 'delete', 'blank', 'move']), number, number, number, text)
header_change = st.tuples(st.sampled_from(['rename', 'swap', 'repeat column']), number, number, number, text)
byte_change = st.tuples(st.sampled_from(['cut', 'insert', 'recode']), number, st.integers(0, 600), number, text)
file_change = st.tuples(
    st.sampled_from(['capitals', 'copy', 'hidden', 'folder', 'remove']), number, number, number, text
)
any_change = cell_change | row_change | header_change | byte_change | file_change


@pytest.fixture(scope='module')
def base(tmp_path_factory):
    """A good root of four tasks; tests write its csv_files anew."""
    return FmcRoot(tmp_path_factory.mktemp('faults') / 'root').fill(ROWS)


@pytest.fixture(scope='module')
def tables(base):
    return {name: list(csv.reader((base.path / f'csv_files/{name}.csv').open(newline=''))) for name in FILES}


def write(base, tables, changes) -> None:
    """The good files with the changes carried out, one after the other."""
    folder = base.path / 'csv_files'
    shutil.rmtree(folder)
    folder.mkdir()
    rows_of = {name: [list(row) for row in rows] for name, rows in tables.items()}
    for what, file, row, column, value in changes:
        _change_rows(rows_of[FILES[file % len(FILES)]], what, row, column, value)
    for name, rows in rows_of.items():
        stream = io.StringIO()
        csv.writer(stream).writerows(rows)
        (folder / f'{name}.csv').write_bytes(stream.getvalue().encode('utf-8', 'surrogatepass'))
    for what, file, row, _, value in changes:
        _change_file(folder / f'{FILES[file % len(FILES)]}.csv', what, row, value)


def _change_rows(rows: list[list[str]], what: str, row: int, column: int, value: str) -> None:
    if len(rows) < 2:
        return
    header, chosen = rows[0], rows[1 + row % (len(rows) - 1)]
    if what in ('set', 'append', 'empty', 'drop') and chosen:
        place = column % len(chosen)
        if what == 'drop':
            del chosen[place]
        else:
            chosen[place] = dict(set=value, append=chosen[place] + value, empty='')[what]
    elif what == 'add':
        chosen.append(value)
    elif what == 'repeat':
        rows.append(list(chosen))
    elif what == 'delete':
        rows.remove(chosen)
    elif what == 'blank':
        rows.insert(1 + row % len(rows), [''] * (column % 12))
    elif what == 'move':
        rows.insert(1, rows.pop())
    elif what == 'rename':
        header[column % len(header)] = value
    elif what == 'swap':
        i, j = row % len(header), column % len(header)
        header[i], header[j] = header[j], header[i]
    elif what == 'repeat column':
        header[row % len(header)] = header[column % len(header)]


def _change_file(path: Path, what: str, position: int, value: str) -> None:
    if not path.is_file():
        return
    data = path.read_bytes()
    if what == 'cut':
        path.write_bytes(data[: position % (len(data) + 1)])
    elif what == 'insert':
        place = position % (len(data) + 1)
        path.write_bytes(data[:place] + value.encode('utf-8', 'surrogatepass') + data[place:])
    elif what == 'recode':
        path.write_bytes(data.decode('utf-8', 'replace').encode(('utf-16', 'utf-8-sig', 'utf-32')[position % 3]))
    elif what == 'capitals':
        path.rename(path.with_suffix('.CSV'))
    elif what == 'copy':
        shutil.copy(path, path.with_name(f'{path.stem} - Copy.csv'))
    elif what == 'hidden':
        path.with_name(f'._{path.name}').write_bytes(b'\0\5\x16\7' + value.encode('utf-8', 'replace'))
    elif what == 'folder':
        path.with_name('z.csv').mkdir(exist_ok=True)
    elif what == 'remove':
        path.unlink()


def cells_at(place: tuple[str, int]) -> dict[str, str]:
    """The cells of a row by Python's own reader, stripped."""
    with Path(place[0]).open(newline='', encoding='utf-8-sig') as stream:
        reader = csv.reader(stream)
        header = [name.strip() for name in next(reader)]
        row = next(row for row in reader if reader.line_num == place[1])
    return dict(zip(header, [cell.strip() for cell in row], strict=False))


def check_record(record, root: Path) -> None:
    """Each value is what the cells say, read in the plainest way."""
    cells = cells_at((record.csv_file, record.csv_row))
    assert record.task == cells['task_id']
    assert Path(record.img_path).is_file()
    assert Path(record.img_path).resolve() == (root / 'csv_files' / cells['image_path']).resolve()
    assert Path(record.img_path).resolve().is_relative_to(root.resolve())
    (kind, value), *_ = record.annotation.items()
    if kind == 'gt_label':
        assert value == float(cells['mask'])
        assert 0 <= value < float(cells['num_classes'])
    elif kind == 'bbox':
        assert value == [float(cells[column]) for column in ('x_min', 'y_min', 'x_max', 'y_max')]
        assert float(cells['num_classes']) == 1
    elif kind == 'points':
        expected = [json.loads(cells[f'point_{i + 1}_xy']) for i in range(int(float(cells['num_classes'])))]
        assert value == expected
        assert all(type(number) in (int, float) for point in expected for number in point)
    else:
        assert Path(value).resolve() == (root / 'csv_files' / cells['mask_path']).resolve()


def rows_with_content(root: Path) -> int:
    files = [path for path in (root / 'csv_files').iterdir() if path.suffix.lower() == '.csv' and path.is_file()]
    return sum(
        any(cell.strip() for cell in row)
        for path in files
        if not path.name.startswith('.')
        for row in list(csv.reader(path.open(newline='', encoding='utf-8-sig')))[1:]
    )


def check(base, on_error: str) -> str:
    try:
        index = read_root(base.path, TaskTable(), on_error=on_error)
        dataset = FMCUIADataset(str(base.path), 'all', on_error=on_error, pipeline=LOAD, serialize_data=False)
        for position in range(len(dataset)):
            dataset[position]
    except AuroraError as error:
        assert '\n' not in str(error)[:200] or on_error == 'skip'
        return 'refused'
    for record in index.records:
        check_record(record, base.path)
    assert len(index.records) + len(index.skipped) + len(index.repeated) == rows_with_content(base.path)
    assert len(dataset) <= len(index.records)
    return 'right'


@many(50, 2000)
@pytest.mark.parametrize('on_error', ['raise', 'skip'])
def test_files_changed_in_any_way(base, tables, try_cases, on_error, cases):
    def one(changes) -> str:
        write(base, tables, changes)
        return check(base, on_error)

    try_cases(f'CSV files, on_error={on_error!r}', cases, st.lists(any_change, min_size=1, max_size=3), one)


@many(50, 2000)
def test_a_row_s_fault_never_stops_a_run_that_skips_bad_rows(base, tables, try_cases, cases):
    """One cell of one row; all other rows are used, each as it was."""
    expected = {}
    write(base, tables, [])
    for record in read_root(base.path, TaskTable()).records:
        expected[Path(record.csv_file).name, record.csv_row] = record

    def one(change) -> str:
        write(base, tables, [change])
        index = read_root(base.path, TaskTable(), on_error='skip')
        dataset = FMCUIADataset(str(base.path), 'all', on_error='skip', pipeline=LOAD, serialize_data=False)
        changed = FILES[change[1] % len(FILES)], 2 + change[2] % ROWS
        found = {(Path(record.csv_file).name, record.csv_row): record for record in index.records}
        for place, record in expected.items():
            if (Path(place[0]).stem, place[1]) != changed:
                assert found[place] == record
        for position in range(len(dataset)):
            dataset[position]
        if len(found) < len(expected):
            return 'refused'
        check_record(found[f'{changed[0]}.csv', changed[1]], base.path)
        return 'right'

    one_line = cell_change.filter(lambda change: not set('\n\r') & set(change[4]))
    try_cases('CSV cells, on_error=skip goes on', cases, one_line, one)


def test_a_missing_label_column_is_told_once(base, tables):
    write(base, tables, [('rename', 1, 0, 4, 'other')])
    with pytest.raises(DataError, match=r'b\.csv, row 1: '):
        read_root(base.path, TaskTable())
