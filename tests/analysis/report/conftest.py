from pathlib import Path

import pytest

from tests.fixtures.run_folder import write_run_folder


@pytest.fixture
def run_folder(tmp_path) -> Path:
    """The work dir of a run; results are in its folder ``test``."""
    return write_run_folder(tmp_path)
