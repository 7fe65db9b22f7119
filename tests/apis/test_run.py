import os

import pytest
from mmengine.config import Config

from aurora_mm.apis.run import set_cublas_workspace

CUBLAS = 'CUBLAS_WORKSPACE_CONFIG'


@pytest.mark.parametrize(
    ('randomness', 'before', 'after'),
    [
        (dict(deterministic=True), None, ':4096:8'),
        (dict(deterministic=True), ':16:8', ':16:8'),
        (dict(seed=0), None, None),
    ],
    ids=['deterministic', 'set before', 'not deterministic'],
)
def test_a_deterministic_run_sets_what_cublas_needs(randomness, before, after, monkeypatch):
    """torch refuses products of matrices on CUDA otherwise (documentation of `use_deterministic_algorithms`)."""
    monkeypatch.setenv(CUBLAS, before or '')
    if before is None:
        monkeypatch.delenv(CUBLAS)
    set_cublas_workspace(Config(dict(randomness=randomness)))
    assert os.environ.get(CUBLAS) == after
