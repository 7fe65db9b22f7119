import shutil
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.checkpoints import CHECKSUMS, load_checkpoint_file
from aurora_mm.engine import CheckpointHook
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.files import whole_file
from aurora_mm.models import MultiTaskModel
from tests.engine.hooks.tiny_run import tiny_config, tiny_run

UP = [(0.1, 0.1, 0.1), (0.2, 0.1, 0.1), (0.3, 0.1, 0.1), (0.4, 0.1, 0.1)]
EXACT = [dict(type='ReproducibleEpochHook'), dict(type='ResumeValidationHook')]
EMA = dict(type='EMAHook', momentum=0.3)
KEEP_ONE = dict(interval=1, max_keep_ckpts=1, save_best='seg/primary', rule='greater')


def run(folder, scores=UP[:2], epochs=2, hooks=(EMA,), checkpoint=KEEP_ONE, **kwargs):
    model = MultiTaskModel(**tiny_config())
    default = dict(default_hooks=dict(checkpoint=dict(type='CheckpointHook', **checkpoint)))
    return tiny_run('run', folder, model, scores, epochs=epochs, hooks=hooks, **default, **kwargs)


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir() if path.is_file() and path.suffix != '.py')


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('checkpoints') / 'run'
    run(folder).train()
    return folder


def test_configs_here_get_this_one(trained):
    hooks = run(trained.parent / 'other').hooks
    assert [type(hook) for hook in hooks if 'CheckpointHook' in type(hook).__name__] == [CheckpointHook]


def test_a_checkpoint_is_plain_and_has_a_checksum_of_every_part(trained):
    content = torch.load(trained / 'epoch_2.pth', weights_only=True)
    parts = {'meta', 'state_dict', 'ema_state_dict', 'message_hub', 'optimizer'}
    assert parts <= content.keys()
    assert content[CHECKSUMS].keys() == content.keys() - {CHECKSUMS}
    assert load_checkpoint_file(trained / 'epoch_2.pth').keys() == content.keys() - {CHECKSUMS}


def test_a_resumed_run_ends_as_an_unbroken_one(tmp_path):
    settings = dict(epochs=3, hooks=[EMA, *EXACT], checkpoint=dict(interval=1))
    run(tmp_path, UP[:3], **settings).train()
    run(tmp_path / 'again', UP[1:3], **settings, resume=True, load_from=str(tmp_path / 'epoch_2.pth')).train()
    first, second = (load_checkpoint_file(folder / 'epoch_3.pth') for folder in (tmp_path, tmp_path / 'again'))
    for part in ('state_dict', 'ema_state_dict'):
        assert same(first[part], second[part])
    loss = [content['message_hub']['log_scalars']['train/loss'].data[0].tolist() for content in (first, second)]
    assert loss[0] == loss[1]


def test_only_what_is_wanted_is_left(trained):
    assert names(trained) == ['best_seg_primary_epoch_2.pth', 'epoch_2.pth', 'last_checkpoint']


def test_the_last_good_checkpoints_outlive_one_that_cannot_be_written(tmp_path, monkeypatch):
    """MMEngine removes the oldest before it writes the newest: with max_keep_ckpts=1, the only one."""
    runner = run(tmp_path, UP, epochs=3)
    save = Runner.save_checkpoint

    def full(self, out_dir, filename, *args, **kwargs):
        if '3' in filename:
            assert 'epoch_2.pth' in names(tmp_path)
            raise OSError(28, 'No space left on device')
        save(self, out_dir, filename, *args, **kwargs)

    monkeypatch.setattr(Runner, 'save_checkpoint', full)
    with pytest.raises(OSError, match='No space left'):
        runner.train()
    assert names(tmp_path) == ['best_seg_primary_epoch_2.pth', 'epoch_2.pth', 'last_checkpoint']
    assert (tmp_path / 'last_checkpoint').read_text().endswith('epoch_2.pth')


def test_the_best_outlives_a_better_one_that_cannot_be_written(tmp_path, monkeypatch):
    runner = run(tmp_path, UP, epochs=3)
    save = Runner.save_checkpoint

    def full(self, out_dir, filename, *args, **kwargs):
        if filename == 'best_seg_primary_epoch_3.pth':
            raise OSError(28, 'No space left on device')
        save(self, out_dir, filename, *args, **kwargs)

    monkeypatch.setattr(Runner, 'save_checkpoint', full)
    with pytest.raises(OSError, match='No space left'):
        runner.train()
    assert 'best_seg_primary_epoch_2.pth' in names(tmp_path)


