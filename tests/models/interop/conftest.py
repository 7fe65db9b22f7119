"""Makes foreign_heads importable, and lends the maps of the models' tests."""

import sys
from pathlib import Path

from tests.models.conftest import feats  # noqa: F401

sys.path.insert(0, str(Path(__file__).parent))
