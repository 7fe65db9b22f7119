import re
from html import unescape

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.table import Table

from aurora_mm.tables import Markdown, console_text, markdown_table, markdown_text


def test_a_markdown_table():
    text = markdown_table(['task', 'score'], [['lung', '0.5'], ['a | b', 'two\nlines']])
    assert text == '| task | score |\n|---|---|\n| lung | 0.5 |\n| a \\| b | two lines |\n'
    assert markdown_table(['task'], []) == '| task |\n|---|\n'


MARKUP = ('<b>', '![', '](', 'http://a', '**', *'ab|\\`*_[]()<>&#+-.!~$:;/"\'{}= \n\r\x1b\u2028')
names = st.lists(st.sampled_from(MARKUP), max_size=10).map(''.join)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(names, names), max_size=3))
@example([('<script>alert(1)</script>', '[x](javascript:y)'), ('a | `b`', r'$x$ \| **c** ![d](e)'), ('&lt;', '___')])
def test_a_name_in_a_markdown_table_is_text_whatever_it_holds(rows):
    """Another reader of Markdown finds the same texts, and no element in a cell."""
    html = MarkdownIt('commonmark', dict(html=True)).enable('table').render(markdown_table(['task', 'image'], rows))
    cells = re.findall('<t[hd]>(.*?)</t[hd]>', html)
    names = ['task', 'image', *(name for row in rows for name in row)]
    assert [unescape(cell) for cell in cells] == [
        ''.join(c if c.isprintable() else ' ' for c in name).strip() for name in names
    ]
    assert not any('<' in cell for cell in cells)


def test_a_formula_is_text():
    assert markdown_text(r'$\frac{$') == r'\$\\frac{\$'
    assert markdown_text(Markdown('**a**')) == '**a**'


def test_a_console_table_is_text_without_markup_and_never_cut():
    table = Table()
    table.add_column('HD [px]')
    table.add_row('x' * 150)
    text = console_text(table)
    assert 'HD [px]' in text
    assert 'x' * 150 in text
    assert '\x1b' not in text