def test_a_best_checkpoint_that_is_written_anew_stays(trained, tmp_path):
    """The validation of the checkpoint's epoch is made up for, and finds the same epoch to be the best, again."""
    folder = shutil.copytree(trained, tmp_path / 'run')
    content = load_checkpoint_file(folder / 'epoch_2.pth')
    assert content['message_hub']['runtime_info']['best_ckpt'].endswith('best_seg_primary_epoch_2.pth')
    runner = run(folder, [(0.9, 0.1, 0.1)], epochs=2, resume=True, load_from=str(folder / 'epoch_2.pth'))
    runner.call_hook('before_run')
    runner.load_or_resume()
    runner.call_hook('before_train')
    runner.train_loop._epoch = 2
    runner.call_hook('after_val_epoch', metrics={'seg/primary': 0.9})
    assert 'best_seg_primary_epoch_2.pth' in names(folder)


def test_a_copied_run_touches_nothing_of_the_first(trained, tmp_path):
    """Its best checkpoint is the one in its own folder: that one is replaced, and the first run's stays."""
    copy = shutil.copytree(trained, tmp_path / 'copy')
    before = names(trained)
    run(copy, UP[2:], epochs=4, resume=True, load_from=str(copy / 'epoch_2.pth')).train()
    assert names(trained) == before
    assert names(copy) == ['best_seg_primary_epoch_4.pth', 'epoch_4.pth', 'last_checkpoint']


def test_several_best_checkpoints(tmp_path):
    two = dict(interval=1, save_best=['seg/primary', 'cls/primary'], rule='greater', max_keep_ckpts=1)
    run(tmp_path, [(0.1, 0.5, 0.1), (0.2, 0.4, 0.1)], checkpoint=two).train()
    best = ['best_cls_primary_epoch_1.pth', 'best_seg_primary_epoch_2.pth']
    assert names(tmp_path) == [*best, 'epoch_2.pth', 'last_checkpoint']
    copy = shutil.copytree(tmp_path, tmp_path.parent / 'copy')
    last = str(copy / 'epoch_2.pth')
    run(copy, [(0.1, 0.6, 0.1)], epochs=3, checkpoint=two, resume=True, load_from=last).train()
    assert names(tmp_path) == [*best, 'epoch_2.pth', 'last_checkpoint']
    assert names(copy)[:2] == ['best_cls_primary_epoch_3.pth', 'best_seg_primary_epoch_2.pth']


def test_what_a_killed_run_left_half_written_goes(tmp_path):
    tmp_path.joinpath('run').mkdir()
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / 'run' / 'epoch_9.pth') as partial:
        kept = shutil.copy(partial, partial.with_name('.epoch_9.pth.0123.partial'))
        raise KeyboardInterrupt
    run(tmp_path / 'run', UP[:1], epochs=1).train()
    assert not Path(kept).exists()


def test_another_optimiser_is_refused(trained, tmp_path):
    runner = run(tmp_path, resume=True, load_from=str(trained / 'epoch_2.pth'))
    runner.optim_wrapper['paramwise_cfg'] = dict(bias_lr_mult=2.0)  # a group for each tensor
    with pytest.raises(WeightsError, match=r'cannot be resumed with this config: its optimiser has .* in 1 groups'):
        runner.train()


def test_another_number_of_schedulers_is_refused(trained, tmp_path):
    runner = run(tmp_path, resume=True, load_from=str(trained / 'epoch_2.pth'))
    runner.param_schedulers = [*(runner.param_schedulers or []), dict(type='ConstantLR', factor=0.5)]
    with pytest.raises(WeightsError, match=r'cannot be resumed with this config: .* \d schedulers, .* has \d'):
        runner.train()


def test_a_hook_that_would_change_a_sealed_checkpoint_is_refused(tmp_path):
    class Late(Hook):
        priority = 'LOWEST'

        def before_save_checkpoint(self, runner, checkpoint):
            checkpoint['more'] = 1

    with pytest.raises(ConfigError, match='Late would change a checkpoint after its checksums were taken'):
        run(tmp_path, hooks=[Late()]).train()


def test_a_config_that_no_checkpoint_can_keep_is_refused_before_training(tmp_path):
    runner = run(tmp_path)
    runner.cfg.thing = int
    with pytest.raises(ConfigError, match='a checkpoint keeps the config as plain values, but'):
        runner.train()
    assert not (tmp_path / 'epoch_1.pth').exists()


def test_a_damaged_checkpoint_is_not_resumed(trained, tmp_path):
    data = bytearray((trained / 'epoch_2.pth').read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / 'x.pth').write_bytes(data)
    with pytest.raises(WeightsError, match=r'x\.pth'):
        run(tmp_path / 'run', resume=True, load_from=str(tmp_path / 'x.pth')).train()


def test_a_best_score_that_the_validation_does_not_give(tmp_path):
    with pytest.raises(ConfigError, match=r'save_best of CheckpointHook names none/primary, and .* gives seg/primary'):
        run(tmp_path, checkpoint=KEEP_ONE | dict(save_best='none/primary')).train()
