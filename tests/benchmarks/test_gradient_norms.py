"""The mean length of gradients by part and type, worked out by hand."""

from types import SimpleNamespace

import pytest
from torch import nn


def test_lengths_are_averaged_over_the_batches_that_hold_a_type(load_benchmark, monkeypatch):
    benchmark = load_benchmark('gradient_norms')
    model = SimpleNamespace(backbone=nn.Linear(1, 2, bias=False), detail=None, necks=nn.Linear(1, 1, bias=False))
    model.frozen = nn.Linear(1, 1)
    encoder, neck = model.backbone.weight, model.necks.weight

    def losses(model, batch):
        both = dict(classification=(batch * encoder).sum() + 5 * neck.sum())
        return both if batch == 1 else both | dict(landmark=2 * neck.sum())

    monkeypatch.setattr(benchmark, 'losses_by_type', losses)
    norms = benchmark.gradient_norms(model, [1, 3])
    assert norms == {
        'backbone': {'classification': pytest.approx((2**0.5 + 3 * 2**0.5) / 2), 'landmark': 0},
        'necks': {'classification': 5, 'landmark': 2},
    }
