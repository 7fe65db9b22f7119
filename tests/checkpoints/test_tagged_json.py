import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_mm.checkpoints.tagged_json import from_json, to_json

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.just('__tuple__'), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_plain_values_are_read_back_as_they_were(value):
    found = from_json(json.loads(json.dumps(to_json(value), allow_nan=False)))
    assert repr(found) == repr(value)  # types too: (1, 2) is not [1, 2], and True is not 1


def test_a_number_that_is_none():
    assert math.isnan(from_json(to_json(math.nan)))


def test_what_common_values_look_like():
    assert to_json(dict(size=(3, 4), scale=[1, 2], rest=math.inf, a={1: 'b'})) == {
        'size': {'__tuple__': [3, 4]},
        'scale': [1, 2],
        'rest': {'__float__': 'inf'},
        'a': {'__items__': [[1, 'b']]},
    }


def test_objects_and_odd_tags_are_refused():
    with pytest.raises(TypeError, match=r'JSON has no builtins\.object'):
        to_json([object()])
    for odd in ({'__tuple__': [], 'a': 1}, {'__float__': 'x'}, {'__tuple__': 3}, {'__items__': [1]}):
        with pytest.raises((TypeError, ValueError)):
            from_json(odd)
