"""FMC-UIA CSVs, a COCO json and an mmseg folder in one training run, each task with its own metrics."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config

from aurora_mm.cli.main import main

REPO = Path(__file__).parents[2]
pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

# As a user writes it: one pipeline, three sources, and heads, metrics, hooks, visualisers and data of mmdet and mmseg
# by prefix.
CONFIG = """
_base_ = ['{repo}/configs/aurora_fmc_demo.py']
_sizes = dict(depth=4, hidden_size=48, intermediate_size=96, num_heads=3, num_position_embeddings=64)
tasks = {tasks}
model = dict(
    backbone=dict(_delete_=True, type='Qwen3VLBackbone', preset=_sizes),
    detail=dict(channels=(8, 8, 16, 16)),
    neck=dict(out_channels=16),
    heads=dict(
        segmentation=dict(channels=16),
        classification=dict(hidden_channels=16),
        landmark=dict(channels=16),
        detection=dict(channels=16),
        nodules=dict(
            type='mmdet.FCOSHead', feat_channels=16, stacked_convs=1, norm_cfg=dict(type='GN', num_groups=4),
            strides=[4, 8, 16, 32], regress_ranges=((-1, 32), (32, 64), (64, 128), (128, 1e8))),
        tissue=dict(type='mmseg.FCNHead', channels=16, num_convs=1, in_index=0),
    ),
)
nodules = dict(name='nodules', type='detection', classes=['head'])
tissue = dict(name='tissue', type='segmentation', classes=['background', 'head'])


def three(split):
    return [
        dict(type='FMCUIADataset', data_root='{fmc}', split=split),
        dict(type='TaskDataset', task=nodules, dataset=dict(
            type='mmdet.CocoDataset', ann_file='{coco}/annotations/fetal_head_det_' + split + '.json',
            data_prefix=dict(img='{coco}/images/' + split))),
        dict(type='TaskDataset', task=tissue, dataset=dict(
            type='mmseg.BaseSegDataset', data_root='{mmseg}/fetal_head', img_suffix='.png',
            data_prefix=dict(img_path='img_dir/' + split, seg_map_path='ann_dir/' + split))),
    ]


train_dataloader = dict(
    batch_size=4, num_workers=0, batch_sampler=dict(num_batches=8),
    dataset=dict(
        _delete_=True, type='ConcatTaskDataset', datasets=three('train'), pipeline={{{{_base_.train_pipeline}}}}))
val_dataloader = dict(
    num_workers=0,
    dataset=dict(
        _delete_=True, type='ConcatTaskDataset', datasets=three('val'), test_mode=True,
        pipeline={{{{_base_.test_pipeline}}}}))
test_dataloader = val_dataloader
val_evaluator = dict(
    task_metrics=dict(
        nodules=[
            dict(
                type='ForeignMetric', primary='bbox_mAP_50',
                metric=dict(type='mmdet.CocoMetric', ann_file='{coco}/annotations/fetal_head_det_val.json'))
        ],
        tissue=[
            dict(type='ForeignMetric', primary='mDice', percent=True,
                 metric=dict(type='mmseg.IoUMetric', iou_metrics=['mDice']))
        ],
    )
)
test_evaluator = val_evaluator
custom_hooks = [
    dict(type='mmdet.CheckInvalidLossHook', interval=1),
    dict(type='mmdet.DetVisualizationHook', draw=True, interval=1),
    dict(type='mmseg.SegVisualizationHook', draw=True, interval=1),
]
visualizer = dict(
    foreign=dict(
        nodules=dict(type='mmdet.DetLocalVisualizer'),
        tissue=dict(type='mmseg.SegLocalVisualizer'),
    )
)
train_cfg = dict(max_epochs=1, val_interval=1)
param_scheduler = []
"""


def run(verb, *args):
    main([verb, *map(str, args)])


@pytest.mark.long
def test_three_sources_train_together_and_are_scored_each_in_its_own_way(data, tmp_path):
    config = tmp_path / 'mixed.py'
    folders = dict(fmc=data.fmc, coco=data.coco, mmseg=data.mmseg)
    config.write_text(CONFIG.format(repo=REPO, tasks=data.tasks.to_config(), **folders))
    run('train', config, '--work-dir', tmp_path / 'train')
    saved = Config.fromfile(tmp_path / 'train/mixed.py')
    assert {task['name'] for task in saved.tasks} == {*data.tasks, 'nodules', 'tissue'}
    pictures = {file.name.rsplit('_', 1)[0] for file in (tmp_path / 'train').rglob('vis_image/*.png')}
    assert 'val_img' in pictures  # mmdet's hook
    assert any(name.endswith('.png') for name in pictures - {'val_img'})  # mmseg's, by the image's name

    checkpoint = next((tmp_path / 'train').glob('best_score*.pth'))
    run('test', config, checkpoint, '--out-dir', tmp_path / 'test')
    metrics = json.loads((tmp_path / 'test/metrics.json').read_text())['tasks']
    assert metrics.keys() == {*data.tasks, 'nodules', 'tissue'}
    assert metrics['nodules']['primary'] == metrics['nodules']['coco/bbox_mAP_50']
    assert metrics['tissue']['primary'] == pytest.approx(metrics['tissue']['mDice'] / 100)
    assert 'DSC' not in metrics['tissue']
    assert 'DSC' in metrics['fetal_head']
    assert (tmp_path / 'test/overlays/nodules').is_dir()
