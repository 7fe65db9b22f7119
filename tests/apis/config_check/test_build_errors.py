"""Mistakes that only building brings to light."""

import pytest
from mmengine.config import Config
from mmengine.registry import Registry
from torch.utils.data import DataLoader

from aurora_mm.apis.config_check import build_errors_as_config_errors
from aurora_mm.errors import ConfigError

PARTS = Registry('part', scope='aurora_mm_tests')


@PARTS.register_module()
class Outer:
    def __init__(self, inner):
        self.inner = PARTS.build(dict(inner, added=1))


@PARTS.register_module()
class Inner:
    def __init__(self, added, size=1):
        if size < 0:
            raise TypeError("sizes: got an unexpected keyword argument 'size'")
        if size == 0:
            raise KeyError('size')
        if size == 7:
            raise ValueError('size must not be 7')
        if size == 8:
            assert_not_8(size)


def assert_not_8(size):
    raise ValueError(f'a function refuses {size}')


class Loaders:
    """Builds a data loader as MMEngine's Runner does."""

    def build_dataloader(self, dataloader):
        return DataLoader([1], batch_size=dataloader['batch_size'])


def build(tmp_path, text):
    (tmp_path / 'config.py').write_text(text)
    cfg = Config.fromfile(tmp_path / 'config.py')
    with build_errors_as_config_errors(cfg):
        PARTS.build(cfg.part)


@pytest.mark.parametrize(
    ('part', 'message'),
    [
        (
            "dict(type='Outer', inner=dict(type='Inner', sice=3))",
            r"config.py: part.inner: .*unexpected keyword argument 'sice'",
        ),
        ("dict(type='Outer', inner=dict(type='Iner'))", r"config.py: part.inner: 'Iner' is not registered"),
        ("dict(type='Outer')", r"config.py: part: .*missing 1 required positional argument: 'inner'"),
        (
            "dict(type='Outer', inner=dict(type='Inner', size=7))",
            r'config.py: part.inner: Inner refuses a value: size must not be 7',
        ),
    ],
)
def test_they_are_told_with_the_key(tmp_path, part, message):
    with pytest.raises(ConfigError, match=message):
        build(tmp_path, f'part = {part}')


@pytest.mark.parametrize(('size', 'error'), [(-1, TypeError), (0, KeyError), (8, ValueError)])
def test_an_error_inside_of_a_part_is_left_as_it_is(tmp_path, size, error):
    """Even one that reads like MMEngine's."""
    with pytest.raises(error) as caught:
        build(tmp_path, f"part = dict(type='Outer', inner=dict(type='Inner', size={size}))")
    assert not isinstance(caught.value, ConfigError)


def test_a_value_that_a_data_loader_refuses(tmp_path):
    (tmp_path / 'config.py').write_text('val_loader = dict(batch_size=2)\ntrain_loader = dict(batch_size=0)')
    cfg = Config.fromfile(tmp_path / 'config.py')
    told = 'config.py: train_loader: a data loader refuses a value: batch_size should be a positive integer'
    with pytest.raises(ConfigError, match=told), build_errors_as_config_errors(cfg):
        Loaders().build_dataloader(cfg.train_loader)
