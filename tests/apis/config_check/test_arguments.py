"""Which arguments a class takes, where some are handed on to its base class."""

import pytest
from mmdet.models import FCOSHead
from mmengine.hooks import EMAHook, LoggerHook
from mmengine.optim import OneCycleLR

from aurora_mm.apis.config_check.arguments import arguments_of
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.models import AuroraDecodeHead


class Base:
    def __init__(self, a, b=1, *, c=2):
        pass


class Silent(Base):
    pass


class HandsOn(Silent):
    def __init__(self, d, e=3, **kwargs):
        super().__init__(**kwargs)


class HandsOnWithMore(HandsOn):
    def __init__(self, f=4, **rest):
        super().__init__(d=f, c=5, **rest)


class Keeps(Base):
    def __init__(self, d, **kwargs):
        self.kwargs = kwargs
        super().__init__(d)


class LooksAtThem(Base):
    def __init__(self, **kwargs):
        kwargs.setdefault('a', 1)
        super().__init__(**kwargs)


class Bare:
    pass


def function(a, *, b=1):
    """Takes two arguments."""


@pytest.mark.parametrize(
    ('component', 'names', 'required', 'complete'),
    [
        (Base, 'abc', 'a', True),
        (Silent, 'abc', 'a', True),
        (HandsOn, 'deabc', 'd', True),
        (HandsOnWithMore, 'feab', '', True),
        (Keeps, 'd', 'd', False),
        (LooksAtThem, '', '', False),
        (Bare, '', '', True),
        (function, 'ab', 'a', True),
        (dict, '', '', False),
    ],
)
def test_arguments(component, names, required, complete):
    found = arguments_of(component)
    assert (''.join(found.names), ''.join(found.required), found.complete) == (names, required, complete)


@pytest.mark.parametrize(
    ('component', 'name', 'complete'),
    [
        (LoggerHook, 'interval', True),
        (EMAHook, 'ema_type', False),  # keeps the others for the averaged model
        (OneCycleLR, 'eta_max', True),  # of the second base
        (FMCUIADataset, 'lazy_init', True),  # of MMEngine's BaseDataset
        (FCOSHead, 'feat_channels', True),  # of the base of its base
        (AuroraDecodeHead, 'num_classes', False),
    ],
)
def test_classes_of_the_packages(component, name, complete):
    found = arguments_of(component)
    assert name in found.names
    assert found.complete is complete
