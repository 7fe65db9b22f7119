"""Where the configs lie that are installed with the package."""

from pathlib import Path

PACKAGED_CONFIGS = Path(__file__).parent / '.mim' / 'configs'
"""Folder of the configs."""
CHALLENGE_TASKS = PACKAGED_CONFIGS / '_base_' / 'tasks' / 'fmc_uia.py'
"""Config file with the tasks of the challenge."""
