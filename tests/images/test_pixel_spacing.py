import math

import pytest

from aurora_mm.challenge.spacing_column import parse_spacing_cell
from aurora_mm.images.pixel_spacing import impossible_spacing, is_same_spacing, is_spacing, spacing_text


@pytest.mark.parametrize('sides', [(0.1,), (0.1, 0.1, 0.1), (0, 1), (1, -1), (math.nan, 1), (1, math.inf)])
def test_what_is_no_spacing(sides):
    assert not is_spacing(sides)


def test_what_is_one():
    assert is_spacing((0.1, 2))


@pytest.mark.parametrize(
    ('spacing', 'shape', 'extent'),
    [
        ((0.1, 0.1), (10, 10), None),
        ((1, 1), (1000, 1000), None),
        ((0.1, 0.1), (9, 10), '1 x 0.9 mm'),
        ((1, 1), (1000, 1001), '1e+03 x 1e+03 mm'),
        ((1e9, 0.1), (10, 10), '1 x 1e+10 mm'),
        ((0.1, math.nan), (50, 50), 'nan x 5 mm'),
        ((-0.1, 0.1), (50, 50), '5 x -5 mm'),
    ],
)
def test_the_extent_of_an_ultrasound_image_bounds_its_spacing(spacing, shape, extent):
    why = impossible_spacing(spacing, shape)
    assert why is None if extent is None else extent in why


def test_rounding_makes_no_other_spacing():
    assert is_same_spacing((0.0641, 0.2), (0.06413578, 0.2))
    assert not is_same_spacing((0.1, 0.2), (0.102, 0.2))
    assert not is_same_spacing((0.1, 0.2), (0.2, 0.1))


def test_the_text_of_the_column_is_read_back():
    assert spacing_text((0.1, 0.2)) == '[0.1, 0.2]'
    assert parse_spacing_cell(spacing_text((0.0641234567, 12.5))) == (0.0641235, 12.5)
