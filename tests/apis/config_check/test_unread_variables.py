"""Variables of a config file that have no effect are refused, and no others."""

import pytest

from aurora_mm.apis.config_files import read_config
from aurora_mm.errors import ConfigError
from aurora_mm.packaged_configs import PACKAGED_CONFIGS

DEMO = PACKAGED_CONFIGS / 'aurora_fmc_demo.py'


@pytest.fixture
def read(tmp_path):
    def with_lines(text, middle=''):
        (tmp_path / 'middle.py').write_text(f"_base_ = '{DEMO}'\n" + middle)
        (tmp_path / 'mine.py').write_text("_base_ = './middle.py'\n" + text)
        return read_config(tmp_path / 'mine.py')

    return with_lines


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('max_epochs = 3', r'mine.py, line 2: max_epochs: nothing reads this variable; set train_cfg.max_epochs$'),
        ('lr = 1e-4', 'set optim_wrapper.optimizer.lr$'),
        ("optimizer = dict(type='AdamW', lr=1e-4)", 'optimizer: nothing reads this variable; set optim_wrapper.opt'),
        ('batch_size: int = 4', 'set train_dataloader.batch_size or val_dataloader.batch_size or test_dataloader.bat'),
        ('data = dict(samples_per_gpu=2)', 'data: nothing reads this variable$'),
        (
            'train_pipeline = []',
            r'line 2: train_pipeline: .*; its value was copied from the base file .*; set train_dataloader.dataset.pip',
        ),
        ('mine = 3', 'its value was copied from the base file'),
        ("custom_imports = dict(imports=['json'])\nmine = 3", 'mine: .* copied from the base'),
    ],
)
def test_a_variable_that_nothing_reads(read, text, message):
    with pytest.raises(ConfigError, match=message):
        read(text, middle='mine = 2\n')


@pytest.mark.parametrize(
    'text',
    [
        'train_cfg = dict(max_epochs=3)',
        '_lr = 1e-4',
        'lr = 1e-4\noptim_wrapper = dict(optimizer=dict(lr=lr))',
        'steps = [*_base_.train_pipeline]\ntrain_dataloader = dict(dataset=dict(pipeline=steps))',
        'def twice(x):\n    return 2 * x\nrandomness = dict(seed=twice(3))',
        'import math',
        "custom_imports = dict(imports=['json'])\nread_by_my_hook = 3",
    ],
)
def test_variables_that_have_an_effect(read, text):
    read(text)


def test_base_files_may_have_variables_for_others(read):
    assert read('train_cfg = dict(max_epochs=_base_.most)', middle='most = 3\n').train_cfg.max_epochs == 3


def test_base_files_that_are_no_python(tmp_path):
    (tmp_path / 'base.yml').write_text('auto_scale_lr:\n  base_batch_size: 5\nmost: 3\n')
    (tmp_path / 'mine.py').write_text(f"_base_ = ['{DEMO}', './base.yml']\ntrain_cfg = dict(max_epochs=2)\n")
    assert read_config(tmp_path / 'mine.py').auto_scale_lr.base_batch_size == 5
