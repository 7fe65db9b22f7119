import torch
from torch import nn

from aurora_mm.engine import AutocastOptimWrapper


def test_forward_is_in_bfloat16_and_weights_stay_in_fp32():
    model = nn.Linear(4, 2)
    wrapper = AutocastOptimWrapper(torch.optim.SGD(model.parameters(), 0.1), accumulative_counts=2)
    before = model.weight.detach().clone()
    for _ in range(2):
        with wrapper.optim_context(model):
            out = model(torch.ones(3, 4))
            assert out.dtype == torch.bfloat16
            loss = out.float().square().mean()
        wrapper.update_params(loss)
    assert model.weight.dtype == torch.float32
    assert not torch.equal(model.weight, before)
