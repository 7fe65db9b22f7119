"""The config that shards its encoder trains, saves, resumes and tests with its own parts, on two processes."""

import os

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.hooks import Hook
from mmengine.runner import FlexibleRunner, Runner

from aurora_mm.apis import adopt_checkpoint, load_weights, resolve_config
from aurora_mm.checkpoints import load_checkpoint_file
from aurora_mm.models import SelectiveLossBalancer
from aurora_mm.models.utils.sharded_tensors import is_sharded
from tests.fixtures.checkpoints import TASKS
from tests.test_shipped_configs import assert_same, read, state

pytestmark = pytest.mark.slow


def read_small(work_dir):
    cfg = read('aurora_fmc_32b', work_dir)
    cfg.model.heads.classification.hidden_channels = 32
    cfg.model.heads.landmark.hidden_channels = 32
    return cfg


RUNS = {  # by name: the checkpoint that it goes on from, and whether its own are sharded
    'unbroken': (None, False),
    'resumed': ('unbroken/epoch_1.pth', False),
    'shards': (None, True),
    'resumed_shards': ('shards/epoch_1.pth', True),
}


def train(rank, folder, data):
    """Unbroken runs, and runs that are resumed from their first epoch."""
    torch.set_num_threads(1)
    os.environ['LOCAL_RANK'] = str(rank)  # as torchrun does
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    for name, (resume, sharded_checkpoints) in RUNS.items():
        cfg = resolve_config(read_small(folder / name), str(data))
        cfg.strategy.sharded_checkpoints = sharded_checkpoints
        if resume is not None:
            cfg.resume, cfg.load_from = True, str(folder / resume)
        runner = FlexibleRunner.from_cfg(cfg)
        runner.train()
        assert is_sharded(runner.model)
        assert isinstance(runner.model.balancer, SelectiveLossBalancer)
        dist.barrier()
    dist.destroy_process_group()


class Loaded(Hook):
    """Keeps what a resumed run begins with."""

    def before_train(self, runner):
        self.weights = {name: tensor.clone() for name, tensor in runner.model.state_dict().items()}
        state = runner.optim_wrapper.state_dict()['state']
        self.moments = {key: values['exp_avg'].clone() for key, values in state.items()}


def test_the_sharded_config_trains_saves_resumes_and_tests(generated, tmp_path):
    mp.spawn(train, args=(tmp_path, generated), nprocs=2)
    checkpoint = tmp_path / 'unbroken/epoch_2.pth'
    unbroken = state(checkpoint)
    assert_same(unbroken, state(tmp_path / 'resumed/epoch_2.pth'))
    assert unbroken['state_dict']['tracker.seen'].sum() == 2 * 2 * 2 * 2  # ranks, epochs, batches, images
    start = state(tmp_path / 'unbroken/epoch_1.pth')['state_dict']
    moved = {name for name, tensor in unbroken['state_dict'].items() if not torch.equal(tensor, start[name])}
    assert any(name.startswith('backbone.blocks.0.') for name in moved)

    # Each rank wrote its part of the blocks, which read as the whole files do.
    for run in ('shards', 'resumed_shards'):
        assert_same(unbroken, load_checkpoint_file(tmp_path / run / 'epoch_2.pth'))
    file = torch.load(tmp_path / 'shards/epoch_2.pth', weights_only=True)
    assert not any(name.startswith('backbone.blocks.') for name in file['state_dict'])
    assert 'heads' in str(file['state_dict'].keys())

    # One process that is not sharded goes on from the same file, with the images of both ranks.
    cfg = resolve_config(read_small(tmp_path / 'one'), str(generated))
    cfg.runner_type, cfg.strategy = 'Runner', None
    cfg.resume, cfg.load_from = True, str(tmp_path / 'shards/epoch_1.pth')
    runner = Runner.from_cfg(cfg)
    loaded = Loaded()
    runner.register_hook(loaded)
    runner.train()
    assert all(torch.equal(tensor.nan_to_num(), start[name].nan_to_num()) for name, tensor in loaded.weights.items())
    moments = state(tmp_path / 'unbroken/epoch_1.pth')['optimizer']['state']
    assert moments.keys() == loaded.moments.keys()
    assert all(torch.equal(values['exp_avg'], loaded.moments[key]) for key, values in moments.items())
    alone = state(tmp_path / 'one/epoch_2.pth')
    assert alone['meta']['iter'] == unbroken['meta']['iter']
    assert torch.equal(alone['state_dict']['tracker.seen'], unbroken['state_dict']['tracker.seen'])

    cfg = read_small(tmp_path / 'test')
    cfg.runner_type, cfg.strategy = 'Runner', None
    sharded = tmp_path / 'shards/epoch_2.pth'
    runner = Runner.from_cfg(adopt_checkpoint(cfg, sharded, str(generated)))
    load_weights(runner.model, [sharded])
    scores = runner.test()
    assert all(0 <= scores[f'{task}/primary'] <= 1 for task in TASKS)
