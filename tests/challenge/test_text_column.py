import numpy as np
import pyarrow as pa
import pytest

from aurora_mm.challenge.text_column import TextColumn

TEXTS = ['a/b.png', '', 'ü#frame=3', 'x' * 70_000]


@pytest.mark.parametrize('texts', [TEXTS, TEXTS[1:2], []])
def test_round_trip(texts):
    array = pa.array(texts, pa.large_string())
    column = TextColumn.from_arrow(array)
    assert list(column) == texts
    assert column.to_arrow().equals(array)
    assert len(column) == len(texts)


def test_a_slice_of_an_array():
    column = TextColumn.from_arrow(pa.array(TEXTS, pa.large_string())[1:3])
    assert list(column) == TEXTS[1:3]
    assert column.to_arrow().to_pylist() == TEXTS[1:3]


def test_indices():
    column = TextColumn.from_arrow(pa.array(TEXTS, pa.large_string()))
    assert column[-2] == TEXTS[2]
    assert column[1:3] == TEXTS[1:3]
    assert column[np.int32(0)] == TEXTS[0]
    for index in (4, -5):
        with pytest.raises(IndexError):
            column[index]


def test_contain():
    column = TextColumn.from_arrow(pa.array(TEXTS, pa.large_string()))
    assert column.contain('#frame=', np.array([2, 0, 3])).tolist() == [True, False, False]
    assert column.contain('#frame=', np.array([2])).tolist() == [True]
