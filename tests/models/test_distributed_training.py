"""Two processes train one model as one process does, whatever tasks each of them holds."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from aurora_mm.engine import (
    AccumulatingOptimWrapper,
    GradientSurgeryOptimWrapper,
    ReproducibleEpochHook,
    ShardedOptimWrapper,
    shard_blocks,
)
from aurora_mm.errors import AuroraError
from aurora_mm.models import MultiTaskModel
from aurora_mm.models.utils.sharded_tensors import whole
from aurora_mm.models.utils.unwrap_model import unwrap_model
from tests.models.conftest import CLS, DET, POINTS, SEG, SEG2, make_image
from tests.models.test_multi_task_model import config

# The tasks of each rank's images, step by step. In most steps a rank has nothing of some type; in the first, one image
# brings as many labels as the other three together.
STEPS = [
    ([(SEG, SEG2, CLS), (CLS,)], [(DET,), (POINTS,)]),
    ([(SEG,), (SEG2,)], [(SEG,), (SEG,)]),
    ([(CLS,), (CLS,)], [(POINTS,), (DET,)]),
]
FAMO = dict(type='aurora_mm.FAMOLossBalancer', lr=0.5)
SELECTIVE = dict(type='aurora_mm.SelectiveLossBalancer')  # as published, with parameters of its own
LEVELLED = dict(type='aurora_mm.GradientNormBalancer', interval=2)
BALANCERS = dict(ddp=FAMO, surgery=LEVELLED, fsdp=SELECTIVE, second=SELECTIVE)

WAYS = ('ddp', 'surgery', 'fsdp', 'second')
# The second stage: the encoder frozen, so that a rank whose images are all bad has nothing else to go back through.
SECOND = dict(own_heads=True, adapter=dict(type='aurora_mm.TaskFiLM'), frozen=['backbone', 'necks'])


def batch(tasks, seed, spoil=False):
    inputs = torch.randn(len(tasks), 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    samples = [make_image(*names) for names in tasks]
    if spoil:
        inputs[0] = torch.nan
    return dict(inputs=inputs, data_samples=samples)


def joined(step):
    """Both ranks' batches of a step as one."""
    first, second = (batch(tasks, 10 * step + rank) for rank, tasks in enumerate(STEPS[step]))
    return dict(
        inputs=torch.cat([first['inputs'], second['inputs']]),
        data_samples=first['data_samples'] + second['data_samples'],
    )


def start(way, wrap=lambda model: model):
    torch.manual_seed(0)
    changes = SECOND if way == 'second' else {}
    model = MultiTaskModel(**config(balancer=BALANCERS[way], max_nonfinite=2, **changes))
    for module in model.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d)):
            module.p = 0.0
    model = wrap(model).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    unwrap_model(model).connect(optimizer)
    if way == 'surgery':
        return model, GradientSurgeryOptimWrapper(optimizer, combiner=dict(type='aurora_mm.PCGradCombiner'))
    if way == 'fsdp' and dist.is_initialized():
        return model, ShardedOptimWrapper(optimizer, clip_grad=dict(max_norm=0.1))
    return model, OptimWrapper(optimizer, clip_grad=dict(max_norm=0.1))


def state(model):
    return {name.removeprefix('module.'): whole(value).clone() for name, value in model.state_dict().items()}


def train_two_ways(rank, folder, queue):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    model, _ = start('ddp', lambda model: wrap(model, 'ddp'))
    accumulated = accumulate(model, [batch(STEPS[i][rank], 10 * i + rank) for i in ACCUMULATED])
    queue.put(
        (rank, {way: train(rank, way) for way in WAYS}, {name: value.numpy() for name, value in accumulated.items()})
    )
    dist.barrier()
    dist.destroy_process_group()


def wrap(model, way):
    if way != 'fsdp':
        return MMDistributedDataParallel(model, find_unused_parameters=True)
    sharded = shard_blocks(model, init_device_mesh('cpu', (2,)))
    assert all(isinstance(block, FSDPModule) for block in sharded.backbone.blocks)
    assert all(isinstance(p, DTensor) for p in sharded.backbone.blocks.parameters())
    assert not any(isinstance(p, DTensor) for p in sharded.heads.parameters())
    return sharded


