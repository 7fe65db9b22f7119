"""Every config trains and validates on a device beside the CPU, and its steps keep the device busy."""

import pytest

from tests.accelerator.conftest import CONFIGS
from tests.accelerator.small_run import small_config, train
from tests.fixtures.checkpoints import ALL_TYPES

FILES = sorted([*CONFIGS.glob('*.py'), *CONFIGS.glob('ablation/*.py')])
# One for each encoder and each way to train; test_parts_on_an_accelerator.py runs the parts of the others one by one.
LONG = (
    '01_published',
    'aurora_fmc_lora',
    'aurora_fmc_plus',
    'aurora_fmc_specialise',
    'aurora_laptop',
    'aurora_us_real_dinov2',
)


def params():
    return [
        pytest.param(file, id=file.stem, marks=pytest.mark.long if file.stem in LONG else pytest.mark.slow)
        for file in FILES
    ]


def test_the_long_ones_are_there():
    assert set(LONG) <= {file.stem for file in FILES}


@pytest.mark.parametrize('file', params())
def test_a_config_trains_and_validates(file, accelerator, us_real, fmc_uia, tmp_path):
    cfg = small_config(file, fmc_uia if 'fmc' in file.stem else us_real, tmp_path)
    assert train(cfg, accelerator.watch) == []


@pytest.mark.parametrize('weighted', [(), ('segmentation', 'multi_label_segmentation')])
def test_tasks_of_all_types_train_and_validate(weighted, accelerator, all_types, tmp_path):
    tasks = ALL_TYPES.to_config()
    for task in tasks:
        if task['type'] in weighted:
            task['class_weight'] = [2.0] * len(task['classes'])
    cfg = small_config(CONFIGS / 'aurora_us_real.py', all_types, tmp_path, tasks)
    cfg.train_dataloader.batch_size = 16
    assert train(cfg, accelerator.watch) == []
