"""Multiply-adds against a count by hand."""

from mmengine.config import Config

from aurora_mm.analysis.complexity import cost_table, model_cost
from aurora_mm.models import MultiTaskModel

SIZES = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
MODEL = dict(
    type='MultiTaskModel',
    tasks=[dict(name='kind', type='classification', classes=['a', 'b', 'c'])],
    backbone=dict(type='Qwen3VLBackbone', preset=SIZES, pretrained='somewhere'),
    heads=dict(classification=dict(type='ClassificationHead', hidden_channels=16, num_blocks=1)),
)


def test_counts_by_hand():
    costs = {cost.part: cost for cost in model_cost(Config(dict(model=MODEL)), (64, 96))}
    tokens, width = 4 * 6, 48
    block = tokens * width * (3 * width + width + 2 * 96) + 2 * tokens**2 * width
    encoder = costs['backbone (Qwen3VLBackbone)']
    assert encoder.macs == tokens * 3 * 16 * 16 * width + 4 * block
    features = 4 * width
    assert costs['head classification: kind'].macs == features * 16 + 3 * 16 * 16 + 16 * 3
    model = MultiTaskModel(
        **{k: v for k, v in MODEL.items() if k != 'type'}
        | dict(
            backbone=dict(type='aurora_mm.Qwen3VLBackbone', preset=SIZES),
            heads=dict(classification=MODEL['heads']['classification'] | dict(type='aurora_mm.ClassificationHead')),
        )
    )
    assert encoder.params == sum(p.numel() for p in model.backbone.parameters())
    table = cost_table(list(costs.values()), (64, 96))
    assert 'one image of 64 x 96' in table
    assert 'head classification: kind' in table


def test_adapters_are_counted_with_their_task():
    adapter = dict(type='TaskBottleneckAdapter', channels=8)
    costs = {cost.part: cost for cost in model_cost(Config(dict(model=MODEL | dict(adapter=adapter))), (64, 96))}
    cost = costs['adapter (TaskBottleneckAdapter): kind']
    assert cost.macs == 4 * (4 * 6) * (48 * 8 + 9 * 8 + 8 * 48)  # levels, cells, and the three convolutions
    assert cost.params == 4 * (48 * 8 + 2 * 8 + 9 * 8 + 8 + 8 * 48 + 48)
