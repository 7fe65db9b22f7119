"""Mistakes that only building brings to light."""

import pytest
from mmengine.config import Config
from mmengine.registry import Registry

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
    ],
)
def test_they_are_told_with_the_key(tmp_path, part, message):
    with pytest.raises(ConfigError, match=message):
        build(tmp_path, f'part = {part}')


@pytest.mark.parametrize(('size', 'error'), [(-1, TypeError), (0, KeyError)])
def test_an_error_inside_of_a_part_is_left_as_it_is(tmp_path, size, error):
    """Even one that reads like MMEngine's."""
    with pytest.raises(error) as caught:
        build(tmp_path, f"part = dict(type='Outer', inner=dict(type='Inner', size={size}))")
    assert not isinstance(caught.value, ConfigError)
