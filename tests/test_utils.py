from aurora_mm.utils import first_few


def test_the_first_few_of_many():
    assert first_few(['a', 'b', 'c'], 3) == 'a, b, c'
    assert first_few(['a', 'b', 'c', 'd', 'e'], 2) == 'a, b and 3 more'
    assert first_few(['a', 'b', 'c'], 2, '; ') == 'a; b and 1 more'
