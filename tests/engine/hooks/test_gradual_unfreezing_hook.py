import copy
from itertools import pairwise

import pytest
import torch
from mmengine.hooks import Hook
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from aurora_mm.engine import GradualUnfreezingHook, ReproducibleEpochHook, ResumeValidationHook
from aurora_mm.errors import ConfigError
from aurora_mm.models import MultiTaskModel
from aurora_mm.models.backbones import EfficientNetLite, HFBackbone, Qwen3VLBackbone
from tests.engine.hooks.tiny_run import tiny_config, tiny_run
from tests.fixtures.checkpoints import SIZES
from tests.models.backbones.hf_configs import TINY

STAGES = [(0, 4), (2, 3), (4, -1)]  # of four blocks
BLOCKS = dict(type='aurora_mm.Qwen3VLBackbone', preset=SIZES)
ADAMW = dict(type='AdamW', lr=0.01, weight_decay=0.1)
WRAPPERS = {
    'accumulating': dict(type='AccumulatingOptimWrapper', optimizer=ADAMW, accumulative_counts=2),
    'muon': dict(type='AccumulatingOptimWrapper', optimizer=dict(type='MuonWithAdamW', lr=0.01, weight_decay=0.1)),
    'surgery': dict(type='GradientSurgeryOptimWrapper', optimizer=ADAMW, accumulative_counts=2, on_cpu=True),
}


class Keep(Hook):
    """Keeps the weights at the beginning of each epoch."""

    def __init__(self):
        self.weights = []

    def before_train_epoch(self, runner):
        self.weights.append(copy.deepcopy(runner.model.state_dict()))


def run(work_dir, epochs, wrapper='accumulating', hooks=(), backbone=BLOCKS, **kwargs):
    torch.manual_seed(0)
    model = MultiTaskModel(**tiny_config(backbone=backbone))
    hooks = [ReproducibleEpochHook(), ResumeValidationHook(), GradualUnfreezingHook(STAGES), *hooks]
    scores = [(0.5, 0.5, 0.5)] * 9
    runner = tiny_run(work_dir.name, work_dir, model, scores, epochs=epochs, hooks=hooks, **kwargs)
    runner.optim_wrapper = copy.deepcopy(WRAPPERS[wrapper])
    return runner


def layers_that_changed(before, after, encoder):
    return {
        encoder.layer_of(name.removeprefix('backbone.'))
        for name, value in after.items()
        if name.startswith('backbone.') and name in before and (value != before[name]).any()
    }


@pytest.mark.parametrize('wrapper', WRAPPERS)
def test_layers_learn_from_the_last_to_the_first(wrapper, tmp_path):
    keep = Keep()
    runner = run(tmp_path, epochs=6, wrapper=wrapper, hooks=[keep])
    runner.train()
    encoder = runner.model.backbone
    weights = [*keep.weights[::2], runner.model.state_dict()]
    changed = [layers_that_changed(a, b, encoder) for a, b in pairwise(weights)]
    assert changed == [set(), {4}, {0, 1, 2, 3, 4}]
    assert all(parameter.requires_grad for parameter in encoder.parameters())
    optimizer = runner.optim_wrapper.optimizer
    steps = {
        encoder.layer_of(name): int(optimizer.state[parameter]['step'])
        for name, parameter in encoder.named_parameters()
        if 'merger' not in name
    }
    updates = 1 if wrapper == 'muon' else 0.5  # for each epoch, which has one batch
    assert steps == {layer: (4 if layer == 4 else 2) * updates for layer in range(5)}


@pytest.mark.parametrize('wrapper', ['accumulating', 'surgery'])
def test_a_resumed_run_ends_as_an_unbroken_one(wrapper, tmp_path):
    ema = dict(type='EMAHook', momentum=0.3)
    unbroken = run(tmp_path / 'unbroken', epochs=5, wrapper=wrapper, hooks=[ema])
    unbroken.train()
    saved = dict(default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)))
    first = run(tmp_path / 'first', epochs=5, wrapper=wrapper, hooks=[ema, Stop(3)], **saved)
    with pytest.raises(KeyboardInterrupt):
        first.train()
    second = run(
        tmp_path / 'second',
        epochs=5,
        wrapper=wrapper,
        hooks=[ema],
        load_from=str(tmp_path / 'first' / 'epoch_3.pth'),
        resume=True,
    )
    second.train()
    for name, value in unbroken.model.state_dict().items():
        torch.testing.assert_close(second.model.state_dict()[name], value, rtol=0, atol=0)


class Stop(Hook):
    """Ends the run like Ctrl-C when an epoch begins."""

    def __init__(self, epoch):
        self.epoch = epoch

    def before_train_epoch(self, runner):
        if runner.epoch == self.epoch:
            raise KeyboardInterrupt


