from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub

from aurora_mm.datasets.samplers import TaskAwareBatchSampler
from aurora_mm.engine import MultiTaskHook
from aurora_mm.models.balancers import LossBalancer, TaskLossTracker
from aurora_mm.models.utils.nonfinite_guard import NonFiniteGuard
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import TaskTable

TASKS = TaskTable([dict(name=name, type='detection', classes=['lesion']) for name in ('a', 'b')])


@pytest.fixture
def runner(request):
    rows = dict(a=np.arange(6), b=np.arange(6, 8))
    dataset = SimpleNamespace(tasks=TASKS, indices_by_task=lambda: rows)
    sampler = SimpleNamespace(dataset=dataset, seed=0, epoch=0)
    tasks = list(TASKS.values())
    lines = []
    return SimpleNamespace(
        message_hub=MessageHub(request.node.name),
        train_dataloader=SimpleNamespace(
            batch_sampler=TaskAwareBatchSampler(sampler, 2, policy=dict(type='aurora_mm.ScoreGapPolicy', floor=0.0))
        ),
        model=SimpleNamespace(
            tracker=TaskLossTracker(tasks), balancer=LossBalancer(tasks), guard=NonFiniteGuard(tasks, limit=1)
        ),
        logger=SimpleNamespace(info=lines.append),
        lines=lines,
        epoch=0,
        train_loop=None,
    )


def test_scores_of_the_last_validation_reach_the_policy(runner):
    sampler = runner.train_dataloader.batch_sampler
    before = sampler.probabilities()
    runner.message_hub.update_scalar('val/a/primary', 0.1)
    runner.message_hub.update_scalar('val/a/primary', 0.9)
    MultiTaskHook().before_train_epoch(runner)
    assert sampler.progress['a'].score == 0.9
    assert sampler.progress['b'].score is None
    assert sampler.probabilities()['a'] < before['a'] / 2


def test_the_decks_places_are_kept_with_the_checkpoint(runner):
    sampler = runner.train_dataloader.batch_sampler
    hook = MultiTaskHook()
    hook.before_train_epoch(runner)
    first = list(sampler)
    hook.after_train_epoch(runner)
    saved = runner.message_hub.state_dict()
    assert sum(sampler.drawn.values()) == 2 * len(first)
    sampler.drawn = dict.fromkeys(sampler.drawn, 0)
    runner.message_hub = MessageHub('resumed')
    runner.message_hub.load_state_dict(saved)
    hook.before_train_epoch(runner)
    assert sum(sampler.drawn.values()) == 2 * len(first)


def test_the_table_tells_of_losses_left_out(runner):
    samples = [TaskDataSample(metainfo=dict(task='b', img_path='b.png'))]
    runner.model.guard.note(samples, torch.tensor([False]))
    MultiTaskHook().after_train_epoch(runner)
    row = next(line for line in runner.lines[0].splitlines() if line.startswith('│ b'))
    assert [cell.strip() for cell in row.strip('│').split('│')][:3] == ['b', '0', '1']
