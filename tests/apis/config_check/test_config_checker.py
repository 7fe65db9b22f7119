"""Mistakes in every part of a config, found before anything is built."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from mmengine.config import Config

from aurora_mm.apis import read_config
from aurora_mm.apis.config_check import check_config
from aurora_mm.errors import ConfigError

REPO = Path(__file__).parents[3]
FCOS = (
    "model = dict(heads=dict(detection=dict(_delete_=True, type='mmdet.FCOSHead', num_classes=1, in_channels=8, {})))"
)


@pytest.mark.parametrize(
    ('text', 'key', 'hint'),
    [
        (
            'model = dict(heads=dict(detection=dict(chanels=3)))',
            'model.heads.detection.chanels',
            'channels',
        ),
        ('model = dict(hedas=dict())', 'model.hedas', 'heads'),
        ("model = dict(neck=dict(type='TokenPyramd'))", 'model.neck.type', 'TokenPyramid'),
        ('model = dict(heads=dict(landmrk=dict(channels=8)))', 'model.heads.landmrk', 'landmark'),
        ("model = dict(balancer=dict(type='FixedLossBalancer', factor=3))", 'model.balancer.factor', 'factors'),
        ("model = dict(neck=dict(_delete_=True, type='FPN'))", 'model.neck.type', 'mmdet.FPN'),
        (FCOS.format('center_samplng=True'), 'model.heads.detection.center_samplng', 'center_sampling'),
        (FCOS.format('feat_chanels=8'), 'model.heads.detection.feat_chanels', 'feat_channels'),
        (
            FCOS.format("loss_cls=dict(type='mmdet.FocalLoss', gama=2.0)"),
            'model.heads.detection.loss_cls.gama',
            'gamma',
        ),
        (FCOS.format("loss_cls=dict(type='FocalLoss', gama=2.0)"), 'model.heads.detection.loss_cls.gama', 'gamma'),
        ("custom_hooks = [dict(type='MultiTaskHok')]", 'custom_hooks.0.type', 'MultiTaskHook'),
        ("custom_hooks = [dict(type='StopAfterEpochHook')]", 'custom_hooks.0', 'StopAfterEpochHook needs epoch'),
        ("custom_hooks = [dict(type='EMAHook', momentm=0.1)]", 'custom_hooks.0.momentm', 'momentum'),
        ('default_hooks = dict(loger=dict(interval=5))', 'default_hooks.loger', 'logger'),
        ('default_hooks = dict(logger=dict(intervall=5))', 'default_hooks.logger.intervall', 'interval'),
        ('optim_wrapper = dict(acumulative_counts=2)', 'optim_wrapper.acumulative_counts', 'accumulative_counts'),
        (
            'optim_wrapper = dict(optimizer=dict(learning_rate=1))',
            'optim_wrapper.optimizer.learning_rate',
            'unknown; AdamW takes lr, ',
        ),
        ("optim_wrapper = dict(optimizer=dict(type='AdamV'))", 'optim_wrapper.optimizer.type', 'Adam'),
        (
            "optim_wrapper = dict(constructor='LayerDecayOptimConstructor')",
            'optim_wrapper.constructor',
            "'LayerDecayOptimConstructor' is not",
        ),
        ('optim_wrapper = dict(clip_grad=dict(maxnorm=1))', 'optim_wrapper.clip_grad.maxnorm', 'max_norm'),
        (
            'optim_wrapper = dict(paramwise_cfg=dict(bias_decay_mlt=0))',
            'optim_wrapper.paramwise_cfg.bias_decay_mlt',
            'bias_decay_mult',
        ),
        ("param_scheduler = [dict(type='OneCycleLR', eta_maxx=1)]", 'param_scheduler.0.eta_maxx', 'eta_max'),
        ('train_dataloader = dict(batchsize=8)', 'train_dataloader.batchsize', 'batch_size'),
        (
            'train_dataloader = dict(num_batch_per_epoch=5)',
            'train_dataloader.num_batch_per_epoch',
            'no effect beside a batch_sampler; set batch_sampler.num_batches',
        ),
        ('train_dataloader = dict(dataset=dict(all_label=True))', 'train_dataloader.dataset.all_label', 'all_labels'),
        (
            "train_dataloader = dict(batch_sampler=dict(policy=dict(_delete_=True, type='SizePolcy')))",
            'train_dataloader.batch_sampler.policy.type',
            'SizePolicy',
        ),
        (
            "train_dataloader = dict(dataset=dict(pipeline=[dict(type='FitToSize', sise=8)]))",
            'train_dataloader.dataset.pipeline.0.sise',
            'size',
        ),
        (
            "val_dataloader = dict(dataset=dict(pipeline=[dict(type='FitToSiz')]))",
            'val_dataloader.dataset.pipeline.0.type',
            'FitToSize',
        ),
        (
            "val_evaluator = dict(metrics=dict(detection=[dict(type='BoxIouMetric')]))",
            'val_evaluator.metrics.detection.0.type',
            'BoxIoUMetric',
        ),
        (
            "test_evaluator = dict(metrics=dict(detection=[dict(type='BoxIoUMetric', prefx='a')]))",
            'test_evaluator.metrics.detection.0.prefx',
            'prefix',
        ),
        ("val_evaluator = [dict(type='BoxIouMetric')]\n", 'val_evaluator.0.type', "'BoxIouMetric' is not registered"),
        (
            "visualizer = dict(vis_backends=[dict(type='TensorboardBackend')])",
            'visualizer.vis_backends.0.type',
            'TensorboardVisBackend',
        ),
        ('visualizer = dict(vis_backend=[])', 'visualizer.vis_backend', 'vis_backends'),
        ('log_processor = dict(window=5)', 'log_processor.window', 'window_size'),
        ('train_cfg = dict(max_epoch=3)', 'train_cfg.max_epoch', 'max_epochs'),
        ('train_cfg = dict(_delete_=True, by_epoch=False, max_iter=3)', 'train_cfg.max_iter', 'max_iters'),
        ('val_cfg = dict(_delete_=True, fp61=True)', 'val_cfg.fp61', 'fp16'),
        (
            "env_cfg = dict(mp_cfg=dict(mp_start_method='sporn'))",
            'env_cfg.mp_cfg.mp_start_method',
            "'sporn' is none of fork, spawn, forkserver",
        ),
        (
            "val_dataloader = dict(multiprocessing_context='frok')",
            'val_dataloader.multiprocessing_context',
            'did you mean fork?',
        ),
        ('randomness = dict(sed=3)', 'randomness.sed', 'seed'),
        ('env_cfg = dict(cudnn_benchmrk=True)', 'env_cfg.cudnn_benchmrk', 'cudnn_benchmark'),
        ('train_datalaoder = dict(batch_size=8)', 'train_datalaoder', 'train_dataloader'),
    ],
)
def test_a_mistake_is_told_with_file_line_key_and_the_nearest_names(on_demo, text, key, hint):
    with pytest.raises(ConfigError) as caught:
        on_demo(text)
    place, _, problem = str(caught.value).partition(f': {key}: ')
    assert place.endswith('config.py, line 3')
    assert hint in problem


def test_a_mistake_in_a_base_is_told_with_the_bases_line(tmp_path):
    (tmp_path / 'base.py').write_text(f"_base_ = '{REPO}/configs/aurora_fmc_demo.py'\nrandomness = dict(sed=3)")
    (tmp_path / 'leaf.py').write_text("_base_ = 'base.py'")
    with pytest.raises(ConfigError, match=r'base.py, line 2: randomness.sed'):
        read_config(tmp_path / 'leaf.py')


@pytest.mark.parametrize(
    'text',
    [  # variables of the file's own
        "custom_hooks = [dict(type='EMAHook', momentum=0.1, priority='LOW')]",
        "custom_hooks = [dict(type='mmengine.hooks.EMAHook')]",
        "optim_wrapper = dict(constructor='LayerDecayOptimWrapperConstructor', paramwise_cfg=dict(layer_decay=0.8))",
        "optim_wrapper = dict(clip_grad=dict(_delete_=True, type='value', clip_value=1))",
        FCOS.format("test_cfg=dict(nms_pre=9, nms=dict(type='nms', iou_threshold=0.5))"),  # no registry's nms
        FCOS.format("loss_cls=dict(type='FocalLoss', use_sigmoid=True), init_cfg=dict(type='Normal', layer='Conv2d')"),
        FCOS.format("norm_cfg=dict(type='BN', requires_grad=True)"),  # taken out by mmcv
        FCOS.format("conv_cfg=dict(type='mmcv.DCNv2', deformable_groups=1, fallback_on_stride=False)"),
        "val_evaluator = [dict(type='mmdet.CocoMetric', ann_file='a.json')]",
        'train_cfg = dict(_delete_=True, by_epoch=True, max_epochs=3)',
        'val_cfg = dict(_delete_=True)',
        'default_hooks = dict(checkpoint=None, multi_task=None)',
        "load_from = 'a.pth'\nresume = True\ncompile = False\nlog_level = 'INFO'",
    ],
)
def test_what_is_no_mistake(on_demo, text):
    on_demo(text)


@pytest.mark.parametrize(
    'name',
    [
        'mmdet/configs/fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
        'mmdet/configs/dcnv2/faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco.py',
        'mmdet/configs/detr/detr_r50_8xb2-150e_coco.py',
        'mmseg/configs/unet/unet-s5-d16_fcn_4xb4-160k_cityscapes-512x1024.py',
        'mmseg/configs/icnet/icnet_r50-d8_4xb2-80k_cityscapes-832x832.py',
    ],
)
def test_a_config_of_the_hosts_is_no_mistake(name):
    host, _, rest = name.partition('/')
    folder = Path(find_spec(host).origin).parent / '.mim'
    check_config(Config.fromfile(folder / rest))


CONFIGS = [
    file
    for folder in ('', 'aurora', 'ablation', 'baselines', 'interop')
    for file in (REPO / 'configs' / folder).glob('*.py')
]


@pytest.mark.parametrize('file', sorted(CONFIGS), ids=lambda file: str(file.relative_to(REPO / 'configs')))
def test_no_config_of_the_project_has_a_mistake(file):
    read_config(file)
