"""The configs with MMEngine's own Runner, as a notebook or another package's train.py builds it: none of our tools."""

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from aurora_mm.errors import ConfigError
from aurora_mm.phantoms import make_dataset
from aurora_mm.tasks import TaskTable
from tests.fixtures.checkpoints import REPO, SIZES

DEMO = Config.fromfile(REPO / 'configs/aurora_fmc_demo.py')
# A child config with hooks of its own, which take the place of the base's list.
CHILD = f"""
_base_ = '{REPO}/configs/aurora_fmc_demo.py'
model = dict(backbone=dict(_delete_=True, type='Qwen3VLBackbone', preset={SIZES}))
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    batch_sampler=dict(num_batches=2, policy=dict(_delete_=True, type='LossAwarePolicy')),
    dataset=dict(data_root='DATA'),
)
val_dataloader = val_evaluator = val_cfg = None
train_cfg = dict(max_epochs=2)
param_scheduler = []
optim_wrapper = dict(optimizer=dict(fused=None))
custom_hooks = [dict(type='mmdet.CheckInvalidLossHook', interval=1)]
"""


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A root with four of the challenge's 27 tasks."""
    table = TaskTable(DEMO.tasks)
    out = tmp_path_factory.mktemp('plain') / 'data'
    make_dataset(out, TaskTable([table[name] for name in ('lung', 'organ_cls', 'thyroid_nodule_det', 'FUGC')]), 5)
    return out


@pytest.fixture
def config(data, tmp_path):
    """The child config, with lines added."""

    def read(lines='', data=data):
        file = tmp_path / 'child.py'
        file.write_text(CHILD.replace('DATA', str(data)) + lines)
        cfg = Config.fromfile(file)
        cfg.work_dir = str(tmp_path / 'work')
        cfg.experiment_name = f'plain_{tmp_path.name}'
        return cfg

    return read


def test_sampling_adapts_in_a_child_config_with_hooks_of_its_own(config):
    runner = Runner.from_cfg(config())
    runner.train()
    sampler = runner.train_dataloader.batch_sampler
    assert all(task.loss is not None for task in sampler.progress.values())
    assert sum(runner.message_hub.get_info('images_drawn').values()) == 2 * 2 * 2
    assert max(sampler.probabilities().values()) > 0.5  # the landmarks', whose loss counts 300 times
    assert any(type(hook).__name__ == 'CheckInvalidLossHook' for hook in runner.hooks)


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        (
            "default_hooks = dict(_delete_=True, logger=dict(type='LoggerHook'))",
            r'LossAwarePolicy does not know where the run stands: add default_hooks=dict\(multi_task=',
        ),
        ("custom_hooks = [dict(type='MultiTaskHook')]", 'MultiTaskHook is there twice'),
        ("tasks = [dict(name='lung', type='detection', classes=['x'])]", r"the config's tasks are .*resolve_config"),
        ('img_size = 64', r'img_size is 64, but FitToSize in the pipelines says 128 x 128'),
    ],
)
def test_what_is_missing_is_said_before_the_first_step(config, lines, message):
    runner = Runner.from_cfg(config(lines))
    with pytest.raises(ConfigError, match=message):
        runner.train()
    assert runner.iter == 0


def test_tasks_that_only_the_data_knows_are_refused(config, generated):
    runner = Runner.from_cfg(config(data=generated))
    with pytest.raises(ConfigError, match=r'tasks that the model was not built for .*organs'):
        runner.train()
