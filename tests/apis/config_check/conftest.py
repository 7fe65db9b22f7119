from pathlib import Path

import pytest

from aurora_mm.apis.config_files import read_config

DEMO = Path(__file__).parents[3] / 'configs' / 'aurora_fmc_demo.py'


@pytest.fixture
def on_demo(tmp_path):
    """Reads a config of some lines on top of aurora_fmc_demo.py; the lines begin at the third of config.py."""

    def on_demo(text):
        file = tmp_path / 'config.py'
        file.write_text(f"_base_ = '{DEMO}'\n\n{text}\n")
        return read_config(file)

    return on_demo
