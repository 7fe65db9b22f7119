"""What is said where timm is missing or cannot be imported."""

import sys
from types import ModuleType

import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.models.backbones import TimmBackbone


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of modules that come first; what tests import from it is forgotten."""
    for name in [name for name in sys.modules if name.partition('.')[0] in ('timm', 'torchvision')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_missing_timm_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(ConfigError, match=r"^TimmBackbone needs timm: pip install 'aurora_mm\[timm\]'$"):
        TimmBackbone('resnet18')


def test_a_torchvision_for_another_torch_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torchvision', ModuleType('torchvision'))
    sys.modules['torchvision'].__spec__ = object()
    (folder / 'timm.py').write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    with pytest.raises(ConfigError, match=r'operator torchvision::nms does not exist.*made for torch .*\[timm\]'):
        TimmBackbone('resnet18')
    assert 'timm' not in sys.modules


@pytest.mark.parametrize('key', ['checkpoint_path', 'pretrained', 'pretrained_cfg', 'pretrained_cfg_overlay'])
def test_weights_of_another_source_are_refused_before_timm_reads_them(key, monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(ConfigError, match=f"model_args of TimmBackbone have \\['{key}'\\]"):
        TimmBackbone('resnet18', model_args={key: 'weights.pth'})
