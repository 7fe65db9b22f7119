"""The config that shards its encoder trains, saves, resumes and tests with its own parts, on two processes."""

import os

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.hooks import Hook
from mmengine.runner import FlexibleRunner, Runner

from aurora_mm.apis import adopt_checkpoint, load_weights, resolve_config
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


def train_twice(rank, folder, data):
    """An unbroken run, and one that is resumed from its first epoch."""
    torch.set_num_threads(1)
    os.environ['LOCAL_RANK'] = str(rank)  # as torchrun does
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    for name, resume in (('unbroken', None), ('resumed', folder / 'unbroken/epoch_1.pth')):
        cfg = resolve_config(read_small(folder / name), str(data))
        if resume is not None:
            cfg.resume, cfg.load_from = True, str(resume)
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
    mp.spawn(train_twice, args=(tmp_path, generated), nprocs=2)
    checkpoint = tmp_path / 'unbroken/epoch_2.pth'
    unbroken = state(checkpoint)
    assert_same(unbroken, state(tmp_path / 'resumed/epoch_2.pth'))
    assert unbroken['state_dict']['tracker.seen'].sum() == 2 * 2 * 2 * 2  # ranks, epochs, batches, images
    start = state(tmp_path / 'unbroken/epoch_1.pth')['state_dict']
    moved = {name for name, tensor in unbroken['state_dict'].items() if not torch.equal(tensor, start[name])}
    assert any(name.startswith('backbone.blocks.0.') for name in moved)

    # One process that is not sharded goes on from the same file, with the images of both ranks.
    cfg = resolve_config(read_small(tmp_path / 'one'), str(generated))
    cfg.runner_type, cfg.strategy = 'Runner', None
    cfg.resume, cfg.load_from = True, str(tmp_path / 'unbroken/epoch_1.pth')
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
    runner = Runner.from_cfg(adopt_checkpoint(cfg, checkpoint, str(generated)))
    load_weights(runner.model, [checkpoint])
    scores = runner.test()
    assert all(0 <= scores[f'{task}/primary'] <= 1 for task in TASKS)
