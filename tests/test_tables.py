from rich.table import Table

from aurora_mm.tables import console_text, markdown_table


def test_a_markdown_table():
    text = markdown_table(['task', 'score'], [['lung', '0.5'], ['a | b', 'two\nlines']])
    assert text == '| task | score |\n|---|---|\n| lung | 0.5 |\n| a \\| b | two lines |\n'
    assert markdown_table(['task'], []) == '| task |\n|---|\n'


def test_a_console_table_is_text_without_markup_and_never_cut():
    table = Table()
    table.add_column('HD [px]')
    table.add_row('x' * 150)
    text = console_text(table)
    assert 'HD [px]' in text
    assert 'x' * 150 in text
    assert '\x1b' not in text
