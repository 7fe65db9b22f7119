"""Quotes that enclose whole cells of one line are told from all others, in every short text."""

import itertools
import re

import pytest

from aurora_mm.challenge.quoted_cells import are_quotes_plain

CELL = re.compile(rb'(?:^|,)"(?:[^"\r\n]|"")*"(?=,|\r?$)', re.MULTILINE)


@pytest.mark.parametrize(
    ('rows', 'plain'),
    [
        (b'a,b\n', True),
        (b'"a, b",c\n"",""\n', True),
        (b'x,"say ""yes"", then go"\r\n', True),
        (b'""""\n', True),
        (b'a"b,c\n', False),
        (b'"a"b,c\n', False),
        (b'"two\nlines",c\n', False),
        (b'"open,c\n', False),
        (b' "a",c\n', False),
    ],
)
def test_hand_worked(rows, plain):
    assert are_quotes_plain(rows) == plain


def test_all_texts_of_up_to_seven_parts():
    for length in range(8):
        for parts in itertools.product((b'"', b',', b'\n' if length % 2 else b'\r\n', b'a'), repeat=length):
            rows = b''.join(parts)
            in_cells = sum(cell.count(b'"') for cell in CELL.findall(rows))
            assert are_quotes_plain(rows) == (rows.count(b'"') == in_cells), rows
