import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / 'benchmarks'


@pytest.fixture(scope='session')
def load_benchmark():
    """Loads a script under ``benchmarks/`` by its name, without running it."""

    def load(name):
        spec = importlib.util.spec_from_file_location(f'{name}_benchmark', FOLDER / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        sys.path.insert(0, str(FOLDER))  # they import each other
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(FOLDER))
        return module

    return load
