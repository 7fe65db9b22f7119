"""Every config trains and validates on a device beside the CPU, and its steps keep the device busy."""

import pytest

from tests.accelerator.conftest import CONFIGS
from tests.accelerator.small_run import small_config, train

FILES = sorted([*CONFIGS.glob('*.py'), *CONFIGS.glob('ablation/*.py')])


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)
def test_a_config_trains_and_validates(file, accelerator, us_real, fmc_uia, tmp_path):
    cfg = small_config(file, fmc_uia if 'fmc' in file.stem else us_real, tmp_path)
    assert train(cfg, accelerator.watch) == []
