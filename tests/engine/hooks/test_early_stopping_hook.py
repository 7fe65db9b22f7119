"""A resumed run stops after the same epoch, with the same weights, as one that was never broken off."""

import pytest
import torch

from aurora_mm.engine import ReproducibleEpochHook, ResumeValidationHook
from aurora_mm.models import MultiTaskModel
from tests.engine.hooks.tiny_run import tiny_config, tiny_run

# Two validations without gain come after the second and third: the run stops after epoch 4 of 6.
SCORES = [(score, 0.5, 0.5) for score in (0.5, 0.6, 0.6, 0.59, 0.6, 0.6)]
SAVE_BEST = dict(checkpoint=dict(type='CheckpointHook', interval=1, save_best='seg/primary', rule='greater'))


def train(work_dir, scores=SCORES, patience=2, **kwargs):
    torch.manual_seed(0)
    hooks = [
        ReproducibleEpochHook(),
        ResumeValidationHook(),
        dict(type='EMAHook', momentum=0.3),
        dict(type='EarlyStoppingHook', monitor='seg/primary', rule='greater', min_delta=0.01, patience=patience),
    ]
    model = MultiTaskModel(**tiny_config())
    runner = tiny_run(work_dir.name, work_dir, model, scores, epochs=6, hooks=hooks, default_hooks=SAVE_BEST, **kwargs)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp('stopping') / 'unbroken'
    assert train(folder).epoch == 4
    return folder


# Checkpoints are saved before the validation of their epoch, and once more after it if it was the best so far.
@pytest.mark.parametrize(
    ('checkpoint', 'validated'), [('epoch_1', 1), ('best_seg_primary_epoch_2', 2), ('epoch_3', 2), ('epoch_4', 3)]
)
def test_resumed_from_any_checkpoint_it_stops_where_it_would_have(unbroken, tmp_path, checkpoint, validated):
    file = str(unbroken / f'{checkpoint}.pth')
    runner = train(tmp_path / 'resumed', scores=SCORES[validated:], resume=True, load_from=file)
    assert runner.epoch == 4
    if checkpoint in ('epoch_1', 'epoch_3'):  # the best epoch's has no optimiser, the last one's nothing left to train
        ended, expected = (torch.load(f / 'epoch_4.pth', weights_only=False) for f in (tmp_path / 'resumed', unbroken))
        for kind in ('state_dict', 'ema_state_dict'):
            assert all(torch.equal(tensor, ended[kind][name]) for name, tensor in expected[kind].items())


def test_a_run_that_had_stopped_goes_on_only_with_more_patience(tmp_path):
    scores = [*SCORES[:3], (0.605, 0.5, 0.5), *SCORES[4:]]  # a best epoch, though not by min_delta
    assert train(tmp_path / 'unbroken', scores).epoch == 4
    file = str(tmp_path / 'unbroken' / 'best_seg_primary_epoch_4.pth')
    assert train(tmp_path / 'same', (), resume=True, load_from=file).epoch == 4
    assert train(tmp_path / 'more', scores[4:], patience=4, resume=True, load_from=file).epoch == 6
