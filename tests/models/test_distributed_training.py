"""Two processes train one model as one process does, whatever tasks each of them holds."""

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import nn

from aurora_mm.engine import GradientSurgeryOptimWrapper
from aurora_mm.errors import AuroraError
from aurora_mm.models import MultiTaskModel
from tests.models.conftest import CLS, DET, POINTS, SEG, SEG2, make_sample
from tests.models.test_multi_task_model import config

# What each rank holds, step by step. In most steps a rank has nothing of some type.
STEPS = [([SEG, CLS], [DET, POINTS]), ([SEG, SEG2], [SEG, SEG]), ([CLS, CLS], [POINTS, DET])]


def batch(tasks, seed, spoil=False):
    inputs = torch.randn(len(tasks), 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    samples = [make_sample(task) for task in tasks]
    if spoil:
        inputs[0] = torch.nan
    return dict(inputs=inputs, data_samples=samples)


def start(surgery, wrap=lambda model: model):
    torch.manual_seed(0)
    model = MultiTaskModel(**config(balancer=dict(type='aurora_mm.FAMOLossBalancer', lr=0.5), max_nonfinite=2))
    for module in model.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d)):
            module.p = 0.0
    model = wrap(model).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    if surgery:
        return model, GradientSurgeryOptimWrapper(optimizer, combiner=dict(type='aurora_mm.PCGradCombiner'))
    return model, OptimWrapper(optimizer, clip_grad=dict(max_norm=1.0))


def state(model):
    return {name.removeprefix('module.'): value.clone() for name, value in model.state_dict().items()}


def train_two_ways(rank, folder, queue):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    queue.put((rank, [train(rank, surgery) for surgery in (False, True)]))
    dist.barrier()
    dist.destroy_process_group()


def train(rank, surgery):
    """The state after some good steps, that after one with a bad image, and the message of a third bad one."""
    model, wrapper = start(surgery, lambda m: MMDistributedDataParallel(m, find_unused_parameters=True))
    for i, tasks in enumerate(STEPS):
        model.train_step(batch(tasks[rank], 10 * i + rank), wrapper)
    clean = state(model)
    # A bad image on one rank, that rank's only one; then one on each, which is one too many.
    model.train_step(batch([CLS], 50 + rank, spoil=rank == 1), wrapper)
    spoilt = state(model)
    with pytest.raises(AuroraError) as error:
        model.train_step(batch([SEG, DET], 60 + rank, spoil=True), wrapper)
    return *({name: value.numpy() for name, value in s.items()} for s in (clean, spoilt)), str(error.value)


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    """What both ranks ended with, first by plain DDP, then with gradient surgery."""
    queue = mp.get_context('spawn').Queue()
    context = mp.spawn(train_two_ways, args=(tmp_path_factory.mktemp('ranks'), queue), nprocs=2, join=False)
    results = dict(queue.get(timeout=180) for _ in range(2))
    while not context.join():
        pass
    return [results[0], results[1]]


@pytest.mark.parametrize('surgery', [False, True], ids=['ddp', 'surgery'])
def test_two_processes_train_as_one(ranks, surgery):
    model, wrapper = start(surgery)
    for i, (first, second) in enumerate(STEPS):
        parts = [batch(first, 10 * i), batch(second, 10 * i + 1)]
        inputs = torch.cat([part['inputs'] for part in parts])
        model.train_step(dict(inputs=inputs, data_samples=parts[0]['data_samples'] + parts[1]['data_samples']), wrapper)
    expected = state(model)
    for clean, _, _ in (rank[surgery] for rank in ranks):
        assert clean.keys() == expected.keys()
        for name, value in clean.items():  # weights, running means, and the balancer's state
            torch.testing.assert_close(torch.from_numpy(value), expected[name], rtol=1e-4, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize('surgery', [False, True], ids=['ddp', 'surgery'])
def test_a_bad_image_of_one_rank_spoils_none(ranks, surgery):
    (_, first, _), (_, second, _) = (rank[surgery] for rank in ranks)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
        if name not in ('tracker.ema', 'balancer.before'):  # NaN for tasks not met
            assert np.isfinite(value).all(), name
    assert first['guard.skipped'].sum() == 1


def test_too_many_bad_images_stop_all_ranks_with_one_message(ranks):
    messages = {message for rank in ranks for _, _, message in rank}
    assert len(messages) == 1
    message = messages.pop()
    assert message.count("'seg' is not finite") == 2
    assert '3 losses left out; a run bears 2' in message
