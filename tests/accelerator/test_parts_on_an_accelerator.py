"""Parts of a model and of its training on a device beside the CPU, one by one."""

import copy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from aurora_mm.apis import MultiTaskInferencer, use_tta
from aurora_mm.models import EnsembleModel, MultiTaskTTAModel
from aurora_mm.models.utils.original_coordinates import boxes_to_original, mask_from_views
from aurora_mm.registry import DATASETS
from aurora_mm.structures import MaskView, MaskViews, task_samples_of
from tests.accelerator.small_run import build_model, narrow_config, train, watch_second_step

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'models' / 'interop'))
from foreign_heads import DETECTION, SEGMENTATION

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

LOVASZ = dict(type='mmseg.LovaszLoss', reduction='none', loss_name='loss_lovasz')
ADAMW = dict(type='AdamW', lr=1e-3)
OUR_HEADS = {
    'grid': dict(detection=dict(_delete_=True, type='GridDetectionHead', channels=16)),
    'grid with a foreign loss': dict(
        detection=dict(_delete_=True, type='GridDetectionHead', loss_iou=dict(type='mmdet.GIoULoss'))
    ),
    'coordinates': dict(landmark=dict(_delete_=True, type='LandmarkHead', hidden_channels=16)),
    'coordinates of a grid': dict(landmark=dict(_delete_=True, type='LandmarkHead', hidden_channels=16, pool_size=2)),
    'shared outputs': {
        name: dict(share_outputs=True) for name in ('segmentation', 'classification', 'detection', 'landmark')
    },
    'foreign losses of masks': dict(
        segmentation=dict(loss_cls=dict(_delete_=True, type='mmseg.CrossEntropyLoss'), loss_dice=LOVASZ)
    ),
    'smoothed labels': dict(
        classification=dict(pooling='avg', loss_cls=dict(type='BalancedCrossEntropyLoss', label_smoothing=0.1))
    ),
    'mixed features': dict(classification=dict(mixup_alpha=0.4)),
    'a head of one task': dict(fetal_head=dict(type='SegmentationHead', channels=8)),
}
BALANCERS = [
    dict(type='LossBalancer'),
    dict(type='FixedLossBalancer', factors=dict(segmentation=2.0)),
    dict(type='EMALossBalancer'),
    dict(type='FAMOLossBalancer'),
    dict(type='GradientNormBalancer', interval=1),
    dict(type='IGBLossBalancer', base_steps=(1, 1)),
    dict(type='SelectiveLossBalancer'),
    dict(type='UncertaintyLossBalancer'),
    dict(type='UncertaintyLossBalancer', per='task'),
]
SURGERY = dict(type='GradientSurgeryOptimWrapper', optimizer=ADAMW)
OPTIM_WRAPPERS = {
    'autocast': dict(type='AutocastOptimWrapper', optimizer=ADAMW, clip_grad=dict(max_norm=1.0)),
    'accumulating': dict(
        type='AccumulatingOptimWrapper', optimizer=ADAMW, accumulative_counts=2, clip_grad=dict(max_norm=1.0)
    ),
    'sharded': dict(type='ShardedOptimWrapper', optimizer=ADAMW, clip_grad=dict(max_norm=1.0)),
    'foreach': dict(type='AutocastOptimWrapper', optimizer=ADAMW | dict(foreach=True)),
    'fused': dict(type='AutocastOptimWrapper', optimizer=ADAMW | dict(fused=True)),
    'SGD': dict(type='AutocastOptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
    'the sum of gradients': SURGERY,
    'PCGrad': SURGERY | dict(combiner=dict(type='PCGradCombiner')),
    'CAGrad': SURGERY | dict(combiner=dict(type='CAGradCombiner')),
    'Nash-MTL': SURGERY | dict(combiner=dict(type='NashMTLCombiner')),
    'PCGrad with clipping': SURGERY | dict(combiner=dict(type='PCGradCombiner'), clip_grad=dict(max_norm=1.0)),
}
ADAPTERS = [dict(type='TaskFiLM'), dict(type='TaskBottleneckAdapter', channels=8)]
FPN = dict(type='mmdet.FPN', out_channels=16, num_outs=4)
BACKBONES = {
    'mmdet.ResNet': dict(_delete_=True, type='mmdet.ResNet', depth=18),
    'mmseg.MixVisionTransformer': dict(
        _delete_=True, type='mmseg.MixVisionTransformer', embed_dims=16, num_layers=[1] * 4, num_heads=[1] * 4
    ),
}


@pytest.fixture
def cfg(us_real, tmp_path):
    return narrow_config(us_real, tmp_path)


@pytest.fixture
def step(cfg, accelerator):
    """Trains a model for two steps on images of all tasks and predicts; returns what the host waited for."""

    def run(optim_wrapper=OPTIM_WRAPPERS['fused'], **changes):
        cfg.merge_from_dict(dict(model=changes))
        model = build_model(cfg).to(accelerator.device)
        with DefaultScope.overwrite_default_scope('aurora_mm'):
            wrapper = build_optim_wrapper(model, copy.deepcopy(optim_wrapper))
        model.train_step(batch(cfg.train_dataloader), wrapper)
        data = batch(cfg.train_dataloader)
        with accelerator.watch() as waits:
            model.train_step(data, wrapper)
        check_predictions(model.eval().test_step(batch(cfg.test_dataloader)))
        return waits

    return run


def batch(loader):
    """Every image of a data set, as a data loader collates them."""
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        dataset = DATASETS.build(loader.dataset)
    return pseudo_collate([dataset[i] for i in range(len(dataset))])


def own(waits):
    """Those that are not within the code of mmdet, mmseg or mmcv, which is as it is, or in its backward pass."""
    theirs = ('/mmdet/', '/mmseg/', '/mmcv/', '/mmengine/optim/optimizer/optimizer_wrapper.py')
    places = {wait: wait.rpartition(' at ')[2].partition(' < ')[0] for wait in waits}
    return [wait for wait, place in places.items() if not any(part in f'/{place}' for part in theirs)]


def check_predictions(samples):
    answers = list(task_samples_of(samples))
    assert {sample.task_type for sample in answers} == {'segmentation', 'classification', 'detection', 'landmark'}
    assert all(any(key.startswith('pred_') for key in sample.all_keys()) for sample in answers)


@pytest.mark.parametrize('name', OUR_HEADS)
def test_a_head_of_ours(name, step):
    waits = step(heads=OUR_HEADS[name])
    assert (own(waits) if 'foreign' in name else waits) == []


@pytest.mark.parametrize('name', SEGMENTATION)
def test_a_decode_head_of_mmseg(name, step):
    assert own(step(heads=dict(segmentation=SEGMENTATION[name] | dict(_delete_=True)))) == []


@pytest.mark.parametrize('name', DETECTION)
def test_a_dense_head_of_mmdet(name, cfg, step):
    cfg.model.neck.scales = (2, 1, 1 / 2, 1 / 4)
    assert own(step(heads=dict(detection=DETECTION[name] | dict(_delete_=True)))) == []


@pytest.mark.parametrize('name', BACKBONES)
def test_a_backbone_and_a_neck_of_theirs(name, cfg, step):
    cfg.model.pop('detail')
    cfg.model.neck = {}
    assert step(backbone=BACKBONES[name], neck=FPN) == []


@pytest.mark.parametrize('adapter', ADAPTERS, ids=lambda adapter: adapter['type'])
@pytest.mark.parametrize('own_heads', [False, True])
def test_an_adapter(adapter, own_heads, step):
    assert step(adapter=adapter, own_heads=own_heads) == []


@pytest.mark.parametrize('balancer', BALANCERS, ids=lambda balancer: balancer['type'])
def test_a_balancer(balancer, step):
    assert step(balancer=balancer) == []


@pytest.mark.parametrize('name', OPTIM_WRAPPERS)
def test_an_optimiser_and_a_gradient_method(name, step):
    assert step(OPTIM_WRAPPERS[name]) == []


def test_mixed_images(cfg, accelerator):
    cfg.model.data_preprocessor.batch_augments = dict(augments=[dict(type='CutMix'), dict(type='Mixup')])
    model = build_model(cfg).to(accelerator.device)
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        wrapper = build_optim_wrapper(model, OPTIM_WRAPPERS['fused'])
    data = {key: 2 * value for key, value in batch(cfg.train_dataloader).items()}
    model.train_step(data, wrapper)
    with accelerator.watch() as waits:
        model.train_step(data, wrapper)
        samples = model.data_preprocessor(data, training=True)['data_samples']
    assert waits == []
    mixed = [sample.task for sample in task_samples_of(samples) if 'gt_scores' in sample]
    assert {*mixed} == {'breast_2cls', 'breast_3cls'}


def test_views_of_an_image_and_models_of_an_ensemble(cfg, accelerator):
    models = [build_model(cfg) for _ in range(2)]
    single = batch(cfg.test_dataloader)
    check_predictions(EnsembleModel(models).to(accelerator.device).eval().test_step(single))
    use_tta(cfg, [1.0, 1.5])
    check_predictions(MultiTaskTTAModel(models[0]).to(accelerator.device).eval().test_step(batch(cfg.test_dataloader)))


def test_predictions_come_to_original_coordinates_without_a_wait(accelerator):
    turned = np.array([[0.8, -0.6, 5.0], [0.6, 0.8, -2.0], [0.0, 0.0, 1.0]])
    scaled = np.diag([2.0, 2.0, 1.0])  # whose network input shows a quarter of the image
    points = torch.rand(3, 2, device=accelerator.device)
    probs = torch.rand(2, 8, 8, device=accelerator.device)
    with accelerator.watch() as waits:
        boxes_to_original(points[:1].repeat(1, 2), turned, (20, 30))
        mask_from_views([MaskView(probs, turned, (16, 16))], (20, 30))
        mask_from_views([MaskView(probs, scaled, (16, 16))], (20, 30))
    assert waits == []


def test_the_inferencer(checkpoints, generated, accelerator):
    image = str(next((generated / 'Segmentation').rglob('images/*.png')))
    for weights, tta in ((checkpoints[0], None), (checkpoints, [1.0])):
        inferencer = MultiTaskInferencer(weights, device=str(accelerator.device), tta=tta, show_progress=False)
        for task in inferencer.tasks:
            assert inferencer([image, image], task=task, batch_size=2)['predictions'][1]['task'] == task


def test_predictions_of_a_batch_come_to_the_host_together(checkpoints, generated, accelerator):
    """By one copy a dtype, whatever is then written of them; what a caller keeps is not on the device."""
    inferencer = MultiTaskInferencer(checkpoints[0], device=str(accelerator.device), tta=[1.0], show_progress=False)
    images = [str(file) for file in sorted((generated / 'Segmentation').rglob('images/*.png'))[:2]]
    rows = [dict(img_path=image, tasks=list(inferencer.tasks)) for image in images]
    found = dict(inferencer.predict_rows(rows, batch_size=2))
    with accelerator.watch() as waits:
        for sample in found.values():
            inferencer.postprocess([sample], [])
    assert waits == []
    kept = [value for sample in found.values() for one in sample for value in one.values()]
    assert any(isinstance(value, MaskViews) for value in kept)
    assert all(t.device.type == 'cpu' and t.device.index is None for t in tensors_of(kept))


def tensors_of(values):
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, BaseDataElement):
            yield from tensors_of(value.values())


@pytest.mark.parametrize('options', [dict(fused=True), dict(fused=False, foreach=True)], ids=str)
@pytest.mark.long
def test_a_resumed_run(options, cfg, accelerator):
    """Model, optimiser, running means, balancing and the mean of the weights go on from a checkpoint."""
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
    cfg.model.balancer = dict(type='FAMOLossBalancer')
    cfg.optim_wrapper.optimizer.update(options)
    cfg.train_cfg.max_epochs = 2
    stopped = copy.deepcopy(cfg)
    stopped.custom_hooks.append(dict(type='StopAfterEpochHook', epoch=1))
    assert train(stopped, accelerator.watch) == []
    cfg.resume, cfg.load_from = True, str(Path(cfg.work_dir) / 'epoch_1.pth')
    cfg.experiment_name += '_resumed'
    runner = Runner.from_cfg(cfg)
    watcher = watch_second_step(runner, accelerator.watch)
    runner.train()
    assert runner.iter == 6
    assert watcher.waits == []
    assert {str(p.device) for p in runner.model.parameters()} == {str(accelerator.device)}
