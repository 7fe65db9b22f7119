import logging

import pytest
import torch
from mmengine.logging import MMLogger
from torch import nn

from aurora_mm.engine import AutocastOptimWrapper


@pytest.fixture
def model():
    return nn.Linear(4, 2)


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.1)


def test_forward_is_in_bfloat16_and_weights_stay_in_fp32(model):
    wrapper = AutocastOptimWrapper(sgd(model), accumulative_counts=2, on_cpu=True)
    before = model.weight.detach().clone()
    for _ in range(2):
        with wrapper.optim_context(model):
            out = model(torch.ones(3, 4))
            assert out.dtype == torch.bfloat16
            loss = out.float().square().mean()
        wrapper.update_params(loss)
    assert model.weight.dtype == torch.float32
    assert not torch.equal(model.weight, before)


@pytest.mark.skipif(torch.cuda.is_available(), reason='this is about machines without a GPU')
def test_a_cpu_stays_in_fp32_and_says_so(model, caplog):
    with caplog.at_level(logging.WARNING, logger=MMLogger.get_current_instance().name):
        MMLogger.get_current_instance().addHandler(caplog.handler)
        wrapper = AutocastOptimWrapper(sgd(model))
        MMLogger.get_current_instance().removeHandler(caplog.handler)
    assert 'stays in fp32' in caplog.text
    with wrapper.optim_context(model):
        assert model(torch.ones(3, 4)).dtype == torch.float32
