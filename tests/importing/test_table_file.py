"""Tables as spreadsheets save them: what is read, and what is refused with its row."""

import sys

import openpyxl
import pytest

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing.table_file import TableFile


def write(path, text, encoding='utf-8'):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('separator', [',', ';', '\t'])
def test_separators_and_the_mark_of_excel(tmp_path, separator, encoding):
    text = separator.join(['file', 'class']) + '\r\n' + separator.join([' a.png ', '"be""nign"']) + '\r\n\r\n'
    table = TableFile(write(tmp_path / 'a.csv', text, encoding))
    assert table.columns == ('file', 'class')
    assert [(row.line, row.cells) for row in table.rows] == [(2, {'file': 'a.png', 'class': 'be"nign'})]


@pytest.mark.parametrize('first', ['sep=;', '"sep=;"', 'SEP=;'])
def test_the_line_that_tells_excel_the_separator(tmp_path, first):
    table = TableFile(write(tmp_path / 'a.csv', f'{first}\r\nfile;a, b, c, d\r\nx.png;1,5\r\n', 'utf-8-sig'))
    assert table.columns == ('file', 'a, b, c, d')
    assert [(row.line, row.number('a, b, c, d')) for row in table.rows] == [(3, 1.5)]


def test_a_semicolon_allows_a_decimal_comma(tmp_path):
    (row,) = TableFile(write(tmp_path / 'a.csv', 'file;age;text\na;21,5;1.234,5\n')).rows
    assert row.number('age') == 21.5
    with pytest.raises(DataError, match=r"a\.csv, row 2: '1\.234,5' in column 'text' is no number"):
        row.number('text')
    (row,) = TableFile(write(tmp_path / 'b.csv', 'file,age\na,"21,5"\n')).rows
    with pytest.raises(DataError, match=r"b\.csv, row 2: '21,5' in column 'age' is no number"):
        row.number('age')


@pytest.mark.parametrize('text', ['nan', 'inf', '', 'x', '1_000', '\u0661', '0x10', '1e999'])
def test_what_is_no_number(tmp_path, text):
    (row,) = TableFile(write(tmp_path / 'a.csv', f'file,age\na,{text}\n')).rows
    with pytest.raises(DataError, match="in column 'age' is no number"):
        row.number('age')


@pytest.mark.parametrize('text', ['NA', 'n/a', 'NaN', '#N/A', 'null', ' '])
def test_blank_cells(tmp_path, text):
    (row,) = TableFile(write(tmp_path / 'a.csv', f'file,class\na,{text}\n')).rows
    assert row.cells['class'] == ''
    assert row.is_blank(['class'])
    assert not row.is_blank(['file', 'class'])


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'has no header'),
        ('file,class\n', 'has a header and no rows'),
        ('file,class,file\na,b,c\n', "row 1: column 'file' stands twice"),
        ('file,class\na,b\nc,d,e\n', 'row 3: 3 cells under 2 columns'),
        ('file,class\na,"b\n', 'cannot be read as CSV'),
    ],
)
def test_what_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        TableFile(write(tmp_path / 'a.csv', text))


def test_other_encodings_are_refused(tmp_path):
    with pytest.raises(DataError, match=r'is not in UTF-8 .*save it as "CSV UTF-8"'):
        TableFile(write(tmp_path / 'a.csv', 'file,class\na,gutartig ä\n', 'cp1252'))


class TestExcel:
    def test_cells_as_people_see_them(self, tmp_path):
        book = openpyxl.Workbook()
        for row in (['file', 'class', 'age', 'ok'], ['a', 3.0, 21.5, True], [None] * 4, [7, 'x', None, False]):
            book.active.append(row)
        book.create_sheet('empty')
        book.save(tmp_path / 'a.xlsx')
        table = TableFile(tmp_path / 'a.xlsx')
        assert [(row.line, list(row.cells.values())) for row in table.rows] == [
            (2, ['a', '3', '21.5', 'True']),
            (4, ['7', 'x', '', 'False']),
        ]

    def test_two_sheets_are_refused(self, tmp_path):
        book = openpyxl.Workbook()
        book.active.append(['file'])
        book.create_sheet('second').append(['file'])
        book.save(tmp_path / 'a.xlsx')
        with pytest.raises(DataError, match=r'has 2 sheets with cells, not one \(Sheet, second\)'):
            TableFile(tmp_path / 'a.xlsx')

    def test_what_is_no_workbook(self, tmp_path):
        with pytest.raises(DataError, match=r'a\.xlsx: cannot be read as an Excel workbook'):
            TableFile(write(tmp_path / 'a.xlsx', 'file,class\n'))

    def test_the_extra_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, 'openpyxl', None)
        with pytest.raises(ConfigError, match=r"needs openpyxl: pip install 'aurora_mm\[excel\]'"):
            TableFile(write(tmp_path / 'a.xlsx', ''))
