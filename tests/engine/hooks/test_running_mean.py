import pytest

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models import MultiTaskModel
from tests.engine.hooks.tiny_run import tiny_config, tiny_run

UP = [(0.1, 0.1, 0.1), (0.2, 0.1, 0.1)]
EXACT = [dict(type='ReproducibleEpochHook'), dict(type='ResumeValidationHook')]
EMA = dict(type='EMAHook', momentum=0.3)
HOOKS = dict(default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)))


def run(folder, hooks, **kwargs):
    return tiny_run('run', folder, MultiTaskModel(**tiny_config()), UP, epochs=2, hooks=hooks, **HOOKS, **kwargs)


@pytest.mark.parametrize(
    ('hooks', 'message'),
    [
        ([EMA, EMA], 'EMAHook is there 2 times'),
        ([EMA | dict(begin_epoch=3)], 'EMAHook has begin_epoch=3, and the training ends with epoch 2'),
        ([EMA | dict(begin_iter=9)], 'EMAHook has begin_iter=9, and the training ends with iter 2'),
        ([EMA | dict(interval=0)], 'interval of EMAHook must be 1 or more, not 0'),
    ],
)
def test_a_hook_that_cannot_work(tmp_path, hooks, message):
    with pytest.raises(ConfigError, match=message):
        run(tmp_path, [*hooks, *EXACT]).train()


def test_a_mean_is_not_taken_for_the_weights_of_the_last_step(tmp_path):
    run(tmp_path, [EMA | dict(begin_epoch=2)]).train()
    resumed = dict(resume=True, load_from=str(tmp_path / 'epoch_1.pth'))
    with pytest.raises(WeightsError, match=r'its weights are a running mean .* Add the hook to custom_hooks'):
        run(tmp_path / 'again', [], **resumed).train()
    run(tmp_path / 'with', [EMA], **resumed).train()
