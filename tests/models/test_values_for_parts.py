"""A plain value where the config of a part belongs gives one sentence that names the place."""

import pytest

from aurora_mm.errors import ConfigError
from aurora_mm.models.multi_task_model import MultiTaskModel

MODEL = dict(
    tasks=[dict(name='find', type='detection', classes=['a'])],
    backbone=dict(type='mmdet.ResNet', depth=18),
    neck=dict(type='mmdet.FPN', out_channels=16, num_outs=4),
    heads=dict(detection=dict(type='DenseDetectionHead', channels=8)),
)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(heads=dict(detection={})), r'model\.heads\.detection takes the config of a part, .* not \{\}'),
        (dict(heads=dict(detection='DenseDetectionHead')), r"model\.heads\.detection .* not 'DenseDetectionHead'"),
        (dict(heads='x'), r"model\.heads takes a dict, not 'x'"),
        (dict(neck=3), r'model\.neck takes a dict, not 3'),
        (dict(neck=dict(fine={})), r'model\.neck\.fine takes the config of a part'),
        (dict(backbone='ResNet'), r"model\.backbone .* not 'ResNet'"),
        (dict(detail={}), r'model\.detail .* not \{\}'),
        (dict(adapter='TaskFiLM'), r"model\.adapter .* not 'TaskFiLM'"),
        (dict(balancer='EMALossBalancer'), r"model\.balancer .* not 'EMALossBalancer'"),
        (dict(sources='neck'), r"model\.sources takes a dict, not 'neck'"),
    ],
)
def test_a_plain_value_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        MultiTaskModel(**(MODEL | change))
