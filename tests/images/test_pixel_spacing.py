import math

import pytest

from aurora_mm.challenge.spacing_column import parse_spacing_cell
from aurora_mm.images.pixel_spacing import is_same_spacing, is_spacing, spacing_text


@pytest.mark.parametrize('sides', [(0.1,), (0.1, 0.1, 0.1), (0, 1), (1, -1), (math.nan, 1), (1, math.inf)])
def test_what_is_no_spacing(sides):
    assert not is_spacing(sides)


def test_what_is_one():
    assert is_spacing((0.1, 2))


def test_rounding_makes_no_other_spacing():
    assert is_same_spacing((0.0641, 0.2), (0.06413578, 0.2))
    assert not is_same_spacing((0.1, 0.2), (0.102, 0.2))
    assert not is_same_spacing((0.1, 0.2), (0.2, 0.1))


def test_the_text_of_the_column_is_read_back():
    assert spacing_text((0.1, 0.2)) == '[0.1, 0.2]'
    assert parse_spacing_cell(spacing_text((0.0641234567, 12.5))) == (0.0641235, 12.5)
