from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub
from mmengine.runner import EpochBasedTrainLoop

from aurora_mm.engine import ResumeValidationHook
from aurora_mm.models import MultiTaskModel
from tests.engine.hooks.tiny_run import tiny_config, tiny_run

SCORES = [(0.5, 0.5, 0.5), (0.6, 0.6, 0.6), (0.4, 0.4, 0.4)]
SAVE_BEST = dict(checkpoint=dict(type='CheckpointHook', interval=1, save_best='seg/primary', rule='greater'))


class ValidationRunner:
    """A runner resumed after some epochs, that counts its validations."""

    def __init__(self, epoch, val_interval=2, validated=0, max_epochs=5):
        self.epoch, self.max_epochs = epoch, max_epochs
        self.train_loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop)
        self.train_loop.val_interval, self.train_loop.val_begin = val_interval, 1
        self.message_hub = MessageHub(f'validation-{id(self)}')
        self.message_hub.update_info('validated_epoch', validated)
        self.logger = SimpleNamespace(info=lambda message: None)
        self.val_loop = self
        self.hooks = []
        self.validations = 0

    def run(self):
        self.validations += 1


def validations(**kwargs):
    runner = ValidationRunner(**kwargs)
    ResumeValidationHook().before_train(runner)
    return runner.validations


def test_it_is_due_where_the_checkpoint_was_saved_before_it():
    assert validations(epoch=0) == 0  # a new run
    assert validations(epoch=2) == 1
    assert validations(epoch=3) == 0  # none was planned
    assert validations(epoch=2, validated=2) == 0  # the checkpoint of the best epoch is saved after validation
    assert validations(epoch=5) == 1  # the last epoch is always validated


def run(work_dir, scores, **kwargs):
    model = MultiTaskModel(**tiny_config())
    runner = tiny_run(
        work_dir.name,
        work_dir,
        model,
        scores,
        epochs=3,
        hooks=[ResumeValidationHook()],
        default_hooks=SAVE_BEST,
        **kwargs,
    )
    runner.train()
    return len(runner.val_evaluator.weights), runner


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp('validation') / 'unbroken'
    run(folder, SCORES)
    return folder


# MMEngine saves a checkpoint before the validation of its epoch, and once more after it if it was the best so far.
@pytest.mark.parametrize(('checkpoint', 'remaining'), [('epoch_1', 2), ('best_seg_primary_epoch_2', 1), ('epoch_3', 1)])
def test_a_resumed_run_makes_the_validations_that_are_missing(unbroken, tmp_path, checkpoint, remaining):
    file = str(unbroken / f'{checkpoint}.pth')
    made, runner = run(tmp_path / 'resumed', SCORES[3 - remaining :], resume=True, load_from=file)
    assert made == remaining
    assert runner.epoch == 3
