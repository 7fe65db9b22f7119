"""Config files that cannot be read, and overrides that mean nothing, each in one sentence."""

from pathlib import Path

import pytest

from aurora_mm.apis import read_config, read_tasks
from aurora_mm.apis.config_files import find_config
from aurora_mm.errors import ConfigError
from aurora_mm.packaged_configs import PACKAGED_CONFIGS

REPO = Path(__file__).parents[2]
DEMO = REPO / 'configs' / 'aurora_fmc_demo.py'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("model = dict(\n    type='MultiTaskModel'", r"config.py, line 1: '\(' was never closed: model = dict\("),
        ('a = 1\nb = a + c', r"config.py, line 2: NameError: name 'c' is not defined"),
        (
            '_base_ = []\nimport no_such_module',
            r"config.py, line 2: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (f"_base_ = '{DEMO}'\na = _base_.nothing", r"config.py, line 2: AttributeError: .* 'nothing'"),
        (f"_base_ = '{DEMO}'\nmodel = 3\na = {{{{_base_.nothing}}}}", 'config.py: KeyError: nothing'),
        ("_base_ = ['other.py']", r'config.py, line 1: `_base_` names other.py, and there is no such file$'),
        ("_base_ = 'aurora_us_real.py'", r'no such file; that of this package is called aurora_mm::aurora/us_real.py$'),
        ("_base_ = '../configs/_base_/tasks/us_real.py'", r'is called aurora_mm::_base_/tasks/us_real.py$'),
        (
            "_base_ = 'aurora_mm::aurora_fmc.py'",
            r'no such file; that of this package is called aurora_mm::aurora/fmc.py$',
        ),
        ("_base_ = 'aurora_mm::aurora/us_rael.py'", r'there is no such file; did you mean .*/aurora/us_real.py'),
        (
            f"\n_base_ = ['{DEMO.with_name('aurora_fmc_dmo.py')}']",
            r'config.py, line 2: `_base_` names .*/aurora_fmc_dmo.py, .*; did you mean .*/configs/aurora_fmc_demo.py',
        ),
        (
            f"_base_ = '{DEMO}'\ntrain_cfg = dict(max_epochs=dict(a=1))",
            r'config.py: TypeError: max_epochs=.*_delete_=True',
        ),
        ("custom_imports = dict(imports=['no.such'])", r"config.py: custom_imports.imports: .*: No module named 'no'"),
        ('custom_imports = dict(imports=3)', r'config.py: custom_imports: .* must be a list'),
        ("custom_imports = dict(modules=['json'])", r"config.py: custom_imports: .*'modules'"),
    ],
)
def test_a_config_that_cannot_be_read(tmp_path, text, message):
    file = tmp_path / 'config.py'
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_config(file)
    assert '\n' not in str(caught.value)


def test_a_checkpoint_in_the_place_of_a_config(tmp_path):
    (tmp_path / 'epoch_2.pth').touch()
    with pytest.raises(ConfigError, match=r'epoch_2\.pth is no config file: those end with \.py, '):
        read_config(tmp_path / 'epoch_2.pth')


def test_a_mistake_in_a_base_is_told_with_the_bases_name(tmp_path):
    (tmp_path / 'base.py').write_text('a = 1\nb = = 2')
    (tmp_path / 'leaf.py').write_text("_base_ = 'base.py'")
    with pytest.raises(ConfigError, match=r'base.py, line 2: invalid syntax: b = = 2'):
        read_config(tmp_path / 'leaf.py')
    (tmp_path / 'base.py').write_text('a = 1\nb = c')
    with pytest.raises(ConfigError, match=r'base.py, line 2: NameError'):
        read_config(tmp_path / 'leaf.py')


def test_a_config_that_is_not_text(tmp_path):
    (tmp_path / 'config.py').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ConfigError, match=r'config.py: not text in UTF-8'):
        read_config(tmp_path / 'config.py')


def test_a_missing_config_is_told_with_those_of_near_names():
    with pytest.raises(ConfigError, match=r'no config at .*aurora_fmc_dmo.py; did you mean .*/aurora_fmc_demo.py'):
        read_config(DEMO.with_name('aurora_fmc_dmo.py'))


