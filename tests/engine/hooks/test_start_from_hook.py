from pathlib import Path

import pytest
import torch

from aurora_mm.apis import write_checkpoint
from aurora_mm.datasets.image_fingerprints import FINGERPRINTS, known_images, pack_fingerprints
from aurora_mm.engine import StartFromHook
from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models import MultiTaskModel
from tests.engine.hooks.tiny_run import tiny_config, tiny_run

SCORES = [(0.1, 0.1, 0.1)]


@pytest.fixture(scope='module')
def joint(tmp_path_factory):
    """A checkpoint of averaged weights."""
    folder = tmp_path_factory.mktemp('joint')
    hooks = [dict(type='EMAHook', momentum=0.3)]
    tiny_run('joint', folder, MultiTaskModel(**tiny_config()), SCORES * 2, epochs=2, hooks=hooks).train()
    return folder / 'epoch_2.pth'


def test_the_averaged_weights_are_started_from(joint, tmp_path):
    checkpoint = torch.load(joint)
    averaged, last = checkpoint['state_dict'], checkpoint['ema_state_dict']
    model = MultiTaskModel(**tiny_config(own_heads=True))
    hooks = [StartFromHook(), dict(type='EMAHook', momentum=0.3)]
    runner = tiny_run('start', tmp_path, model, hooks=hooks, load_from=str(joint))
    runner.call_hook('before_run')
    runner.load_or_resume()
    runner.call_hook('before_train')
    average = next(hook for hook in runner.hooks if hasattr(hook, 'ema_model'))
    for state in (model.state_dict(), average.ema_model.module.state_dict()):
        for task, kind in (('seg', 'segmentation'), ('cls', 'classification')):
            name = f'outputs.layers.{task}.weight'
            assert torch.equal(state[f'heads.{task}.{name}'], averaged[f'heads.{kind}.{name}'])
            assert not torch.equal(state[f'heads.{task}.{name}'], last[f'module.heads.{kind}.{name}'])


def test_the_images_of_the_other_training_are_known(joint, tmp_path):
    """A test of the new model on them must tell of it; a resumed run keeps knowing them."""
    images = [str(tmp_path / name) for name in ('old.png', 'new.png', 'other.png')]
    for image in images:
        Path(image).write_bytes(image.encode())
    content = torch.load(joint)
    content['meta']['dataset_meta'][FINGERPRINTS] = pack_fingerprints(images[:1])
    write_checkpoint(tmp_path / 'joint.pth', dict(meta=content['meta'], state_dict=content['state_dict']))

    def train(name, epochs, **kwargs):
        model = MultiTaskModel(**tiny_config())
        runner = tiny_run(name, tmp_path / name, model, SCORES * 2, epochs, hooks=[StartFromHook()], **kwargs)
        dataset = runner._train_dataloader['dataset']
        dataset.metainfo = dataset.metainfo | {FINGERPRINTS: pack_fingerprints(images[1:2])}
        runner.train()
        packed = torch.load(tmp_path / name / f'epoch_{epochs}.pth')['meta']['dataset_meta'][FINGERPRINTS]
        assert known_images(images, [packed]).tolist() == [True, True, False]

    train('start', 1, load_from=str(tmp_path / 'joint.pth'))
    train('again', 2, load_from=str(tmp_path / 'start' / 'epoch_1.pth'), resume=True)


def test_weights_that_do_not_fit_stop_the_run_with_the_file(joint, tmp_path):
    neck = dict(type='aurora_mm.TokenPyramid', out_channels=24)
    model = MultiTaskModel(**tiny_config(neck=dict(pyramid=neck, pooled=neck)))
    runner = tiny_run('other', tmp_path, model, hooks=[StartFromHook()], load_from=str(joint))
    with pytest.raises(WeightsError, match=r'epoch_2\.pth: .* has shape'):
        runner.train()


def test_a_run_without_weights_is_refused(tmp_path):
    runner = tiny_run('none', tmp_path, MultiTaskModel(**tiny_config()), hooks=[StartFromHook()])
    with pytest.raises(ConfigError, match='--load-from'):
        runner.train()


def test_a_resumed_run_is_left_alone(tmp_path):
    model = MultiTaskModel(**tiny_config(own_heads=True))
    tiny_run('first', tmp_path, model, SCORES, epochs=1).train()
    again = MultiTaskModel(**tiny_config(own_heads=True))
    checkpoint = str(tmp_path / 'epoch_1.pth')
    runner = tiny_run(
        'again', tmp_path, again, SCORES, epochs=1, hooks=[StartFromHook()], resume=True, load_from=checkpoint
    )
    runner.train()
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in model.state_dict().items())
