import sys
from importlib import import_module
from pathlib import Path

import pytest

import aurora_mm.datasets.annotations  # noqa: F401  (else the first look-up would register its parts)
from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.registry import DATA_SAMPLERS, METRICS, MODELS, TASK_UTILS
from aurora_mm.task_types import TASK_TYPES

REGISTRIES = (METRICS, MODELS, TASK_UTILS, DATA_SAMPLERS)
NAMES = ('age_type', 'area_metric', 'age_head', 'worst_task_policy')


@pytest.fixture
def add_module(monkeypatch):
    """Imports a file of this folder as a user's module, and takes back what it registered when the test is over."""
    for registry in REGISTRIES:
        registry.import_from_location()
    registered = [TASK_TYPES, ANNOTATIONS, *(registry.module_dict for registry in REGISTRIES)]
    before = [dict(parts) for parts in registered]
    monkeypatch.syspath_prepend(Path(__file__).parent)
    yield import_module
    for parts, old in zip(registered, before, strict=True):
        parts.clear()
        parts.update(old)
    for name in NAMES:
        sys.modules.pop(name, None)
