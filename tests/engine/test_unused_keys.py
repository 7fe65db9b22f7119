from types import SimpleNamespace

from mmengine.logging import MMLogger
from torch import nn

from aurora_mm.engine.unused_keys import tell_unused_keys


def runner(**keys):
    model = nn.ModuleDict(dict(backbone=nn.Linear(2, 2), heads=nn.Linear(2, 2)))
    return SimpleNamespace(model=model, cfg=dict(optim_wrapper=dict(paramwise_cfg=dict(custom_keys=keys))))


def test_a_key_that_no_parameter_has_is_told(caplog):
    MMLogger.get_current_instance().addHandler(caplog.handler)
    tell_unused_keys(runner(backbone=dict(lr_mult=0.1)))
    assert not caplog.messages
    tell_unused_keys(runner(backbon=dict(), bakbone=dict(lr_mult=0.1)))
    assert "no parameter has 'bakbone' in its name" in caplog.messages[0]
    assert caplog.messages[0].endswith('names begin with backbone, heads')
    tell_unused_keys(SimpleNamespace(model=nn.Linear(2, 2), cfg={}))
    MMLogger.get_current_instance().removeHandler(caplog.handler)
