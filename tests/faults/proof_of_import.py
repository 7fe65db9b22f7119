"""Imported by nothing but a hostile config: it leaves a proof that it was."""

import os
from pathlib import Path

Path(os.environ['PROOF']).write_text('imported')
