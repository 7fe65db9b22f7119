import pytest

from aurora_mm.plain_numbers import plain_number


@pytest.mark.parametrize(
    ('text', 'value'), [('1', 1.0), (' +1.50 ', 1.5), ('-.5', -0.5), ('2.', 2.0), ('1e-3', 0.001), ('1E2', 100.0)]
)
def test_numbers(text, value):
    assert plain_number(text) == value


@pytest.mark.parametrize(
    'text', ['', ' ', 'x', '1_000', '1,5', 'nan', 'inf', '1e999', '0x10', '\u0661', '1 2', '.', '9' * 400]
)
def test_what_is_none(text):
    with pytest.raises(ValueError, match='is not a number'):
        plain_number(text)