def train(rank, way):
    """The state after some good steps, that after one with a bad image, and the message of a third bad one."""
    model, wrapper = start(way, lambda model: wrap(model, way))
    for i, tasks in enumerate(STEPS):
        model.train_step(batch(tasks[rank], 10 * i + rank), wrapper)
    clean = state(model)
    # A bad image on one rank, that rank's only one; then one on each, which is one too many.
    model.train_step(batch([(CLS,)], 50 + rank, spoil=rank == 1), wrapper)
    unwrap_model(model).guard.report()
    spoilt = state(model)
    model.train_step(batch([(SEG,), (DET,)], 60 + rank, spoil=True), wrapper)
    with pytest.raises(AuroraError) as error:
        unwrap_model(model).guard.report()
    return *({name: value.numpy() for name, value in s.items()} for s in (clean, spoilt)), str(error.value)


def accumulate(model, batches):
    """Two epochs of three steps with an update every two; the run is broken off and resumed between them."""
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    unwrap_model(model).connect(optimizer)
    wrapper = AccumulatingOptimWrapper(optimizer, accumulative_counts=2)
    for i, data in enumerate(batches, start=1):
        model.train_step(data, wrapper)
        if i == 3:
            runner = SimpleNamespace(optim_wrapper=wrapper, train_loop=SimpleNamespace(iter=i), epoch=0, max_epochs=2)
            ReproducibleEpochHook().after_train_epoch(runner)
            unwrap_model(model).tracker.share()
            saved = [copy.deepcopy((wrapper.state_dict(), unwrap_model(model).state_dict()))]
            if dist.is_initialized():
                dist.broadcast_object_list(saved)  # the first rank writes the checkpoint, and all read it
            wrapper = AccumulatingOptimWrapper(optimizer, accumulative_counts=2)
            wrapper.zero_grad()
            wrapper.load_state_dict(saved[0][0])
            unwrap_model(model).load_state_dict(saved[0][1])
            wrapper.initialize_count_status(model, i, 6)
    return state(model)


ACCUMULATED = (0, 1, 0, 2, 0, 1)  # a rank has nothing in the fourth step of what it had in the third


@pytest.fixture(scope='module')
def ranks(two_ranks, tmp_path_factory):
    """What both ranks ended with."""
    return sorted(two_ranks(train_two_ways, tmp_path_factory.mktemp('ranks')), key=lambda result: result[0])


@pytest.mark.parametrize('way', WAYS)
def test_two_processes_train_as_one(ranks, way):
    model, wrapper = start(way)
    for i in range(len(STEPS)):
        model.train_step(joined(i), wrapper)
    expected = state(model)
    for clean, _, _ in (trained[way] for _, trained, _ in ranks):
        assert clean.keys() == expected.keys()
        for name, value in clean.items():  # weights, running means, and the balancer's state
            torch.testing.assert_close(torch.from_numpy(value), expected[name], rtol=1e-4, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize('way', WAYS)
def test_a_bad_image_of_one_rank_spoils_none(ranks, way):
    (_, first, _), (_, second, _) = (trained[way] for _, trained, _ in ranks)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
        if name not in ('tracker.ema', 'balancer.before', 'balancer.squares'):  # NaN for tasks not met
            assert np.isfinite(value).all(), name
    assert first['guard.skipped'].sum() == 1


def test_too_many_bad_images_stop_all_ranks_with_one_message(ranks):
    messages = {message for _, trained, _ in ranks for _, _, message in trained.values()}
    assert len(messages) == 1
    message = messages.pop()
    assert message.count("'seg' is not finite on seg.png, seg.png") == 1
    assert '3 losses that are not finite; a run bears 2' in message


def test_an_accumulation_over_an_epochs_end_on_two_ranks_is_that_on_one(ranks):
    model, _ = start('ddp')
    expected = accumulate(model, [joined(i) for i in ACCUMULATED])
    assert expected['tracker.seen'].sum() == 6 * 4 + 3 * 2  # three times a step with two labels more
    for _, _, accumulated in ranks:
        for name, value in accumulated.items():
            torch.testing.assert_close(torch.from_numpy(value), expected[name], rtol=1e-4, atol=1e-6, equal_nan=True)
