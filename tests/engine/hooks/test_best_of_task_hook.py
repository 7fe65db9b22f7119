import pytest
import torch

from aurora_mm.engine import BestOfTaskHook, ReproducibleEpochHook, ResumeValidationHook
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models import MultiTaskModel
from tests.engine.hooks.tiny_run import TASKS, tiny_config, tiny_run
from tests.models.conftest import SEG2

SPECIALISED = dict(own_heads=True, frozen=['backbone', 'necks'], adapter=dict(type='aurora_mm.TaskFiLM'))
# By validation, the first of what the run starts with: seg is never as good again, cls is once and once more.
SCORES = [(0.5, 0.4, 0.3), (0.1, 0.9, 0.2), (0.2, 0.8, 0.3), (0.3, 0.9, 0.6)]
BEST = dict(seg=0, cls=1, points=3)


def build(**changes):
    torch.manual_seed(0)
    return MultiTaskModel(**tiny_config(**SPECIALISED | changes))


def start(work_dir, scores=SCORES, ema=False, name='run', **kwargs):
    hooks = [ReproducibleEpochHook(), ResumeValidationHook(), BestOfTaskHook()]
    if ema:
        hooks.append(dict(type='EMAHook', momentum=0.3))
    return tiny_run(name, work_dir, build(), scores, hooks=hooks, **kwargs)


def load(file):
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize('ema', [False, True])
def test_the_closing_checkpoint_holds_each_tasks_best(tmp_path, ema):
    runner = start(tmp_path, ema=ema)
    runner.train()
    closing, scored = load(tmp_path / 'best_of_tasks.pth'), runner.val_evaluator.weights
    assert len(scored) == len(SCORES)
    assert closing['state_dict'].keys() == scored[0].keys()
    for name, tensor in closing['state_dict'].items():
        part, task = name.split('.')[:2]
        if part in ('heads', 'adapters'):
            assert torch.equal(tensor, scored[BEST[task]][name])
            assert not any(torch.equal(tensor, scored[i][name]) for i in range(4) if i != BEST[task] and tensor.any())
        elif part in ('backbone', 'necks'):
            assert torch.equal(tensor, scored[0][name])
    assert closing['meta']['best_of_task'] == {
        name: dict(first=SCORES[0][i], score=SCORES[epoch][i], epoch=epoch)
        for i, (name, epoch) in enumerate(BEST.items())
    }
    assert not {'optimizer', 'ema_state_dict', 'best_of_task'} & closing.keys()


def test_a_resumed_run_closes_with_the_same(tmp_path):
    start(tmp_path / 'unbroken', name='unbroken').train()
    checkpoint = str(tmp_path / 'unbroken' / 'epoch_1.pth')
    # Saved before the validation of its epoch, which the resumed run begins with.
    runner = start(tmp_path / 'resumed', SCORES[1:], name='resumed', resume=True, load_from=checkpoint)
    runner.train()
    assert len(runner.val_evaluator.weights) == 3
    unbroken, resumed = (load(tmp_path / name / 'best_of_tasks.pth') for name in ('unbroken', 'resumed'))
    assert all(torch.equal(tensor, resumed['state_dict'][name]) for name, tensor in unbroken['state_dict'].items())
    assert unbroken['meta']['best_of_task'] == resumed['meta']['best_of_task']


def test_a_checkpoint_without_the_best_so_far_is_not_resumed(tmp_path):
    tiny_run('plain', tmp_path, build(), SCORES, epochs=1).train()
    with pytest.raises(WeightsError, match='saved without'):
        start(tmp_path, resume=True, load_from=str(tmp_path / 'epoch_1.pth')).train()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(frozen=['backbone']), r'shared, as necks\.pyramid'),
        (dict(own_heads=False, tasks=[*TASKS, SEG2]), r'shared, as heads\.segmentation'),
    ],
)
def test_tasks_that_share_weights_are_refused(tmp_path, changes, message):
    runner = tiny_run('shared', tmp_path, build(**changes), SCORES, hooks=[BestOfTaskHook()])
    with pytest.raises(ConfigError, match=message):
        runner.train()
