import importlib.util
from pathlib import Path

import pytest

from aurora_mm.registry import METRICS
from aurora_mm.task_types import TASK_TYPES


@pytest.fixture
def add_module():
    """Imports a file of this folder as a user's module, and takes back what it registered when the test is over."""
    types, metrics = dict(TASK_TYPES), dict(METRICS.module_dict)

    def add(name):
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f'{name}.py'))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield add
    for registered, before in ((TASK_TYPES, types), (METRICS.module_dict, metrics)):
        registered.clear()
        registered.update(before)