@pytest.mark.parametrize('name', ['aurora_fmc_demo.py', 'configs/aurora_fmc_demo.py'])
def test_a_config_that_comes_with_the_package_is_found_from_any_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == PACKAGED_CONFIGS / 'aurora_fmc_demo.py'
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text('')
    assert find_config(name) == Path(name)  # a file of the user's own comes first


def test_overrides():
    cfg = read_config(DEMO, ['train_cfg.max_epochs=3', 'randomness.seed=7', 'optim_wrapper.clip_grad=None'])
    assert (cfg.train_cfg.max_epochs, cfg.randomness.seed, cfg.optim_wrapper.clip_grad) == (3, 7, None)


def test_the_variables_that_reach_the_parts_made_from_them(tmp_path):
    cfg = read_config(DEMO, [f'data_root={tmp_path}', 'img_size=96'])
    dataset = cfg.train_dataloader.dataset
    assert dataset.data_root == str(tmp_path)
    assert {step.size for step in dataset.pipeline if step.type == 'FitToSize'} == {96}


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('trian_cfg.max_epochs=3', r"no key 'trian_cfg' in .*aurora_fmc_demo.py; did you mean train_cfg"),
        ('nothing_like_it=3', r"no key 'nothing_like_it' in .*aurora_fmc_demo.py$"),
        ('train_pipeline=[]', r"'train_pipeline' is a variable of .*: its value was copied to where it is used"),
        ('train_cfg.max_epoch=3', r'aurora_fmc_demo.py: train_cfg.max_epoch: unknown; did you mean max_epochs'),
        ('model.heads.detection.chanels=3', r'model.heads.detection.chanels: unknown; did you mean channels'),
        ('model.heads.detecton.channels=3', r'model.heads.detecton: has no `type`; did you mean detection'),
        ('default_hooks.loger.interval=3', r'default_hooks.loger: has no `type`; did you mean logger'),
        ('custom_hooks.9.type=EMAHook', r'custom_hooks.9.type=EMAHook: there is no item of this number'),
        ('train_cfg.max_epochs.x=3', r'train_cfg.max_epochs.x=3: .*_delete_=True'),
        ('train_cfg', r'--cfg-options train_cfg: an override is written KEY=VALUE'),
        ('tasks=[(1', r'tasks: a list of tasks is needed'),
        ('work_dir=[1,(2]', r'Imbalanced brackets'),
        ("work_dir=dict(type='a',b=1)", r'set each key of a dict by itself'),
        ('work_dir={a:1,b:2}', r'set each key of a dict by itself'),
    ],
)
def test_an_override_that_means_nothing(option, message):
    with pytest.raises(ConfigError, match=message):
        read_config(DEMO, [option])


@pytest.mark.parametrize(
    'options',
    [
        ['randomness.seed=1', 'train_cfg.max_epochs=2', 'randomness.seed=2'],
        ['randomness.seed=1', 'randomness.seed=1'],
        ['model.neck.type=TokenPyramid', 'model.neck=TokenPyramid'],
        ['model.neck=TokenPyramid', 'model.neck.type=TokenPyramid'],
    ],
)
def test_two_overrides_of_one_key(options):
    with pytest.raises(ConfigError, match=rf'--cfg-options {options[-1]}: {options[0]} sets the same'):
        read_config(DEMO, options)


def test_a_key_that_begins_as_another_is_another():
    cfg = read_config(DEMO, ['train_cfg.val_interval=2', 'train_cfg.val_begin=2'])
    assert (cfg.train_cfg.val_interval, cfg.train_cfg.val_begin) == (2, 2)


def test_tasks(tmp_path):
    file = tmp_path / 'tasks.py'
    file.write_text("tasks = [dict(name='find', type='detection', classes=['a'])]")
    assert list(read_tasks(file)) == ['find']
    file.write_text('tasks = 3')
    with pytest.raises(ConfigError, match=r'tasks.py has no list `tasks`'):
        read_tasks(file)
    with pytest.raises(ConfigError, match=r'no config at .*none.py'):
        read_tasks(tmp_path / 'none.py')
