"""The list of mutations follows the code: what it would change is there, and so are the tests that are to find it."""

import importlib
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(REPO / 'benchmarks')
    return importlib.import_module('mutations')


def test_every_mutation_applies(benchmark):
    mutations = benchmark.all_mutations()
    assert len(mutations) >= 80
    for mutation in mutations:
        text = (REPO / mutation.file).read_text()
        assert mutation.apply(text) != text, mutation
        assert all((REPO / tests).exists() for tests in mutation.tests), mutation


def test_no_mutation_stands_twice(benchmark):
    mutations = benchmark.all_mutations()
    assert len(set(mutations)) == len(mutations)


def test_a_text_that_is_gone_or_not_alone_is_refused(benchmark):
    mutation = benchmark.Mutation('a.py', 'x = 1', 'x = 2', ())
    assert mutation.apply('y = 0\nx = 1\n') == 'y = 0\nx = 2\n'
    for text in ('y = 1\n', 'x = 1\nx = 1\n'):
        with pytest.raises(ValueError, match=r"a\.py: 'x = 1' occurs"):
            mutation.apply(text)