class Fixed:
    """As much of a runner as the hook reads."""

    def __init__(self, backbone, epoch=0, parameters=None, wrap=lambda model: model):
        model = nn.Module()
        model.backbone = backbone
        model.forward = backbone.forward
        self.model, self.epoch = wrap(model), epoch
        known = list(backbone.parameters()) if parameters is None else parameters
        self.optim_wrapper = type('', (), dict(optimizer=torch.optim.SGD([*known, nn.Parameter(torch.ones(1))], 0.1)))
        self.logger = type('', (), dict(info=lambda self, *args, **kwargs: None))()


def test_batch_norm_keeps_its_statistics_while_it_is_frozen():
    encoder = EfficientNetLite(norm_eval=False, out_indices=[0, 1])
    runner = Fixed(encoder)
    hook = GradualUnfreezingHook([(0, 3), (1, 1), (2, -1)])
    hook.before_train(runner)
    learned = []
    for runner.epoch in range(3):
        hook.before_train_epoch(runner)
        encoder.train()
        before = {name: value.clone() for name, value in encoder.named_buffers() if 'running_mean' in name}
        encoder(torch.randn(2, 3, 32, 32))
        after = dict(encoder.named_buffers())
        learned.append({encoder.layer_of(name) for name, value in before.items() if (value != after[name]).any()})
    assert learned == [set(), {2, 3}, {0, 1, 2, 3}]


def test_backbones_of_mmdet_count_stages():
    resnet = pytest.importorskip('mmdet.models').ResNet(18, frozen_stages=-1, norm_eval=False)
    runner = Fixed(resnet)
    hook = GradualUnfreezingHook([(0, 4), (1, 2), (2, -1)])
    hook.before_train(runner)
    frozen = []
    for runner.epoch in range(3):
        hook.before_train_epoch(runner)
        resnet.train()
        learned = {name.partition('.')[0] for name, p in resnet.named_parameters() if p.requires_grad}
        in_training = {
            name.partition('.')[0] for name, m in resnet.named_modules() if isinstance(m, nn.BatchNorm2d) and m.training
        }
        assert learned - {'conv1'} == in_training
        frozen.append({'conv1', 'layer1', 'layer2', 'layer3', 'layer4'} - learned)
    assert frozen == [{'conv1', 'layer1', 'layer2', 'layer3', 'layer4'}, {'conv1', 'layer1', 'layer2'}, set()]


def test_what_was_frozen_for_good_stays_frozen():
    encoder = HFBackbone(TINY['dinov2'])
    always = [name for name, p in encoder.named_parameters() if not p.requires_grad]
    assert always  # its mask token
    runner = Fixed(encoder, epoch=5, parameters=[p for p in encoder.parameters() if p.requires_grad])
    GradualUnfreezingHook([(0, 1), (1, -1)]).before_train(runner)
    assert [name for name, p in encoder.named_parameters() if not p.requires_grad] == always


def test_compiled_blocks_follow():
    encoder = Qwen3VLBackbone(SIZES, out_indices=[0, 1], compile_blocks=dict(backend='eager'))
    runner = Fixed(encoder)
    hook = GradualUnfreezingHook([(0, 1), (1, -1)])
    hook.before_train(runner)
    for runner.epoch, layers in ((0, {2}), (1, {0, 1, 2})):
        hook.before_train_epoch(runner)
        encoder.zero_grad()
        sum(level.sum() for level in encoder(torch.randn(1, 3, 32, 32))).backward()
        assert {encoder.layer_of(name) for name, p in encoder.named_parameters() if p.grad is not None} == layers


def test_distributed_data_parallel_follows(tmp_path):
    torch.distributed.init_process_group('gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    try:
        encoder = Qwen3VLBackbone(SIZES, out_indices=[0, 1])
        runner = Fixed(encoder, wrap=lambda model: DistributedDataParallel(model, find_unused_parameters=True))
        hook = GradualUnfreezingHook([(0, 1), (1, -1)])
        hook.before_train(runner)
        for runner.epoch, layers in ((0, {2}), (1, {0, 1, 2})):
            hook.before_train_epoch(runner)
            encoder.zero_grad()
            for _ in range(2):
                sum(level.sum() for level in runner.model(torch.randn(1, 3, 32, 32))).backward()
            found = {encoder.layer_of(n) for n, p in encoder.named_parameters() if p.grad is not None and p.grad.any()}
            assert found == layers
    finally:
        torch.distributed.destroy_process_group()


def test_what_cannot_be_unfrozen_is_refused():
    for stages in ([], [(1, 2)], [(0, 2), (0, 1)], [(0, 2), (3, 1), (2, 0)]):
        with pytest.raises(ConfigError, match='begin at 0'):
            GradualUnfreezingHook(stages)
    hook = GradualUnfreezingHook([(0, 1)])
    encoder = Qwen3VLBackbone(SIZES)
    with pytest.raises(ConfigError, match='optimiser'):
        hook.before_train(Fixed(encoder, parameters=list(encoder.parameters())[1:]))
    with pytest.raises(ConfigError, match='not Linear'):
        hook.before_train(Fixed(nn.Linear(2, 2)))
    with pytest.raises(ConfigError, match='frozen_stages 9'):
        GradualUnfreezingHook([(0, 9)]).before_train(Fixed(Qwen3VLBackbone(SIZES)))
